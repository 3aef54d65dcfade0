import { z } from 'zod';
import { nearest } from '../base/words.js';
import { decodeFrom } from './decode.js';
import { instant, instantOf, SCHEMA, schemaField, stationField, type Told } from './fields.js';
import { healthSchema } from './health.js';
import { stationStateSchema } from './states.js';
import { VERDICTS } from './verdict.js';

/** Who asks, each one with the rights of those before. */
export const ROLES = {
	viewer: 'Looks, and changes nothing.',
	operator: 'Runs the line.',
	engineer: 'Changes how it is inspected.',
} as const;

export type Role = keyof typeof ROLES;

export const roles = Object.keys(ROLES) as Role[];

/** Whether `role` has the rights of `needed`. */
export function hasRights(role: Role, needed: Role): boolean {
	return roles.indexOf(role) >= roles.indexOf(needed);
}

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

const id = z
	.string()
	.regex(/^[\x21-\x7e]{1,64}$/, 'must be 1 to 64 printable characters without spaces')
	.describe('Chosen by who asks, once for each request: what comes again with it gets the kept answer.');

const client = z
	.string()
	.regex(
		/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/,
		'must be letters, digits, "-", "_" or ".", at most 64, and start with a letter or digit',
	)
	.describe('Who asks: the answer goes to `<root>/<box>/answer/<client>`. Needless with a response topic.');

/** What every request has. */
export const envelopeSchema = z.strictObject({
	id: id.optional().describe(`${id.description} Needless with correlation data.`),
	client: client.optional(),
	before: instant.optional().describe('Not to be done after this moment.'),
});

const count = z.int().min(0);

const version = z.string().nullable();

/** What can be asked. */
export const REQUESTS = {
	state: {
		role: 'viewer',
		changes: false,
		limitMs: 5000,
		bytes: 4096,
		ask: z.strictObject({}),
		result: z.strictObject({
			box: z.string(),
			version: z.string(),
			connected: z.boolean().describe('Whether the broker is reached.'),
			stations: z.array(stationStateSchema).describe('As on their topics.'),
		}),
		summary: 'What the stations do.',
		example: {},
	},
	health: {
		role: 'viewer',
		changes: false,
		limitMs: 5000,
		bytes: 4096,
		ask: z.strictObject({}),
		result: healthSchema,
		summary: 'How the box is, as it was told last.',
		example: {},
	},
	events: {
		role: 'viewer',
		changes: false,
		limitMs: 20_000,
		bytes: 4096,
		ask: z.strictObject({
			station: z.string().min(1).max(64).optional().describe('Of this station alone.'),
			since: instant.optional().describe('From then on.'),
			verdict: z.enum(VERDICTS).optional().describe('Verdicts like this alone.'),
			part: z.string().min(1).max(256).optional().describe('What was decided on this part.'),
			limit: z.int().min(1).max(100).default(20).describe('The newest so many.'),
		}),
		result: z.strictObject({
			events: z
				.array(
					z.strictObject({
						id: z.string(),
						kind: z.string(),
						station: stationField.nullable(),
						sequence: count.nullable(),
						at: instant,
						recorded: instant,
						verdict: z.enum(VERDICTS).nullable(),
						score: z.number().nullable(),
						part: z.string().nullable(),
						origin: z.record(z.string(), z.unknown()),
						body: z.record(z.string(), z.unknown()),
					}),
				)
				.describe('In the order in which they were recorded.'),
			isMore: z.boolean().describe('Older ones were left out because the answer would be too large.'),
		}),
		summary: 'What happened: verdicts, gaps and states from the journal.',
		example: { verdict: 'reject', limit: 5 },
	},
	selfcheck: {
		role: 'operator',
		changes: false,
		limitMs: 120_000,
		bytes: 4096,
		ask: z.strictObject({
			station: z.string().min(1).max(64).optional().describe('This station alone.'),
		}),
		result: z.strictObject({
			stations: z.array(
				z.strictObject({
					station: stationField,
					passed: z.boolean(),
					message: z.string().nullable().describe('Why not.'),
				}),
			),
		}),
		summary: 'Every station scores its golden vectors again; it says as it goes which one has passed.',
		example: {},
	},
	diagnostics: {
		role: 'operator',
		changes: false,
		limitMs: 5000,
		bytes: 4096,
		ask: z.strictObject({}),
		result: z.strictObject({
			versions: z.strictObject({
				inspectord: z.string(),
				node: z.string(),
				onnxruntime: version,
				opencv: version,
			}),
			boot: z.string().nullable(),
			series: z.string().describe('Of the journal.'),
			stations: z.array(
				z.strictObject({
					station: stationField,
					state: stationStateSchema.shape.state,
					provider: z.string().nullable().describe('What computes.'),
					precision: z.string().nullable(),
					bundle: z.string().nullable(),
					pid: count.nullable(),
					restarts: count,
				}),
			),
			broker: z.strictObject({
				connected: z.boolean(),
				connections: count,
				waiting: z.strictObject({ verdicts: count, pictures: count }),
				refused: z.strictObject({ verdicts: count, heatmaps: count }),
			}),
			journal: z.strictObject({
				events: count,
				bytes: count,
				freeBytes: count,
				waiting: count,
				failure: z.string().nullable().describe('Why it cannot be written to now.'),
			}),
			troubles: z
				.array(
					z.strictObject({
						at: instant,
						level: z.enum(['error', 'warning']),
						about: z.string(),
						message: z.string(),
					}),
				)
				.describe('The last warnings and errors of the log.'),
		}),
		summary: 'Versions, what computes, and the last errors.',
		example: {},
	},
	letters: {
		role: 'viewer',
		changes: false,
		limitMs: 10_000,
		bytes: 4096,
		ask: z.strictObject({
			limit: z.int().min(1).max(200).default(50).describe('The newest so many.'),
		}),
		result: z.strictObject({
			letters: z.array(
				z.strictObject({
					letter: count.describe('To name it by.'),
					outlet: z.string(),
					station: stationField.nullable(),
					sequence: count.nullable(),
					reason: z.string(),
					at: instant,
				}),
			),
			all: count,
		}),
		summary: 'Dead letters: which verdicts the broker refused, and why.',
		example: { limit: 10 },
	},
	redeliver: {
		role: 'operator',
		changes: true,
		limitMs: 20_000,
		bytes: 16_384,
		ask: z.strictObject({
			letters: z
				.array(count)
				.min(1)
				.max(1000)
				.optional()
				.describe('As `letters` names them; by default all.'),
		}),
		result: z.strictObject({ letters: count }),
		summary: 'Dead letters are said again, marked `late`.',
		example: {},
	},
} as const satisfies Readonly<Record<string, Row>>;

