import { examples } from '../../src/protocol/examples.js';
import type { Said } from './plant.js';

export type Message = { readonly topic: string; readonly payload: Buffer; readonly retain: boolean };

export const message = (topic: string, value: object, retain = false): Message => ({
	topic: `inspectord/${topic}`,
	payload: Buffer.from(JSON.stringify(value)),
	retain,
});
export const verdict = (sequence: number, more: object = {}): Message =>
	message('t/s/verdict', {
		...examples.verdict,
		box: 't',
		station: 's',
		heatmaps: [],
		id: `9c1f04d2ab34-${sequence + 1000}`,
		sequence,
		verdict: 'accept',
		resultEvaluation: 'OK',
		late: false,
		...more,
	});
export const late = (sequence: number) => verdict(sequence, { late: true });
const gap = (from: number, to: number, reason = 'retention') =>
	message('t/s/gap', {
		...examples.gap,
		box: 't',
		station: 's',
		id: `9c1f04d2ab34-${from + 9000}`,
		from,
		to,
		reason,
	});
const box = (state: string) => message('t/state', { ...examples.boxState, box: 't', state }, true);
const alarm = (active: number, unacknowledged: number) =>
	message('t/s/alarm', { ...examples.alarm, box: 't', station: 's', active, unacknowledged }, true);
const health = (verdicts: number, oldestAgeS: number | null) =>
	message(
		't/health',
		{ ...examples.health, box: 't', outbox: { verdicts, pictures: 0, oldest: null, oldestAgeS } },
		true,
	);

export const S = 1000;
export const MIN = 60 * S;

export const inWords = ({
	kind,
	sequence,
	from,
	to,
	reason,
	state,
	is,
	isGood,
	active,
	unacknowledged,
}: Said): string => {
	const range = from === undefined ? [] : [`${from}-${to}`, reason];
	const words = {
		part: [sequence, isGood ? '' : 'not good'],
		state: [state],
		picture: [is],
		alarm: [`${active}/${unacknowledged}`],
	}[kind] ?? [sequence, ...range];
	return [kind, ...words].filter((word) => word !== undefined && word !== '').join(' ');
};

/** Messages that come at their times (a time alone asks what is overdue), and what is said of them in few words. */
export const cases: Readonly<Record<string, readonly [readonly (Message | number)[], readonly string[]]>> = {
	'what comes in order is said, what comes twice is repeated': [
		[verdict(7), verdict(8), verdict(7), verdict(9), verdict(8)],
		['part 7', 'part 8', 'repeated 7', 'part 9', 'repeated 8'],
	],
	'a hole that late ones fill is none': [
		[verdict(7), verdict(10), 30 * S, late(8), 80 * S, late(9), 10 * MIN],
		['part 7', 'part 10', 'part 8', 'part 9'],
	],
	'a hole that nobody fills is missing after a minute, once': [
		[verdict(7), verdict(10), 59 * S, verdict(11), 60 * S, 61 * S, 10 * MIN],
		['part 7', 'part 10', 'part 11', 'missing 8-9'],
	],
	'while late ones are on their way to a hole, it may still be filled': [
		[verdict(7), verdict(100), 50 * S, late(8), 100 * S, late(9), 150 * S, 159 * S, 160 * S],
		['part 7', 'part 100', 'part 8', 'part 9', 'missing 10-99'],
	],
	'late ones that have passed a hole do not fill it': [
		[verdict(7), verdict(9), verdict(20), 50 * S, late(10), 60 * S, 110 * S],
		['part 7', 'part 9', 'part 20', 'part 10', 'missing 8-8', 'missing 11-19'],
	],
	'what was missing and comes after all is found': [
		[verdict(7), verdict(9), 60 * S, late(8)],
		['part 7', 'part 9', 'missing 8-8', 'found 8', 'part 8'],
	],
	'while the box is gone nothing is missing': [
		[box('online'), verdict(7), verdict(9), 10 * S, box('offline'), 600 * S, box('online'), 650 * S, 660 * S],
		['state online', 'part 7', 'part 9', 'state offline', 'state online', 'missing 8-8'],
	],
	'while the box has a backlog nothing is missing': [
		[verdict(7), verdict(9), health(3, 4000), 600 * S, health(1, 0.1), 601 * S],
		['part 7', 'part 9', 'missing 8-8'],
	],
	'alarms are told when another number of them stands or waits, and when they are taken away': [
		[
			alarm(0, 0),
			alarm(1, 1),
			alarm(1, 1),
			alarm(1, 0),
			{ ...alarm(1, 1), payload: Buffer.from('') },
			alarm(0, 1),
			message('t/s/alarm', { ...examples.alarm, active: '1' }, true),
		],
		['alarm 1/1', 'alarm 1/0', 'alarm 0/0', 'alarm 0/1', 'unread'],
	],
	'a gap says why, before or after its hole is seen, and twice is once': [
		[
			verdict(7),
			verdict(20),
			gap(8, 12),
			gap(8, 12),
			gap(13, 18, 'refused'),
			600 * S,
			verdict(14),
			gap(21, 30),
			verdict(31),
			900 * S,
		],
		[
			'part 7',
			'part 20',
			'gap 8-12 retention',
			'repeated',
			'gap 13-18 refused',
			'missing 19-19',
			'found 14',
			'part 14',
			'gap 21-30 retention',
			'part 31',
		],
	],
	'what waited before we came is no hole, and not said twice': [
		[late(3), verdict(500), late(4), late(4), gap(10, 20), verdict(501), 600 * S],
		['part 3', 'part 500', 'part 4', 'repeated 4', 'gap 10-20 retention', 'part 501'],
	],
	'another series counts from 1': [
		[verdict(7), verdict(3, { id: 'ffffffffffff-9' }), verdict(4, { id: 'ffffffffffff-10' }), 60 * S],
		['part 7', 'series', 'part 3', 'part 4', 'missing 1-2'],
	],
	'only what says so twice is good': [
		[
			verdict(1),
			verdict(2, { verdict: 'error', resultEvaluation: 'NotDecidable' }),
			verdict(3, { verdict: 'reject', resultEvaluation: 'NotOK' }),
			verdict(4, { verdict: 'accept', resultEvaluation: 'NotDecidable' }),
			verdict(5, { resultEvaluation: undefined }),
		],
		['part 1', 'part 2 not good', 'part 3 not good', 'part 4 not good', 'part 5 not good'],
	],
	'what cannot be read is told, and changes nothing': [
		[
			verdict(1),
			verdict(9, { schema: 2 }),
			{ ...verdict(9), retain: true },
			{ ...verdict(9), payload: Buffer.from('{"schema":1') },
			{ ...verdict(9), payload: Buffer.from('null') },
			{ ...verdict(9), payload: Buffer.from([0xff, 0xd8]) },
			verdict(9, { id: 5 }),
			verdict(9, { sequence: '9' }),
			verdict(9, { heatmaps: null }),
			message('t/s/constructor', { schema: 1 }),
			verdict(2),
			600 * S,
		],
		['part 1', ...Array.from({ length: 9 }, () => 'unread'), 'part 2'],
	],
};
