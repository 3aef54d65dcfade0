import { isDeepStrictEqual } from 'node:util';

const DAY_MS = 86_400_000;

/** When jobs begin: minutes. */
export const JOBS = { report: 5, selfCheck: 10, vacuum: 15 } as const;

/** In which stations that take frames by themselves rest. */
const QUIET = { from: '12:00', to: '12:01' } as const;
const QUIET_MS = [43_200_000, 43_260_000] as const;
/** How far the clock of a place without summer time is ahead of UTC. */
const ZONES = { UTC: 0, 'Asia/Kolkata': 19_800_000 } as const;

const jobs = Object.fromEntries(Object.entries(JOBS).map(([job, minutes]) => [job, `*/${minutes} * * * *`]));

/** What a schedule may be moved to, and when that is quiet in UTC. */
export const PLANS = [
	{ schedule: { ...jobs, zone: 'UTC' }, quietMs: undefined },
	{ schedule: { ...jobs, quiet: QUIET, zone: 'UTC' }, quietMs: QUIET_MS },
	{
		schedule: { ...jobs, quiet: QUIET, zone: 'Asia/Kolkata' },
		quietMs: [QUIET_MS[0] - ZONES['Asia/Kolkata'], QUIET_MS[1] - ZONES['Asia/Kolkata']],
	},
	{ schedule: { report: '*/10 * * * *', zone: 'UTC' }, quietMs: undefined },
] as const satisfies readonly {
	readonly schedule: Readonly<Record<string, unknown>>;
	readonly quietMs: readonly [number, number] | undefined;
}[];

/** As a patch: what it does not say goes. */
export function patchTo(plan: number): Readonly<Record<string, unknown>> {
	const { schedule } = PLANS[plan]!;
	const none = Object.fromEntries([...Object.keys(JOBS), 'quiet'].map((key) => [key, null]));
	return { ...none, ...schedule };
}

/** Which of them a configuration says; undefined where it is another. */
export function planIn(schedule: unknown): number | undefined {
	const found = PLANS.findIndex((plan) => isDeepStrictEqual(plan.schedule, schedule));
	return found < 0 ? undefined : found;
}

/** Moments within a day of UTC at which a schedule may turn. */
export const TURNS_MS = PLANS.flatMap(({ quietMs }) => quietMs ?? []).map((ms) => (ms + DAY_MS) % DAY_MS);
