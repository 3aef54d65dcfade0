import { z } from 'zod';
import { PRECISIONS } from '../base/precision.js';
import { alarmSchema, alarmStates } from './alarm.js';
import type { Code } from './answer.js';
import { revisionField } from './configuration.js';
import { engineField } from './engines.js';
import { instant, sha256, stationField, type Told } from './fields.js';
import { healthSchema } from './health.js';
import { lessonSchema, planSchema } from './lesson.js';
import type { Role } from './roles.js';
import { stationStateSchema } from './states.js';
import { metadataField, partField, REASONS, type Reason, VERDICTS } from './verdict.js';

const count = z.int().min(0);

const version = z.string().nullable();

/** As in the configuration. */
const nameField = z.string().min(1).max(64);

/** A threshold that the configuration takes. */
const score = z.number().positive();

/** What an edit came to. */
const editedField = z.strictObject({
	rev: z.string().describe('The revision of the configuration that stands now.'),
	before: z.string().describe('The one before.'),
	changed: z.array(z.string()).describe('Settings that differ.'),
});

const bundleField = z.strictObject({
	bundle: z.string().describe('Its name and what it holds.'),
	at: instant.nullable().describe('When it was taught.'),
	threshold: z.number().nullable().describe('That teaching found.'),
	precision: z.enum(PRECISIONS).nullable().describe('What it computes in.'),
	pictures: count.nullable().describe('From so many good ones.'),
	complete: z
		.boolean()
		.describe('Its files are there; whether they are what they were is proven when it is activated.'),
	fault: z.string().nullable().describe('Why it is not complete.'),
	recipes: z.array(z.string()).describe('That inspect with it.'),
});

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
			alarms: z.array(alarmSchema).describe('Of the stations that have some, as on their topics.'),
		}),
		summary: 'What the stations do, and their alarms.',
	},
	health: {
		role: 'viewer',
		changes: false,
		limitMs: 5000,
		bytes: 4096,
		ask: z.strictObject({}),
		result: healthSchema,
		summary: 'How the box is, as it was told last.',
		answers: {
			busy: 'The box has just started.',
		},
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
	},
	diagnostics: {
		role: 'operator',
		changes: false,
		limitMs: 30_000,
		bytes: 4096,
		ask: z.strictObject({
			logs: z
				.boolean()
				.default(false)
				.describe(
					'Write it all to a file on the box as well: the last lines of the log, the configuration, the last events; without secrets.',
				),
		}),
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
			logs: z
				.strictObject({ file: z.string(), bytes: count, sha256 })
				.nullable()
				.describe('Where they lie on the box (tar.gz); the last five are kept there.'),
		}),
		summary: 'Versions, what computes, and the last errors.',
	},
	snapshot: {
		role: 'operator',
		changes: false,
		limitMs: 15_000,
		bytes: 4096,
		ask: z.strictObject({
			station: z.string().min(1).max(64),
			longestSide: z
				.int()
				.min(32)
				.max(4096)
				.default(1280)
				.describe('The picture is shrunk to this many pixels.'),
			quality: z.int().min(10).max(100).default(80).describe('Of the JPEG.'),
		}),
		result: z.strictObject({
			station: stationField,
			taken: instant,
			width: count,
			height: count,
			bytes: count,
			sha256,
			topic: z.string().nullable().describe('Where the broker has it; null when it was asked on the box.'),
			file: z.string().nullable().describe('Where it lies on the box, when it was asked there.'),
		}),
		summary:
			'A picture of what a station sees now, of a frame that was taken after this was asked. No part is judged for it, and none loses its frame to it: of a folder, a video or the simulated line it is the frame of the next part.',
	},
	teach: {
		role: 'viewer',
		changes: {
			role: 'engineer',
			when: ({ action }) => action !== 'show' && action !== 'follow',
			what: 'begin, change or end a lesson',
		},
		limitMs: 60_000,
		bytes: 16_384,
		ask: z.strictObject({
			action: z
				.enum(['begin', 'follow', 'show', 'strike', 'resume', 'cancel'])
				.default('show')
				.describe(
					'`begin`: with `name`, and `folder` or `station` and `parts`. `follow`: tells how it goes, for most of a minute. `strike`: takes kept pictures away. `resume`: goes on with what waits, failed or was interrupted. `cancel`: ends it.',
				),
			...planSchema.partial().shape,
			strike: z
				.array(z.int().min(1))
				.min(1)
				.max(1000)
				.optional()
				.describe('Pictures that show no good part.'),
			keep: z.boolean().optional().describe('Of `cancel`: what it has so far stays for `resume`.'),
		}),
		result: z.strictObject({
			lesson: lessonSchema.nullable().describe('As on its topic; null before the first.'),
			pictures: z
				.array(z.strictObject({ part: z.int().min(1), score: z.number().nullable() }))
				.describe('Of `show` and `strike`: what is kept, and what it scored.'),
			folder: z.string().nullable().describe('Where they lie, when it was asked on the box.'),
		}),
		summary:
			'A lesson on the box: from a folder of good pictures, or from the next parts of a station. It is answered when it has begun; how it goes is told on `<root>/<box>/lesson`. It moves nothing: a recipe is given the bundle by an edit.',
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
	},
	config: {
		role: 'viewer',
		changes: {
			role: 'engineer',
			when: ({ action, patch, document, text }) =>
				[patch, document, text].some((given) => given !== undefined) ||
				(action !== undefined && action !== 'show' && action !== 'history'),
			what: 'change the configuration',
		},
		limitMs: 3_600_000,
		bytes: 262_144,
		ask: z.strictObject({
			action: z
				.enum(['show', 'edit', 'history', 'rollback', 'confirm'])
				.optional()
				.describe('By default `edit` where something is to be another, else `show`.'),
			baseRev: z
				.string()
				.max(64)
				.optional()
				.describe(
					'Of `edit`: the revision that it was made from; `conflict` if another stands. Only a patch may go without, and then changes whatever stands.',
				),
			patch: z
				.record(z.string(), z.unknown())
				.optional()
				.describe('What is to be another, as a JSON Merge Patch (RFC 7396): null takes a setting away.'),
			document: z
				.record(z.string(), z.unknown())
				.optional()
				.describe('Or the whole configuration as it is to be written, as `show` tells it.'),
			text: z.string().optional().describe('Or the whole file, in YAML.'),
			dryRun: z.boolean().optional().describe('Parsed, allowed and tried, but not moved to.'),
			confirmTimeoutS: z
				.int()
				.min(1)
				.max(86_400)
				.optional()
				.describe(
					'Undone unless it is confirmed (`confirm`) within so many seconds, also when the box goes down.',
				),
			rev: z
				.string()
				.max(64)
				.optional()
				.describe(
					'Of `rollback`: to which revision, by default to the one before. Of `confirm`: which one, by default the one that waits.',
				),
		}),
		result: z.strictObject({
			rev: revisionField,
			confirmBy: instant.nullable().describe('It is undone if it is not confirmed by then.'),
			changed: z.array(z.string()).describe('Settings that differ from before.'),
			findings: z
				.array(z.strictObject({ path: z.string(), message: z.string() }))
				.describe('Of `dryRun`: what was tried.'),
			document: z
				.record(z.string(), z.unknown())
				.nullable()
				.describe(
					'Of `show`: the configuration as it is written, without secrets; what is hidden in it stays as it is when it comes back.',
				),
			effective: z
				.record(z.string(), z.unknown())
				.nullable()
				.describe('Of `show`: what is in effect, defaults included.'),
			revisions: z
				.array(z.strictObject({ rev: revisionField, at: instant, by: z.string(), what: z.string() }))
				.describe('Of `history`: the newest first.'),
		}),
		summary:
			'The configuration: shown, changed whole or not at all, confirmed, or brought back. What differs is tried before anything moves, and watched after.',
		answers: {
			conflict: 'Another revision stands than `baseRev`, or one waits to be confirmed.',
			denied: 'A setting is not changed from there: `faults` says which.',
			failed: 'What was wanted does not run; what ran before does.',
		},
	},
	acknowledge: {
		role: 'operator',
		changes: true,
		limitMs: 10_000,
		bytes: 4096,
		ask: z.strictObject({
			station: z.string().min(1).max(64).optional().describe('Its alarms alone; by default those of all.'),
			alarm: z.string().min(1).max(64).optional().describe('Alarms of this name alone; by default all.'),
			comment: z.string().max(256).optional().describe('Kept with it in the journal.'),
		}),
		result: z.strictObject({
			alarms: z
				.array(
					z.strictObject({
						station: stationField,
						alarm: z.string(),
						state: z.enum(alarmStates).describe('Since then.'),
					}),
				)
				.describe('Those that were acknowledged.'),
		}),
		summary: 'Alarms are acknowledged: active ones stay until their condition goes, latched ones go.',
	},
	trigger: {
		role: 'operator',
		changes: true,
		isSignal: true,
		limitMs: 660_000,
		bytes: 8192,
		ask: z.strictObject({
			station: z
				.string()
				.min(1)
				.max(64)
				.describe('Whose part is due now: it inspects by `trigger: { mode: request }`.'),
			part: partField.optional().describe('Which part, for its verdict.'),
			metadata: metadataField
				.optional()
				.describe('What else its verdict is to say: 1,024 bytes of JSON at most.'),
			wait: z
				.boolean()
				.default(false)
				.describe('Answer with the verdict, and not that the part waits for it.'),
		}),
		result: z.strictObject({
			station: stationField,
			at: instant.describe('When the signal came: the deadline counts from then on.'),
			waiting: count.describe('So many parts waited for their verdict then, this one among them.'),
			verdict: z
				.strictObject({
					id: z.string().describe("The verdict's."),
					sequence: count.nullable(),
					verdict: z.enum(VERDICTS),
					reason: z.enum(Object.keys(REASONS) as Reason[]).nullable(),
					score: z.number().nullable(),
					threshold: z.number().nullable(),
				})
				.nullable()
				.describe('Where it was waited for.'),
		}),
		summary: 'A part is due at a station: the frame that shows it is exposed after this.',
		answers: {
			busy: 'As many parts wait as `trigger.queue` allows, or the signal came too soon after the one before.',
		},
	},
	bundles: {
		role: 'viewer',
		changes: {
			role: 'engineer',
			when: ({ action }) => action === 'activate' || action === 'rollback',
			what: 'activate one or roll back',
		},
		limitMs: 900_000,
		bytes: 4096,
		ask: z.strictObject({
			action: z
				.enum(['list', 'activate', 'rollback'])
				.default('list')
				.describe(
					'`activate`: the recipe inspects with this bundle from now on. `rollback`: with the one that it had before. Both are edits of `recipes.<name>.model`.',
				),
			recipe: nameField
				.optional()
				.describe('Needed to activate or roll back; a list shows those that lie beside its own.'),
			bundle: z.string().min(1).max(256).optional().describe('Needed to activate: as a list names it.'),
		}),
		result: z.strictObject({
			bundles: z.array(bundleField).describe('Of a list the newest; else the one that the recipe has now.'),
			isMore: z.boolean().describe('Older ones were left out.'),
			edited: editedField
				.extend({
					recipe: z.string(),
					stations: z.array(stationField).describe('That run the recipe.'),
					was: z.string().describe('The bundle that it had before.'),
				})
				.nullable()
				.describe('Null of a list, and where nothing had to be done.'),
		}),
		summary: 'Bundles on the box: what there is, and which one a recipe inspects with.',
		answers: {
			conflict: 'There is no such bundle, or the recipe had none before.',
			failed:
				'The bundle is damaged or does not score its golden vectors, or the station does not run with it; what ran before does.',
		},
	},
	engines: {
		role: 'viewer',
		changes: {
			role: 'engineer',
			when: ({ action }) => action === 'build' || action === 'remove',
			what: 'build or remove one',
		},
		limitMs: 14_400_000,
		bytes: 4096,
		ask: z.strictObject({
			action: z
				.enum(['list', 'build', 'remove'])
				.default('list')
				.describe(
					'`build`: of a recipe, or of a bundle; it tells how far it is, and is answered when the engine lies there and the stations that wanted it are moved. `remove`: takes one away with which no station computes.',
				),
			recipe: nameField.optional().describe('Of `build`: its bundle, in its precision.'),
			bundle: z.string().min(1).max(256).optional().describe('Or a bundle, as `bundles` lists them.'),
			precision: z.enum(PRECISIONS).optional().describe('Of `build`: by default what the bundle runs in.'),
			again: z
				.boolean()
				.optional()
				.describe('Of `build`: also where one lies there, or could not be built before.'),
			engine: z.string().min(1).max(128).optional().describe('Needed to remove: its `id`.'),
		}),
		result: z.strictObject({
			engines: z.array(engineField).describe('As on their topic; of `build` the one that was asked for.'),
			kept: z
				.array(
					z.strictObject({
						id: z.string(),
						bundle: z.string().nullable().describe('That it was built for first.'),
						at: instant.nullable().describe('When it was built, or could not be.'),
						machine: z.string().nullable().describe('TensorRT, SM, driver and L4T on which alone it runs.'),
						fault: z.string().nullable().describe('Why it is none, or was not built.'),
					}),
				)
				.describe('Of `list`: what lies on the disk, also for other machines.'),
			removed: z.string().nullable().describe('Of `remove`.'),
		}),
		summary:
			'Engines of TensorRT: which stations compute with one, what is built, and what lies on the disk. The box builds by itself what its stations want (`engines.build`).',
		answers: {
			conflict: 'There is no such bundle or engine, or a station computes with it.',
			failed: 'It could not be built, does not score like float32, or a station did not run with it.',
			late: 'It was not done in time: it goes on, and the topic tells how.',
		},
	},
	threshold: {
		role: 'viewer',
		changes: { role: 'engineer', when: ({ apply }) => apply !== undefined, what: 'apply one' },
		limitMs: 300_000,
		bytes: 4096,
		ask: z.strictObject({
			station: nameField.optional().describe('Its recipe, and the parts of this station alone.'),
			recipe: nameField.optional().describe('Needless where there is one only.'),
			values: z
				.array(score)
				.min(1)
				.max(50)
				.optional()
				.describe('Thresholds to try; by default the one that stands and the one that teaching found.'),
			since: instant
				.optional()
				.describe(
					'Parts from then on: since the light or the region was changed, scores mean something else.',
				),
			apply: z
				.union([z.literal('bundle'), score])
				.optional()
				.describe(
					'Tried like the others, and then the threshold of the recipe: an edit of `recipes.<name>.threshold`.',
				),
		}),
		result: z.strictObject({
			recipe: z.string(),
			stations: z.array(stationField).describe('That run the recipe: they have its threshold in common.'),
			bundle: z
				.string()
				.describe('Parts that another one judged are not counted: their scores mean something else.'),
			threshold: z.number().nullable().describe('That stands now.'),
			taught: z.number().nullable().describe('That teaching found.'),
			parts: count.describe('The newest 100000 at most that were accepted or rejected.'),
			from: instant.nullable().describe('Of the oldest part.'),
			to: instant.nullable().describe('Of the newest part.'),
			isMore: z.boolean().describe('There may be older ones.'),
			scores: z
				.strictObject({
					least: z.number(),
					p50: z.number(),
					p90: z.number(),
					p99: z.number(),
					greatest: z.number(),
				})
				.nullable(),
			histogram: z.array(z.strictObject({ from: z.number(), to: z.number(), parts: count })),
			good: count.nullable().describe('Good pictures that teaching held back and scored.'),
			values: z.array(
				z.strictObject({
					threshold: z.number(),
					accepts: count,
					rejects: count,
					newAccepts: count.describe('That were rejected.'),
					newRejects: count.describe('That were accepted.'),
					below: z
						.number()
						.nullable()
						.describe('The nearest scores: every threshold from `below` up to `above` decides the same.'),
					above: z.number().nullable(),
					goodRejects: count.nullable().describe('Of the good pictures that teaching held back.'),
				}),
			),
			edited: editedField.nullable().describe('What was applied; null where nothing was.'),
		}),
		summary: 'What other thresholds would have decided on the parts that were inspected.',
		answers: {
			failed: 'The journal or the bundle cannot be read, or the threshold was not applied.',
		},
	},
	recipe: {
		role: 'operator',
		changes: true,
		limitMs: 900_000,
		bytes: 4096,
		ask: z.strictObject({
			station: nameField,
			recipe: nameField.describe('One of those that the configuration has.'),
		}),
		result: z.strictObject({
			station: stationField,
			recipe: z.string(),
			was: z.string().describe('The recipe before; the same where nothing had to be done.'),
			verdict: z
				.strictObject({
					id: z.string(),
					sequence: count,
					at: instant,
					verdict: z.enum(VERDICTS),
					score: z.number(),
					threshold: z.number().nullable(),
					bundle: z.string().nullable(),
				})
				.nullable()
				.describe(
					'On the first part that was scored by it: from there on none is accepted by the recipe before. Null where parts come when they are asked for, or nothing had to be done.',
				),
			edited: editedField.nullable().describe('Null where nothing had to be done.'),
		}),
		summary: 'A station inspects by another recipe; answered when the first part was scored by it.',
		answers: {
			failed: 'The station does not run by it; what ran before does.',
			late: 'It runs, but none of its parts was scored within a minute.',
		},
	},
} as const satisfies Readonly<Record<string, Row>>;

