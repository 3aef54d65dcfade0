import { type AlarmConfig, MOST_PARTS, type RuleName, type RuleSettings, ruleOf } from '../config/alarms.js';
import { median } from '../measure/statistics.js';
import { type Alarm, type AlarmState, isActive } from '../protocol/alarm.js';
import type { Verdict } from '../protocol/verdict.js';

/** A verdict as rules see it. */
export type Sample = {
	/** Of its event. */
	readonly id: number;
	readonly verdict: Verdict;
	/** Score as share of the threshold; null where there is none. */
	readonly level: number | null;
	/** Wall clock, in milliseconds. */
	readonly recordedMs: number;
};

/** The alarms of a recipe, by name. */
export type Alarms = Readonly<Record<string, AlarmConfig>>;

/** The last `parts`, of those of the last `withinMs`; with fewer than `least` that count for something nothing can be told. */
type Window = { readonly parts: number; readonly withinMs: number; readonly least: number };

/** A rule: active where what it measures reaches `setpoint`, cleared at `reset` or below, and in between as it was. */
type Rule<S> = {
	readonly window: (settings: S) => Window;
	/** What a part counts for; null: it takes its place only. */
	readonly count: (sample: Sample, settings: S) => number | null;
	/** Of what was counted, the newest last; never of nothing. */
	readonly measure: (counted: readonly number[]) => number;
	readonly setpoint: (settings: S) => number;
	readonly reset: (settings: S) => number;
};

const ANY_TIME = Number.POSITIVE_INFINITY;
const MINUTE_MS = 60_000;

/** With fewer parts a share says little. */
const LEAST_PARTS = 20;

const KINDS: Readonly<Record<RuleSettings['kOfN']['of'], readonly Verdict[]>> = {
	rejects: ['reject'],
	errors: ['error'],
	both: ['reject', 'error'],
};

const countOf = ({ verdict }: Sample, { of }: Pick<RuleSettings['kOfN'], 'of'>): number =>
	KINDS[of].includes(verdict) ? 1 : 0;

const sumOf = (counted: readonly number[]): number => counted.reduce((sum, one) => sum + one, 0);

export const RULES: { readonly [N in RuleName]: Rule<RuleSettings[N]> } = {
	consecutive: {
		window: ({ n }) => ({ parts: n, withinMs: ANY_TIME, least: 1 }),
		count: countOf,
		measure: (counted) => counted.length - 1 - counted.lastIndexOf(0),
		setpoint: ({ n }) => n,
		reset: ({ n }) => n - 1,
	},
	kOfN: {
		window: ({ n }) => ({ parts: n, withinMs: ANY_TIME, least: 1 }),
		count: countOf,
		measure: sumOf,
		setpoint: ({ k }) => k,
		reset: ({ k }) => k - 1,
	},
	rate: {
		window: ({ parts = MOST_PARTS, minutes, least = Math.min(LEAST_PARTS, parts) }) => ({
			parts,
			withinMs: minutes === undefined ? ANY_TIME : minutes * MINUTE_MS,
			least,
		}),
		count: countOf,
		measure: (counted) => sumOf(counted) / counted.length,
		setpoint: ({ share }) => share,
		reset: ({ share, clearShare = share / 2 }) => clearShare,
	},
	score: {
		window: ({ parts }) => ({ parts, withinMs: ANY_TIME, least: Math.ceil(parts / 2) }),
		count: ({ level }) => level,
		measure: median,
		setpoint: ({ above }) => above,
		reset: ({ clearBelow }) => clearBelow,
	},
};

/** Latched until acknowledged: the state machine of ISA-18.2. */
export const TRANSITIONS: Readonly<
	Record<AlarmState, Readonly<Record<'raise' | 'clear' | 'acknowledge', AlarmState>>>
