import type { Inspection } from './frame.js';

/** Golden vectors that are scored again while parts are inspected. */
export type Golden = {
	/** A part was given to the model: an idle station proves nothing and costs nothing. */
	used(): void;
	/** To be called between two parts; proves the next vector when it is time. @throws Failure bundle-golden, model-failed: nothing that the model scores is to be believed */
	between(): Promise<void>;
};

/** Proves one vector after the other, as often as the recipe of the moment says. */
export function goldenBy(inspection: () => Pick<Inspection, 'scorer' | 'recipe' | 'now'>): Golden {
	let provenMs = inspection().now();
	let isUsed = false;
	let turn = 0;
	return {
		used: () => {
			isUsed = true;
		},
		between: async () => {
			const { scorer, recipe, now } = inspection();
			const { goldenEveryMs } = recipe;
			if (!isUsed || goldenEveryMs === 0 || now() - provenMs < goldenEveryMs) return;
			await scorer.prove(turn);
			turn += 1;
			provenMs = now();
			isUsed = false;
		},
	};
}
