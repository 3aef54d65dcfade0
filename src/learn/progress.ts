/** What teaching says while it works: from the teaching process to whoever watches. */
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
	| { readonly phase: 'calibrating'; readonly done: number; readonly of: number }
	| { readonly phase: 'warning'; readonly message: string };

/** What teaching ends with. */
export type Taught = {
	readonly bundle: string;
	readonly images: number;
	readonly heldOut: number;
	readonly iterations: number;
	readonly seconds: number;
	readonly loss: number;
	readonly threshold: number;
	/** True when the teacher's weights were drawn from a seed: good for a demonstration only. */
	readonly seededTeacher: boolean;
};
