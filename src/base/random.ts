/** A stream of pseudo-random numbers that is the same for the same seed on every machine. */
export type Random = {
	/** Uniform in [0, 1). */
	uniform(): number;
	/** Standard normal (Box and Muller). */
	normal(): number;
	/** A whole number in [0, n). */
	below(n: number): number;
};

/** The 32-bit generator 'mulberry32': small and fast, enough for weights, shuffles and pictures. */
export function randomFrom(seed: number): Random {
	let state = seed >>> 0;
	const uniform = () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let t = state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
	return {
		uniform,
		normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
		below: (n) => Math.floor(uniform() * n),
	};
}

/** One of them, all as likely; there must be one. */
export function oneOf<T>(of: readonly T[], random: Random): T {
	return of[random.below(of.length)]!;
}

/** The numbers 0 … n − 1 in random order (Fisher and Yates). */
export function permutation(n: number, random: Random): number[] {
	const order = Array.from({ length: n }, (_, i) => i);
	for (let i = n - 1; i > 0; i -= 1) {
		const j = random.below(i + 1);
		[order[i], order[j]] = [order[j]!, order[i]!];
	}
	return order;
}
