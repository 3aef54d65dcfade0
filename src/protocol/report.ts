import { z } from 'zod';
import type { Entry } from './events.js';
import { boxField, instant, instantOf, SCHEMA, schemaField, stationField, type Told } from './fields.js';

const count = z.int().min(0);

export const reportSchema = z
	.strictObject({
		schema: schemaField,
		box: boxField,
		from: instant
			.nullable()
			.describe('The report before; where there is none, the oldest event of the journal.'),
		stations: z
			.array(
				z.strictObject({
					station: stationField,
					parts: count,
					accepted: count,
					rejected: count,
					errors: count,
				}),
			)
			.describe('Those that have verdicts of this time, and those that run.'),
		at: instant,
	})
	.describe('What was judged since the report before, as the journal holds it.');

/** Retained: what was judged since the report before. */
export type Report = Told<typeof reportSchema>;

/** `fromMs` and `atMs` are wall clock time. */
export function reportMessage(
	{ box, stations, fromMs }: Pick<Report, 'box' | 'stations'> & { readonly fromMs: number | null },
	atMs: number,
): Report {
	return {
		schema: SCHEMA,
		box,
		from: fromMs === null ? null : instantOf(fromMs),
		stations,
		at: instantOf(atMs),
	};
}

/** `through`: the last event that it counts, which the next one begins after. */
export function reportEntry(report: Report, through: number | null): Entry {
	return {
		kind: 'report',
		station: null,
		atMs: Date.parse(report.at),
		verdict: null,
		score: null,
		part: null,
		origin: {},
		body: { ...report, through },
	};
}
