import type { Waiting } from './link.js';
import type { Outgoing } from './outlet.js';

/** Two sources as one: what waits in the first goes first. */
export function inOrder(first: Waiting, second: Waiting): Waiting {
	const ofFirst = new WeakSet<Outgoing>();
	const ownerOf = (message: Outgoing) => (ofFirst.has(message) ? first : second);
	return {
		next: (skip) => {
			const message = first.next(skip);
			if (message) ofFirst.add(message);
			return message ?? second.next(skip);
		},
		holds: (message) => ownerOf(message).holds(message),
		acknowledge: (message) => ownerOf(message).acknowledge(message),
		refuse: (message, why) => ownerOf(message).refuse(message, why),
		postpone: (message) => ownerOf(message).postpone(message),
		recall: () => {
			first.recall();
			second.recall();
		},
		get settled() {
			return first.settled && second.settled;
		},
	};
}
