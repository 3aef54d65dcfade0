import { aborted, eitherOf } from '../base/retry.js';

/** Whether nothing is to be looked at now. */
export type Rest = {
	readonly isOn: boolean;
	turn(isOn: boolean): void;
	/** Resolves when it is over, or the signal is aborted. */
	over(signal: AbortSignal): Promise<void>;
};

export function createRest(): Rest {
	/** Aborted while it is not on. */
	let awake = new AbortController();
	awake.abort();
	return {
		get isOn() {
			return !awake.signal.aborted;
		},
		turn: (isOn) => {
			if (!isOn) awake.abort();
			else if (awake.signal.aborted) awake = new AbortController();
		},
		over: async (signal) => {
			using either = eitherOf(awake.signal, signal);
			await aborted(either.signal);
		},
	};
}
