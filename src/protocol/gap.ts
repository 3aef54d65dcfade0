import { z } from 'zod';
import type { Entry, Event } from './events.js';
import {
	boxField,
	idField,
	instant,
	instantOf,
	messageId,
	SCHEMA,
	schemaField,
	stationField,
	type Told,
} from './fields.js';

/** Why nobody will hear of verdicts that were numbered. */
export const GAP_REASONS = {
	retention: 'They were deleted to make room, or because of their age, before the broker had them.',
	'disk-full': 'There was no room to write them down.',
	damaged: 'The journal that held them was damaged.',
	refused: 'The broker refused them: they are kept as dead letters.',
} as const;

export type GapReason = keyof typeof GAP_REASONS;

export const gapSchema = z
	.strictObject({
		schema: schemaField,
		id: idField,
		box: boxField,
		station: stationField,
		from: z.int().min(1).describe('The first `sequence` that is missing.'),
		to: z.int().min(1).describe('The last `sequence` that is missing.'),
		reason: z.enum(Object.keys(GAP_REASONS) as GapReason[]),
		recorded: instant,
		published: instant,
	})
	.describe('Verdicts that nobody will hear of.');

export type GapMessage = Told<typeof gapSchema>;

/** Which numbers of the station, both ends included. */
export type Gap = Pick<GapMessage, 'from' | 'to' | 'reason'>;

/** A gap for the journal. */
export function gapEntry(box: string, station: string, gap: Gap, atMs: number): Entry {
	return {
		kind: 'gap',
		station,
		atMs,
		verdict: null,
		score: null,
		part: null,
		origin: { box },
		body: gap,
	};
}

/** A gap as it is published, from its event in the journal. */
export function gapMessage(
	{ id, station, recordedMs, origin, body }: Event,
	{ series, publishedMs }: { readonly series: string; readonly publishedMs: number },
): GapMessage {
	const { box } = origin as { readonly box: string };
	return {
		schema: SCHEMA,
		id: messageId(series, id),
		box,
		station: station!,
		...(body as Gap),
		recorded: instantOf(recordedMs),
		published: instantOf(publishedMs),
	};
}
