import type { CameraConfig, RecipeConfig } from '../config/schema.js';
import type { StationState } from './states.js';
import type { VerdictMessage } from './verdict.js';

/** What a station's process is told. */
export type StationDown =
	| {
			readonly kind: 'start';
			readonly box: string;
			readonly station: string;
			readonly recipeName: string;
			readonly recipe: RecipeConfig;
			readonly camera: CameraConfig;
	  }
	| { readonly kind: 'self-check' };

/** A picture on its way to the broker. */
export type Heatmap = { readonly topic: string; readonly jpeg: Uint8Array };

/** What a station's process says. A beat: its thread is not blocked. */
export type StationUp =
	| { readonly kind: 'state'; readonly state: StationState }
	| { readonly kind: 'verdict'; readonly message: VerdictMessage; readonly heatmaps: readonly Heatmap[] }
	| { readonly kind: 'beat' };
