/**
 * Numbers in [0, 1) that Python makes just so, for values computed there once: x ← (1664525 x + 1013904223) mod 2³²,
 * giving the upper 24 bits of x over 2²⁴, which float32 holds exactly.
 */
export function uniformFrom(seed: number): () => number {
	let x = seed;
	return () => {
		x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
		return (x >>> 8) / 2 ** 24;
	};
}
