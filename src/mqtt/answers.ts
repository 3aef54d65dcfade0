import type { Waiting } from './link.js';
import type { Outgoing } from './outlet.js';

/** Answers on their way to who asked; they stand elsewhere too. */
export type Answers = Waiting & {
	/** `isTaken`: the broker has it; called with false when it will never have it. */
	put(message: Outgoing, over: (isTaken: boolean) => void): void;
	/** What had to go because too much waited. */
	readonly dropped: number;
};

type Held = Outgoing & { readonly over: (isTaken: boolean) => void; isSending: boolean };

/** Answers that wait, in their order; the oldest go. */
const MOST = 256;
const MOST_BYTES = 8e6;

/** A bounded queue of answers as a source of messages. */
export function createAnswers(): Answers {
	const held = new Set<Held>();
	let bytes = 0;
	let dropped = 0;
	const release = (message: Outgoing): Held | undefined => {
		const entry = message as Held;
		if (!held.delete(entry)) return undefined;
		bytes -= entry.payload.length;
		return entry;
	};
	return {
		put: (message, over) => {
			held.add({ ...message, over, isSending: false });
			bytes += message.payload.length;
			for (const oldest of held) {
				if (held.size <= MOST && bytes <= MOST_BYTES) break;
				release(oldest);
				dropped += 1;
			}
		},
		get dropped() {
			return dropped;
		},
		get settled() {
			return held.size === 0;
		},
		next: (skip) => {
			for (const entry of held) {
				if (entry.isSending || skip(entry)) continue;
				entry.isSending = true;
				return entry;
			}
			return undefined;
		},
		holds: (message) => held.has(message as Held),
		acknowledge: (message) => release(message)?.over(true),
		refuse: (message) => release(message)?.over(false),
		postpone: (message) => {
			(message as Held).isSending = false;
		},
		recall: () => {
			for (const entry of held) entry.isSending = false;
		},
	};
}