> = {
	normal: { raise: 'active-unacknowledged', clear: 'normal', acknowledge: 'normal' },
	'active-unacknowledged': {
		raise: 'active-unacknowledged',
		clear: 'latched-unacknowledged',
		acknowledge: 'active-acknowledged',
	},
	'active-acknowledged': {
		raise: 'active-acknowledged',
		clear: 'normal',
		acknowledge: 'active-acknowledged',
	},
	'latched-unacknowledged': {
		raise: 'active-unacknowledged',
		clear: 'latched-unacknowledged',
		acknowledge: 'normal',
	},
};

/** The alarms of these rules: those that stand keep their state, also where their rule is another now. */
export function alarmsFor(rules: Alarms, standing: readonly Alarm[]): readonly Alarm[] {
	return Object.entries(rules).map(([alarm, config]) => {
		const rule = ruleOf(config);
		const before = standing.find((one) => one.alarm === alarm);
		return {
			...(before ?? untouched),
			alarm,
			rule,
			setpoint: withRule(config, rule, ({ setpoint }, of) => setpoint(of)),
		};
	});
}

/** The alarms after the newest of `samples`, which come in the order in which they were recorded; `atMs` is wall clock time. */
export function judged(
	rules: Alarms,
	alarms: readonly Alarm[],
	samples: readonly Sample[],
	atMs: number,
): readonly Alarm[] {
	const newest = samples.at(-1);
	return alarms.map((alarm) => {
		const config = rules[alarm.alarm];
		if (!config || !newest) return alarm;
		const { value, stands } = withRule(config, ruleOf(config), (rule, of) =>
			looked(rule, of, samples, isActive(alarm.state)),
		);
		return after(alarm, stands ? 'raise' : 'clear', atMs, { value, verdict: newest.id });
	});
}

/** An alarm after somebody has acknowledged it; the same where there is nothing to acknowledge. */
export function acknowledged(alarm: Alarm, atMs: number): Alarm {
	return after(alarm, 'acknowledge', atMs);
}

/** How many of the newest verdicts the rules look at. */
export function mostParts(rules: Alarms): number {
	const each = Object.values(rules).map((config) =>
		withRule(config, ruleOf(config), ({ window }, of) => window(of).parts),
	);
	return Math.max(0, ...each);
}

const untouched = { state: 'normal', sinceMs: null, verdict: null, value: null, times: 0 } as const;

function after(
	alarm: Alarm,
	input: 'raise' | 'clear' | 'acknowledge',
	atMs: number,
	by?: Pick<Alarm, 'value' | 'verdict'>,
): Alarm {
	const state = TRANSITIONS[alarm.state][input];
	if (state === alarm.state) return alarm;
	if (state === 'normal') return { ...alarm, ...untouched, sinceMs: atMs };
	const isRaised = input === 'raise';
	return { ...alarm, state, sinceMs: atMs, ...(isRaised && { ...by, times: alarm.times + 1 }) };
}

function looked<S>(
	rule: Rule<S>,
	settings: S,
	samples: readonly Sample[],
	stood: boolean,
): { readonly value: number | null; readonly stands: boolean } {
	const { parts, withinMs, least } = rule.window(settings);
	const nowMs = samples.at(-1)!.recordedMs;
	const counted: number[] = [];
	for (let i = Math.max(0, samples.length - parts); i < samples.length; i += 1) {
		const sample = samples[i]!;
		// What a clock that was set since shows in the future was not within these minutes either.
		if (Math.abs(nowMs - sample.recordedMs) > withinMs) continue;
		const count = rule.count(sample, settings);
		if (count !== null) counted.push(count);
	}
	if (counted.length < least) return { value: null, stands: stood };
	const value = rule.measure(counted);
	const stands = value >= rule.setpoint(settings) || (stood && value > rule.reset(settings));
	return { value, stands };
}

/** Calls with a rule and what it is set to. */
function withRule<N extends RuleName, T>(
	config: AlarmConfig,
	name: N,
	call: (rule: Rule<RuleSettings[N]>, settings: RuleSettings[N]) => T,
): T {
	return call(RULES[name], config[name] as RuleSettings[N]);
}
