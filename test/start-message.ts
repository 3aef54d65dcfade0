import type { CameraConfig, RecipeConfig } from '../src/config/schema.js';
import type { StationDown } from '../src/protocol/station-messages.js';

/** A camera as it is configured by default. */
export function cameraWith(given: Partial<CameraConfig> & Pick<CameraConfig, 'source'>): CameraConfig {
	return { loop: false, timeoutMs: 5000, latencyMs: 0, silentMs: 1500, mostLagMs: 1000, ...given };
}

/** What starts the process of station `s` of box `t`. */
export function startMessage(
	recipe: RecipeConfig,
	camera: CameraConfig,
): Extract<StationDown, { kind: 'start' }> {
	return {
		kind: 'start',
		box: 't',
		boot: null,
		revision: null,
		station: 's',
		recipeName: 'r',
		recipe,
		camera,
		engineFolder: '/nowhere/engines',
		shunned: [],
		stations: 1,
		keep: { pictures: 'rejects', frames: false },
	};
}
