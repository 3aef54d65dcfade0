import { z } from 'zod';
import { type RuleName, ruleNames } from '../config/alarms.js';
import type { Entry, Event } from './events.js';
import {
	boxField,
	instant,
	instantOf,
	messageId,
	SCHEMA,
	schemaField,
	stationField,
	type Told,
} from './fields.js';

/** Of the alarm state machine of ISA-18.2. */
export const ALARM_STATES = {
	normal: 'Nothing stands.',
	'active-unacknowledged': 'Its condition stands, and nobody has acknowledged it.',
	'active-acknowledged': 'Its condition stands, and somebody has acknowledged it.',
	'latched-unacknowledged':
		'Its condition has gone, and nobody has acknowledged it: until then it is latched.',
} as const;

export type AlarmState = keyof typeof ALARM_STATES;

export const alarmStates = Object.keys(ALARM_STATES) as AlarmState[];

/** What can happen to an alarm. */
export const ALARM_CHANGES = ['raised', 'cleared', 'acknowledged', 'removed'] as const;

type AlarmChange = (typeof ALARM_CHANGES)[number];

const count = z.int().min(0);

export const alarmSchema = z
	.strictObject({
		schema: schemaField,
		box: boxField,
		station: stationField,
		active: count.describe('How many conditions stand, acknowledged or not.'),
		unacknowledged: count.describe('How many wait for somebody: for a lamp or a horn.'),
		alarms: z
			.array(
				z.strictObject({
					alarm: z.string().describe('Its name.'),
					rule: z.enum(ruleNames).describe('What raises it.'),
					state: z.enum(alarmStates).describe('In words of ISA-18.2.'),
					since: instant.nullable().describe('In this state; null: always.'),
					verdict: z
						.string()
						.nullable()
						.describe('The `id` of the verdict that raised it last; null where nothing stands.'),
					value: z.number().nullable().describe('What its rule measured then.'),
					setpoint: z.number().describe('What raises it.'),
					times: count.describe('How often it was raised since it was normal.'),
				}),
			)
			.describe('All of the station, in the order of its recipe.'),
		at: instant,
	})
	.describe('The alarms of a station.');

/** Retained: the alarms of a station. */
export type AlarmMessage = Told<typeof alarmSchema>;

/** How an alarm is. */
export type Alarm = {
	readonly alarm: string;
	readonly rule: RuleName;
	readonly state: AlarmState;
	/** Wall clock, in milliseconds. */
	readonly sinceMs: number | null;
	/** The event of the verdict that raised it last. */
	readonly verdict: number | null;
	readonly value: number | null;
	readonly setpoint: number;
	readonly times: number;
};

/** What happened to the alarms of a station, and how all of them are since: each event is whole. */
export type AlarmBody = {
	/** None: it is only said again. */
	readonly changes: readonly { readonly alarm: string; readonly change: AlarmChange }[];
	/** Who acknowledged. */
	readonly by: { readonly role: string; readonly place: string } | null;
	readonly comment: string | null;
	readonly alarms: readonly Alarm[];
	/** The event of the newest verdict that was looked at; 0: none. */
	readonly upTo: number;
	/** Names the rules that were looked with. */
	readonly rules: string;
};

/** What differs between the alarms of a station before and after one thing has happened. */
export function alarmChanges(before: readonly Alarm[], after: readonly Alarm[]): AlarmBody['changes'] {
	return before.flatMap((old) => {
		const now = after.find(({ alarm }) => alarm === old.alarm);
		if ((now?.state ?? 'normal') === old.state) return [];
		return { alarm: old.alarm, change: now ? changeBetween(old.state, now.state) : 'removed' };
	});
}

function changeBetween(before: AlarmState, after: AlarmState): AlarmChange {
	if (isActive(before) === isActive(after)) return 'acknowledged';
	return isActive(after) ? 'raised' : 'cleared';
}

/** Whether the condition stands. */
export function isActive(state: AlarmState): boolean {
	return state === 'active-unacknowledged' || state === 'active-acknowledged';
}

/** Whether it waits for somebody. */
export function isUnacknowledged(state: AlarmState): boolean {
	return state === 'active-unacknowledged' || state === 'latched-unacknowledged';
}

/** Alarms for the journal; `atMs` is wall clock time. */
export function alarmEntry(box: string, station: string, body: AlarmBody, atMs: number): Entry {
	return { kind: 'alarm', station, atMs, verdict: null, score: null, part: null, origin: { box }, body };
}

/** The alarms of a station as they are published, from their event in the journal; undefined: it has none any more. */
export function alarmMessage(
	{ station, atMs, origin, body }: Event,
	series: string,
): AlarmMessage | undefined {
	const { box } = origin as { readonly box: string };
	const { alarms } = body as AlarmBody;
	if (alarms.length === 0) return undefined;
	return {
		schema: SCHEMA,
		box,
		station: station!,
		active: alarms.filter(({ state }) => isActive(state)).length,
		unacknowledged: alarms.filter(({ state }) => isUnacknowledged(state)).length,
		alarms: alarms.map(({ sinceMs, verdict, alarm, rule, state, value, setpoint, times }) => ({
			alarm,
			rule,
			state,
			since: sinceMs === null ? null : instantOf(sinceMs),
			verdict: verdict === null ? null : messageId(series, verdict),
			value,
			setpoint,
			times,
		})),
		at: instantOf(atMs),
	};
}
