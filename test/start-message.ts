import type { CameraConfig, RecipeConfig } from '../src/config/schema.js';
import type { StationDown } from '../src/protocol/station-messages.js';

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