type Row = {
	/** Who may ask, at least. */
	readonly role: Role;
	/** Whether anything is another than before: then it is never done without its claim on disk. */
	readonly changes: boolean;
	readonly limitMs: number;
	/** Of the whole request. */
	readonly bytes: number;
	readonly ask: z.ZodObject;
	readonly result: z.ZodObject;
	readonly summary: string;
	/** What is asked, for documents and tests. */
	readonly example: object;
};

export type RequestName = keyof typeof REQUESTS;

export const requestNames = Object.keys(REQUESTS) as RequestName[];

/** What each request asks. */
export type Ask<N extends RequestName> = Told<(typeof REQUESTS)[N]['ask']>;

/** What each request is answered with. */
export type Result<N extends RequestName> = Told<(typeof REQUESTS)[N]['result']>;

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
		of: count,
		text: z.string().describe('For people.'),
	})
	.describe('How far a request is: its answer follows.');

/** Said while a request is worked on. */
export type Progress = Told<typeof progressSchema>;

/** Who a request is from and how it is answered, as far as that can be read. */
export type Envelope = {
	readonly id?: string | undefined;
	readonly client?: string | undefined;
	readonly before?: string | undefined;
};

export type Refused = {
	readonly code: 'invalid' | 'unknown';
	readonly text: string;
	readonly faults: readonly Fault[];
};

/** `envelope` stands also where the rest is refused, with what could be read of it. */
export type Read = { readonly envelope: Envelope } & (
	| { readonly request: { [N in RequestName]: { readonly name: N; readonly ask: Ask<N> } }[RequestName] }
	| { readonly refused: Refused }
);

const DEPTH = 16;

/** Faults that are told, and of each so many characters. */
const MOST_FAULTS = 20;
const LONGEST = 200;

/** Reads a request as it came; no bytes ask nothing. */
export function readRequest(name: string, bytes: Uint8Array): Read {
	const row = Object.hasOwn(REQUESTS, name) ? REQUESTS[name as RequestName] : undefined;
	const most = row?.bytes ?? 4096;
	const read =
		bytes.length === 0 ? { value: {} } : decodeFrom(z.unknown(), bytes, { bytes: most, depth: DEPTH });
	if ('refusal' in read) return { envelope: {}, refused: invalid([{ path: '', message: read.refusal }]) };
	const known = envelopeIn(read.value);
	if (!row) {
		const meant = nearest(name.slice(0, LONGEST), requestNames);
		const hint = meant ? `did you mean "${meant}"?` : `there are ${requestNames.join(', ')}`;
		const text = `There is no request "${name.slice(0, LONGEST)}": ${hint}`;
		return { envelope: known, refused: { code: 'unknown', text, faults: [] } };
	}
	const whole = z.strictObject({ ...envelopeSchema.shape, ...row.ask.shape });
	const result = whole.safeParse(read.value);
	if (!result.success) {
		const faults = result.error.issues.flatMap((issue) => faultsOf(issue, Object.keys(whole.shape)));
		return { envelope: known, refused: invalid(faults) };
	}
	const { id: _id, client: _client, before: _before, ...ask } = result.data as Envelope & object;
	return { envelope: result.data as Envelope, request: { name, ask } as never };
}

/** The parts of an envelope that are right, of whatever was sent. */
function envelopeIn(value: unknown): Envelope {
	if (typeof value !== 'object' || value === null) return {};
	const sent = value as Readonly<Record<string, unknown>>;
	return {
		...(id.safeParse(sent.id).success && { id: sent.id as string }),
		...(client.safeParse(sent.client).success && { client: sent.client as string }),
	};
}

function invalid(faults: readonly Fault[]): Refused {
	const [first] = faults;
	const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
	const text = first ? `${first.path === '' ? '' : `${first.path}: `}${first.message}${more}` : '';
	const told = faults.slice(0, MOST_FAULTS);
	return { code: 'invalid', text, faults: told };
}

function faultsOf(issue: z.core.$ZodIssue, keys: readonly string[]): Fault[] {
	if (issue.code === 'unrecognized_keys')
		return issue.keys.map((key) => {
			const meant = nearest(key.slice(0, LONGEST), keys);
			return {
				path: key.slice(0, LONGEST),
				message: `unknown key${meant ? `, did you mean "${meant}"?` : `: there are ${keys.join(', ')}`}`,
			};
		});
	const path = issue.path.map(String).join('.').slice(0, LONGEST);
	return [{ path, message: issue.message.replace(/^Invalid (input|option): /, '').slice(0, LONGEST) }];
}
