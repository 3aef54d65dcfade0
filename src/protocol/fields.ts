import { z } from 'zod';

/** What a schema describes, as those read it who must not change it. */
export type Told<S extends z.ZodType> = Fixed<z.infer<S>>;

type Fixed<T> = T extends readonly (infer E)[]
	? readonly Fixed<E>[]
	: T extends object
		? { readonly [K in keyof T]: Fixed<T[K]> }
		: T;

/** Of a message: what may change within one is written in docs/mqtt.md. */
export const SCHEMA = 1;

export const schemaField = z.literal(SCHEMA).describe('Version of the message.');

/** UTC with milliseconds. */
export const instant = z
	.string()
	.regex(
		/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
		'must be a time in UTC with milliseconds, like 2026-11-25T13:05:00.000Z',
	)
	.refine((text) => !Number.isNaN(Date.parse(text)), 'there is no such time')
	.meta({ format: 'date-time', description: 'UTC, with milliseconds.' });

export const sha256 = z
	.string()
	.regex(/^[0-9a-f]{64}$/)
	.describe('SHA-256, in hexadecimal.');

export const idField = z.string().describe('Never given twice: what comes again with it is a repetition.');

export const boxField = z.string().describe('Name of the box.');

export const stationField = z.string().describe('Name of the station.');

export const errorField = z
	.strictObject({
		code: z.string().describe('A code that is never given another meaning.'),
		message: z.string().describe('For people.'),
	})
	.nullable();

/** @returns UTC with milliseconds */
export function instantOf(wallMs: number): string {
	return new Date(wallMs).toISOString();
}

/** Of a verdict or gap: a journal's series, and its event there. */
export function messageId(series: string, event: number): string {
	return `${series}-${event}`;
}
