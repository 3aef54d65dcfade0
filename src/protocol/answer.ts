import { z } from 'zod';
import { instant, instantOf, SCHEMA, schemaField, type Told } from './fields.js';

/** How a request ended. */
export const CODES = {
	ok: 'It was done.',
	invalid: 'It cannot be understood: `faults` says where and why. Nothing was done.',
	conflict: 'It does not fit to what stands now, or its id belongs to another request. Nothing was done.',
	denied: 'The role that asks may not. Nothing was done.',
	busy: 'Too much is asked now. Nothing was done: ask again later, with the same id.',
	late: 'It came after its own `before`, and nothing was done; or it was not done in time, and what came of it is not known.',
	interrupted: 'The box went down while it was worked on: what came of it is not known.',
	unknown: 'There is no such request. Nothing was done.',
	failed: 'It was tried and failed: `text` says why.',
} as const;

export type Code = keyof typeof CODES;

const count = z.int().min(0);

const fault = z.strictObject({ path: z.string(), message: z.string() });

/** What is wrong with a request, and where. */
export type Fault = Told<typeof fault>;

export const answerSchema = z
	.strictObject({
		schema: schemaField,
		id: z.string().nullable().describe("The request's; null where it had none that could be read."),
		request: z.string().describe('Its name.'),
		code: z.enum(Object.keys(CODES) as Code[]),
		text: z.string().describe('For people.'),
		faults: z.array(fault).describe('Of code `invalid`: every one.'),
		result: z
			.record(z.string(), z.unknown())
			.nullable()
			.describe('Of code `ok`: what was asked for (docs/control.md).'),
		at: instant,
	})
	.describe('How a request ended, once for each id.');

/** The one answer to a request. */
export type Answer = Told<typeof answerSchema>;

/** `atMs` is wall clock time. */
export function answerMessage(said: Omit<Answer, 'schema' | 'at'>, atMs: number): Answer {
	const { id, request, code, text, faults, result } = said;
	return { schema: SCHEMA, id, request, code, text, faults, result, at: instantOf(atMs) };
}

export const progressSchema = z
	.strictObject({
		schema: schemaField,
		id: z.string(),
		request: z.string(),
		done: count,
		of: count.describe('0 where nobody knows how many steps there are.'),
		text: z.string().describe('For people.'),
	})
	.describe('How far a request is: its answer follows.');

/** Said while a request is worked on. */
export type Progress = Told<typeof progressSchema>;