/** Of a request that looks, and changes something with some of what it can be asked: who may ask that. */
type Changing = {
	readonly role: Role;
	readonly when: (ask: Readonly<Record<string, unknown>>) => boolean;
	/** As in "engineer to …". */
	readonly what: string;
};

export type Row = {
	/** Who may ask, at least. */
	readonly role: Role;
	/** Whether anything is another than before: then it is never done without its claim on disk. */
	readonly changes: boolean | Changing;
	/** A signal of the line: done the moment it comes, while its claim is on its way to the disk, where all that it does follows it. Its rates are a line's. */
	readonly isSignal?: true;
	readonly limitMs: number;
	/** Of the whole request. */
	readonly bytes: number;
	readonly ask: z.ZodObject;
	readonly result: z.ZodObject;
	readonly summary: string;
	/** What codes mean here, beyond what they mean everywhere. */
	readonly answers?: Readonly<Partial<Record<Code, string>>>;
};

export type RequestName = keyof typeof REQUESTS;

export const requestNames = Object.keys(REQUESTS) as RequestName[];

/** What each request asks. */
export type Ask<N extends RequestName> = Told<(typeof REQUESTS)[N]['ask']>;

/** What each request is answered with. */
export type Result<N extends RequestName> = Told<(typeof REQUESTS)[N]['result']>;

/** Who may ask this, and whether it changes anything. */
export function demandOf(
	{ role, changes }: Pick<Row, 'role' | 'changes'>,
	ask: object,
): { readonly role: Role; readonly changes: boolean; readonly what: string | null } {
	if (typeof changes === 'boolean') return { role, changes, what: null };
	if (!changes.when({ ...ask })) return { role, changes: false, what: null };
	return { role: changes.role, changes: true, what: changes.what };
}
