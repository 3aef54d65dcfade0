import type { Provider } from '../base/provider.js';
import type { CameraConfig, Config, RecipeConfig } from '../config/schema.js';
import type { PictureDown, PictureUp } from './picture-messages.js';
import type { StationReport } from './states.js';
import type { Origin, Part, StationVerdict, Trigger } from './verdict.js';

/** Of a station's settings those that it can be told while it inspects; the others of the recipe stay as they are. */
export type LiveSettings = {
	readonly recipeName: string;
	readonly recipe: RecipeConfig;
	readonly keep: Pick<Config['journal'], 'pictures' | 'frames'>;
	/** Of all that the configuration says of the station. */
	readonly revision: string | null;
};

/**
 * A part that a signal made due. Times are milliseconds of the machine's monotonic clock, which is the same in all processes; each maps
 * them to its own once.
 */
export type DuePart = Pick<Part, 'runSequence' | 'part'> & {
	/** Who counts these parts. */
	readonly run: string;
	readonly trigger: Trigger;
	/** When the signal came. */
	readonly atMs: number;
	/** From then on the part is in view, and so long at most. */
	readonly fromMs: number;
	readonly untilMs: number;
};

/** What a station's process is told. */
export type StationDown =
	| ({
			readonly kind: 'start';
			readonly box: string;
			/** Of the machine. */
			readonly boot: string | null;
			readonly station: string;
			readonly camera: CameraConfig;
			/** Where engines of TensorRT are kept. */
			readonly engineFolder: string;
			/** How many there are now, with this one: they share the processor. */
			readonly stations: number;
			/** Engines (SHA-256) that this station does not run with, though they lie there. */
			readonly shunned: readonly string[];
			/** With these a process of this station died while it tried them: others come first, unless nothing else may compute. */
			readonly avoided?: readonly Provider[];
			/** Proves its bundle, says that it is ready, and opens its camera when it is told to start without this. */
			readonly hold?: true;
	  } & LiveSettings)
	/** Settings that change between two parts, without a pause. */
	| ({ readonly kind: 'settings' } & LiveSettings)
	/** A verdict is owed for it. */
	| { readonly kind: 'due'; readonly due: DuePart }
	/** It takes no frames by itself while it rests. */
	| { readonly kind: 'rest'; readonly rests: boolean }
	| { readonly kind: 'self-check' }
	| PictureDown;

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
			/** Of a part that was told: its frame was exposed between these, on the machine's clock; null where nobody knows. */
			readonly exposed: { readonly sinceMs: number; readonly byMs: number } | null;
	  }
	/** What is kept of the part whose verdict was told last. */
	| { readonly kind: 'kept'; readonly jpeg: Uint8Array }
	/** Its bundle is proven: from here on nothing takes minutes. */
	| { readonly kind: 'equipped' }
	/** What it tries next to compute on, which can take the whole process down. */
	| { readonly kind: 'trying'; readonly provider: Provider }
	/** What it computes with. */
	| { readonly kind: 'engines'; readonly engines: Engines }
	| { readonly kind: 'self-checked' }
	/** Its camera is closed, and its last verdict told: what is left is to end. */
	| { readonly kind: 'released' }
	/** It holds a proven bundle and waits; what it is in words, and on what it computes. */
	| ({ readonly kind: 'ready'; readonly message: string } & Pick<StationReport, 'model' | 'degraded'>)
	/** The next part is judged by the settings of this revision. */
	| { readonly kind: 'told'; readonly revision: string | null }
	| PictureUp
	/** Frames of a live camera that nobody inspected, since the process started. */
	| { readonly kind: 'beat'; readonly droppedFrames: number };
