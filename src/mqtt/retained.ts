import type { Outgoing, Source } from './outlet.js';

type Word = {
	readonly message: Outgoing;
	state: 'waiting' | 'sending' | 'acknowledged' | 'refused';
};

/** Values of a topic that wait behind one that is on its way, so that a subscriber sees how it came to the newest; more are left out. */
const MOST_EARLIER = 8;

/**
 * What shall stand on the broker, a value a topic, and whether it does. What waits behind a value on its way is sent after it;
 * a new connection is told the newest alone.
 */
export type Retained = Source & {
	set(topic: string, payload: Uint8Array): void;
	/** A new connection, perhaps to a broker that forgot: everything is said again. */
	sayAgain(): void;
	/** Whether the broker has answered the newest value of every topic. */
	readonly settled: boolean;
	/** Whether the newest value of a topic stands on the broker. */
	stands(topic: string): boolean;
};

/** @param kind what its messages are counted as */
export function createRetained(): Retained {
	const words = new Map<string, Word>();
	const earlier = new Map<string, Outgoing[]>();
	const inFlight = new Map<string, Outgoing>();
	const answer = (message: Outgoing, state: 'acknowledged' | 'refused' | 'waiting'): void => {
		if (inFlight.get(message.topic) === message) inFlight.delete(message.topic);
		const word = words.get(message.topic);
		if (word?.message === message) word.state = state;
	};
	return {
		set: (topic, payload) => {
			const before = words.get(topic);
			if (before?.state === 'waiting' && inFlight.has(topic))
				earlier.set(topic, [...(earlier.get(topic) ?? []), before.message].slice(-MOST_EARLIER));
			words.set(topic, { message: { topic, payload, kind: 'state' }, state: 'waiting' });
		},
		sayAgain: () => {
			earlier.clear();
			for (const word of words.values()) word.state = 'waiting';
		},
		next: (skip) => {
			for (const [topic, word] of words) {
				// Two values of one topic on their way could arrive in the wrong order when one is answered "later".
				if (word.state !== 'waiting' || inFlight.has(topic) || skip(word.message)) continue;
				const message = earlier.get(topic)?.shift() ?? word.message;
				if (message === word.message) word.state = 'sending';
				inFlight.set(topic, message);
				return message;
			}
			return undefined;
		},
		holds: (message) => words.get(message.topic)?.message === message,
		acknowledge: (message) => answer(message, 'acknowledged'),
		refuse: (message) => answer(message, 'refused'),
		postpone: (message) => answer(message, 'waiting'),
		recall: () => {
			inFlight.clear();
			earlier.clear();
			for (const word of words.values()) if (word.state === 'sending') word.state = 'waiting';
		},
		get settled() {
			return [...words.values()].every(({ state }) => state === 'acknowledged' || state === 'refused');
		},
		stands: (topic) => words.get(topic)?.state === 'acknowledged',
	};
}
