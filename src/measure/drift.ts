/** What a measure was like of so many good parts. */
export type Usual = { readonly mean: number; readonly deviation: number; readonly count: number };

/**
 * How far from usual the mean may lie for good, in deviations, and what exceeds that in sum before it is a drift: a large one is seen
 * within tens of parts, a small one within hundreds.
 */
export const WINDOWS = {
	fast: { tolerated: 1, limit: 15 },
	slow: { tolerated: 0.5, limit: 50 },
} as const;
export type Window = keyof typeof WINDOWS;

/** One part says no more than this, in deviations. */
const MOST = 4;

/** How surely the mean of good parts is known: so many standard errors of it are tolerated, too. */
const ERRORS = 2;

/** A sum grows no further than to this share of its limit: what is over is forgotten as soon. */
const CAP = 1.5;

/** A measure has drifted: for so many parts it was not back, and their mean. */
export type Shift = { readonly window: Window; readonly parts: number; readonly mean: number };

export type Detector = {
	add(value: number): void;
	/** The faster window first. */
	shift(): Shift | undefined;
};

type Sum = {
	readonly window: Window;
	readonly sign: 1 | -1;
	readonly excess: number;
	readonly parts: number;
	readonly total: number;
	readonly isFound: boolean;
};

/** Page's test with Hinkley's tolerance, upwards and downwards (Page 1954, Biometrika 41; Hinkley 1971, Biometrika 58). */
export function driftDetector({ mean, deviation, count }: Usual): Detector {
	const none = { excess: 0, parts: 0, total: 0, isFound: false };
	let sums: readonly Sum[] = (Object.keys(WINDOWS) as Window[]).flatMap((window) =>
		([1, -1] as const).map((sign) => ({ window, sign, ...none })),
	);
	return {
		add: (value) => {
			const apart = Math.max(-MOST, Math.min(MOST, (value - mean) / deviation));
			sums = sums.map(({ window, sign, excess, parts, total, isFound }) => {
				const { tolerated, limit } = WINDOWS[window];
				const next = excess + sign * apart - tolerated - ERRORS / Math.sqrt(count);
				// What is no number ends the sum, too.
				if (!(next > 0)) return { window, sign, ...none };
				return {
					window,
					sign,
					excess: Math.min(next, CAP * limit),
					parts: parts + 1,
					total: total + value,
					isFound: isFound || next > limit,
				};
			});
		},
		shift: () => {
			const found = sums.find(({ isFound }) => isFound);
			return found && { window: found.window, parts: found.parts, mean: found.total / found.parts };
		},
	};
}
