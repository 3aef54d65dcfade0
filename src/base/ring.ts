/** The newest so many of what comes. */
export type Ring<T> = { put(one: T): void; all(): readonly T[] };

export function createRing<T>(most: number): Ring<T> {
	const held: T[] = [];
	let next = 0;
	return {
		put: (one) => {
			held[next] = one;
			next = (next + 1) % most;
		},
		all: () => (held.length < most ? [...held] : [...held.slice(next), ...held.slice(0, next)]),
	};
}
