/** What may be in force of one setting, and when. */
type Claim = {
	readonly value: string;
	/** Whose wish it is: that of who asked, of a hand, which hears nothing of what came of it, or of a box that starts. */
	readonly by: string;
	readonly fromMs: number;
	untilMs: number;
	/** Something judged so, and nothing else was the reason for it. */
	isUsed: boolean;
};

/** Those who have no id. */
export const HAND = 'hand';
export const BOX = 'box';

/** Claims of a setting that are remembered. */
const MOST_CLAIMS = 256;

/** So long after a refusal is heard what was refused may judge: its process is ended, or hangs until it is killed. */
const LEAVING_MS = 30_000;
/** The same of what another has taken over from. */
const TAKEN_OVER_MS = 1000;

/** Which values each setting may have had at each moment of the machine's clock, as far as one who asks for them can know. */
export function createClaims(now: () => number) {
	const settings = new Map<string, Claim[]>();
	const of = (setting: string): Claim[] => settings.get(setting) ?? [];
	const all = () => [...settings.values()].flat();
	const claim = (setting: string, value: string, by: string): void => {
		const isKnown = (one: Claim) =>
			one.by === by && one.value === value && one.untilMs === Number.POSITIVE_INFINITY;
		if (of(setting).some(isKnown)) return;
		const one = { value, by, fromMs: now(), untilMs: Number.POSITIVE_INFINITY, isUsed: false };
		settings.set(setting, [...of(setting), one].slice(-MOST_CLAIMS));
	};
	return {
		claim,
		/** Whether it may have been in force at this moment. */
		allows: (setting: string, value: string, atMs: number): boolean => {
			const found = of(setting).filter(
				(one) => one.value === value && one.fromMs <= atMs && atMs <= one.untilMs,
			);
			const [only, other] = found;
			if (only && !other) only.isUsed = true;
			return found.length > 0;
		},
		/** Nothing was moved. @returns what judged so nevertheless */
		unmoved: (by: string): readonly string[] => {
			const used = all().filter((one) => one.by === by && one.isUsed);
			for (const [setting, claims] of settings)
				settings.set(
					setting,
					claims.filter((one) => one.by !== by),
				);
			return used.map(({ value }) => value);
		},
		/** What ran before runs. */
		failed: (by: string): void => {
			for (const one of all()) if (one.by === by) one.untilMs = Math.min(one.untilMs, now() + LEAVING_MS);
		},
		/** It stands: what somebody wanted before does not. What a hand has written may still come. */
		stands: (by: string): void => {
			for (const claims of settings.values()) {
				const mine = claims.find((one) => one.by === by);
				if (!mine) continue;
				for (const one of claims)
					if (one.by !== HAND && one.fromMs < mine.fromMs)
						one.untilMs = Math.min(one.untilMs, now() + TAKEN_OVER_MS);
			}
		},
		/** Everything is well: these alone are in force. */
		settle: (values: ReadonlyMap<string, string>): void => {
			for (const [setting, claims] of settings) {
				const value = values.get(setting);
				const stands = claims.findLast((one) => one.value === value && one.untilMs >= now());
				settings.set(setting, stands ? [stands] : []);
				if (!stands && value !== undefined) claim(setting, value, BOX);
			}
		},
	};
}

export type Claims = ReturnType<typeof createClaims>;
