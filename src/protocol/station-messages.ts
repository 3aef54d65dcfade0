import type { CameraConfig, Config, RecipeConfig } from '../config/schema.js';
import type { StationReport } from './states.js';
import type { Origin, Part, StationVerdict } from './verdict.js';

/** Of a station's settings those that it can be told while it inspects; the others of the recipe stay as they are. */
export type LiveSettings = {
	readonly recipe: RecipeConfig;
	readonly keep: Pick<Config['journal'], 'pictures' | 'frames'>;
	/** Of all that the configuration says of the station. */
	readonly revision: string | null;
};

/** What a station's process is told. */
export type StationDown =
	| ({
			readonly kind: 'start';
			readonly box: string;
			/** Of the machine. */
			readonly boot: string | null;
			readonly station: string;
			readonly recipeName: string;
			readonly camera: CameraConfig;
	  } & LiveSettings)
	/** Settings that change between two parts, without a pause. */
	| ({ readonly kind: 'settings' } & LiveSettings)
	| { readonly kind: 'self-check' };

/** Versions of what a station's process computes with. */
export type Engines = { readonly onnxruntime: string; readonly opencv: string };

/** What a station's process says. A part: it is due, and its verdict follows. A beat: the process's thread is not blocked. */
export type StationUp =
	| { readonly kind: 'state'; readonly report: StationReport }
	| { readonly kind: 'part'; readonly origin: Origin; readonly part: Part }
	| {
			readonly kind: 'verdict';
			readonly verdict: StationVerdict;
			/** JPEGs, in the order of the verdict's `heatmaps`. */
			readonly pictures: readonly Uint8Array[];
	  }
	/** What is kept of the part whose verdict was told last. */
	| { readonly kind: 'kept'; readonly jpeg: Uint8Array }
	/** What it computes with. */
	| { readonly kind: 'engines'; readonly engines: Engines }
	| { readonly kind: 'self-checked' }
	/** Frames of a live camera that nobody inspected, since the process started. */
	| { readonly kind: 'beat'; readonly droppedFrames: number };
