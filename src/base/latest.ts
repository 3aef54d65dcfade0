/**
 * A mailbox of one: a newer value replaces one that nobody took, and the replaced one is handed to `discard` and counted.
 * One taker at a time.
 */
export class Latest<T> {
	#value: T | undefined;
	#waiting: ((value: T | undefined) => void) | undefined;
	#dropped = 0;
	readonly #discard: (value: T) => void;

	constructor(discard: (value: T) => void = () => {}) {
		this.#discard = discard;
	}

	/** Values that were replaced before anybody took them. */
	get dropped(): number {
		return this.#dropped;
	}

	put(value: T): void {
		const waiting = this.#waiting;
		if (waiting) {
			this.#waiting = undefined;
			waiting(value);
			return;
		}
		if (this.#value !== undefined) {
			this.#dropped += 1;
			this.#discard(this.#value);
		}
		this.#value = value;
	}

	/** The newest value, as soon as there is one; undefined once the signal is aborted. */
	async take(signal: AbortSignal): Promise<T | undefined> {
		if (signal.aborted) return undefined;
		const value = this.#value;
		if (value !== undefined) {
			this.#value = undefined;
			return value;
		}
		return new Promise((resolve) => {
			const end = () => {
				this.#waiting = undefined;
				resolve(undefined);
			};
			signal.addEventListener('abort', end, { once: true });
			this.#waiting = (next) => {
				signal.removeEventListener('abort', end);
				resolve(next);
			};
		});
	}
}
