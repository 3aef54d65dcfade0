import type { Entry, Event } from '../protocol/events.js';
import type { Numbers, Row } from './exchange.js';

/** The times that a Date can be. */
const LATEST_MS = 8.64e15;

/** An entry as it goes to the writer; a time that is none becomes the time of recording. @throws TypeError, RangeError for what is no JSON */
export function rowOf(entry: Entry, recordedMs: number): Row {
	const { kind, station, atMs, verdict, score, part, origin, body, settles } = entry;
	return {
		kind,
		station,
		verdict,
		part,
		atMs: Math.abs(atMs) <= LATEST_MS ? Math.round(atMs) : recordedMs,
		score: Number.isNaN(score) ? null : score,
		origin: JSON.stringify(origin),
		body: JSON.stringify(body),
		settles: settles ?? null,
	};
}

/** The event as it will be read from the disk. */
export function eventOf(row: Row, recordedMs: number, numbers: Numbers): Event {
	const { kind, station, atMs, verdict, score, part, origin, body } = row;
	return {
		kind,
		station,
		atMs,
		verdict,
		score,
		part,
		id: numbers.id,
		sequence: numbers.sequence,
		recordedMs,
		origin: JSON.parse(origin) as object,
		body: JSON.parse(body) as object,
	};
}
