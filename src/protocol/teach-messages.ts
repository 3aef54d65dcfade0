import type { FailureCode } from '../base/failure.js';
import type { Precision } from '../base/precision.js';
import type { Backbone } from '../model/architecture.js';
import type { Preset } from '../model/manifest.js';
import type { Grid } from '../model/tiling.js';
import type { Rect } from '../vision/image.js';
import type { Wobble } from '../vision/warp.js';

/** What to teach, and from what; everything that can change the bundle. */
export type TeachRequest = {
	/** A folder of good images, or so many parts of the simulated line. */
	readonly images: string | { readonly sim: { readonly seed: number; readonly count: number } };
	/** A safetensors file; without one the teacher has seeded random weights. */
	readonly teacher?: string;
	/** A safetensors file of a student that was trained elsewhere: then nothing is trained. */
	readonly student?: string;
	/** Without one: what the teacher's file says it is, or resnet18. */
	readonly backbone?: Backbone;
	/** The plain name of the bundle: it is written beside it, under the name of its content. */
	readonly out: string;
	readonly name: string;
	/** Side of the squares that the network sees. */
	readonly size: number;
	readonly tiles: Grid;
	readonly preset: Preset;
	/** What the model shall compute in, if that scores like float32. */
	readonly precision: Precision;
	/** A data set of labelled images, which a lower precision must tell apart as well as float32. */
	readonly labelled?: string;
	/** Training steps; 'auto': until the loss has settled, and the cooling after it. */
	readonly iterations: number | 'auto';
	readonly batch: number;
	readonly seed: number;
	/** Share of the images that is kept from training, for the threshold. */
	readonly holdout: number;
	/** The rate of rejected good parts that is allowed; without one the threshold is the maximum. */
	readonly falseRejects?: number;
	readonly region?: Rect;
	/** Augmentation: each picture is turned and moved by chance each time that it is learnt. */
	readonly wobble?: Wobble;
	readonly threads: number;
	/** Goes on from the checkpoint of an interrupted lesson, where there is one. */
	readonly resume?: boolean;
};

/** What teaching says while it works. */
export type Progress =
	| { readonly phase: 'features'; readonly done: number; readonly of: number; readonly secondsLeft: number }
	| {
			readonly phase: 'training';
			readonly done: number;
			readonly of: number;
			readonly loss: number;
			readonly secondsLeft: number;
			readonly memoryMb: number;
	  }
	| { readonly phase: 'calibrating' | 'comparing'; readonly done: number; readonly of: number }
	| { readonly phase: 'warning'; readonly message: string };

/** What teaching ends with. */
export type Taught = {
	/** Its folder, named by its content: `bundles/lid@1c947c1d`. */
	readonly bundle: string;
	/** Whether the plain name leads to it; what had that name keeps it. */
	readonly isNamed: boolean;
	readonly images: number;
	readonly heldOut: number;
	readonly iterations: number;
	readonly seconds: number;
	/** Of the last step; null when nothing was trained. */
	readonly loss: number | null;
	readonly threshold: number;
	readonly falseRejectBound: number;
	readonly precision: Precision;
	/** True when the teacher's weights were drawn from a seed: good for a demonstration only. */
	readonly seededTeacher: boolean;
};

export type TeachDown = { readonly kind: 'teach'; readonly request: TeachRequest };

export type TeachUp =
	| { readonly kind: 'progress'; readonly progress: Progress }
	| { readonly kind: 'taught'; readonly taught: Taught }
	| {
			readonly kind: 'failed';
			readonly code: FailureCode;
			readonly message: string;
			readonly advice?: string;
	  }
	/** A fault of ours. */
	| { readonly kind: 'fault'; readonly stack: string };
