import type { z } from 'zod';
import { alarmSchema } from './alarm.js';
import { answerSchema, progressSchema } from './answer.js';
import { configurationSchema } from './configuration.js';
import { enginesSchema } from './engines.js';
import type { Told } from './fields.js';
import { gapSchema } from './gap.js';
import { healthSchema } from './health.js';
import { lessonSchema } from './lesson.js';
import { receiptSchema } from './receipt.js';
import { reportSchema } from './report.js';
import { boxStateSchema, stationStateSchema } from './states.js';
import { verdictSchema } from './verdict.js';

type Topic = {
	/** Levels in braces stand for values; the root may be several levels. */
	readonly pattern: string;
	/** Seen from the box. */
	readonly direction: 'out' | 'in';
	readonly qos: 0 | 1;
	readonly retain: boolean;
	/** JSON of a schema, or what else it is. */
	readonly payload: z.ZodType | 'jpeg' | 'text' | 'request';
	readonly summary: string;
};

/** Everything that the box says and hears over MQTT. */
export const topics = {
	boxState: {
		pattern: '{root}/{box}/state',
		direction: 'out',
		qos: 1,
		retain: true,
		payload: boxStateSchema,
		summary:
			'Is the box there: `online`, `degraded` (the broker refuses or lacks something) or `offline` (also as last will), its version, what it had to drop.',
	},
	stationState: {
		pattern: '{root}/{box}/{station}/state',
		direction: 'out',
		qos: 1,
		retain: true,
		payload: stationStateSchema,
		summary:
			'Is the station inspecting: `starting`, `running`, `error`, `finished` or `stopped`, why, and its counts.',
	},
	verdict: {
		pattern: '{root}/{box}/{station}/verdict',
		direction: 'out',
		qos: 1,
		retain: false,
		payload: verdictSchema,
		summary: 'One message a part: `accept`, `reject` or `error`, with score, threshold and margin.',
	},
	gap: {
		pattern: '{root}/{box}/{station}/gap',
		direction: 'out',
		qos: 1,
		retain: false,
		payload: gapSchema,
		summary: 'Verdicts that nobody will hear of: from which `sequence` to which, and why.',
	},
	alarm: {
		pattern: '{root}/{box}/{station}/alarm',
		direction: 'out',
		qos: 1,
		retain: true,
		payload: alarmSchema,
		summary: 'The alarms of the station, all of them with their states: only where its recipe has some.',
	},
	health: {
		pattern: '{root}/{box}/health',
		direction: 'out',
		qos: 1,
		retain: true,
		payload: healthSchema,
		summary:
			'How the box is: uptime, versions, memory, disk, what waits, what was dropped, how long each stage takes.',
	},
	report: {
		pattern: '{root}/{box}/report',
		direction: 'out',
		qos: 1,
		retain: true,
		payload: reportSchema,
		summary:
			'How many parts each station judged since the report before: only where `schedule.report` asks for it.',
	},
	heatmap: {
		pattern: '{root}/{box}/{station}/heatmap/{id}/{index}',
		direction: 'out',
		qos: 1,
		retain: false,
		payload: 'jpeg',
		summary:
			"One picture for each region above the threshold of a rejected part; `id` is its verdict's, which lists the topics too.",
	},
	snapshot: {
		pattern: '{root}/{box}/{station}/snapshot/{id}',
		direction: 'out',
		qos: 1,
		retain: false,
		payload: 'jpeg',
		summary: 'What a station sees, when somebody has asked for it: the answer to `snapshot` names the topic.',
	},
	configuration: {
		pattern: '{root}/{box}/config',
		direction: 'out',
		qos: 1,
		retain: true,
		payload: configurationSchema,
		summary:
			'Which configuration runs: its revision, and every setting that is in effect, without secrets. It is changed by a request ([control.md](control.md)).',
	},
	configurationSchema: {
		pattern: '{root}/{box}/config/schema',
		direction: 'out',
		qos: 1,
		retain: true,
		payload: 'text',
		summary: 'The JSON Schema (draft 2020-12) of a configuration, as this box understands it.',
	},
	lesson: {
		pattern: '{root}/{box}/lesson',
		direction: 'out',
		qos: 1,
		retain: true,
		payload: lessonSchema,
		summary:
			'How far the lesson is that was asked for last: what is collected, how training goes, the bundle.',
	},
	engines: {
		pattern: '{root}/{box}/engines',
		direction: 'out',
		qos: 1,
		retain: true,
		payload: enginesSchema,
		summary:
			'The engines of TensorRT: what is built and how far it is, what waits, what failed and why, which stations compute with what.',
	},
	check: {
		pattern: '{root}/{box}/check',
		direction: 'out',
		qos: 1,
		retain: false,
		payload: 'text',
		summary: 'Nothing: `inspectord check` sees here how the broker delivers.',
	},
	receipt: {
		pattern: '{root}/{box}/ack',
		direction: 'in',
		qos: 1,
		retain: false,
		payload: receiptSchema,
		summary: 'Somebody has a verdict: where receipts are wanted, it is said again until this comes.',
	},
	request: {
		pattern: '{root}/{box}/request/{role}/{name}',
		direction: 'in',
		qos: 1,
		retain: false,
		payload: 'request',
		summary:
			'Something is asked ([control.md](control.md)). The broker decides who may publish here: by the topic the box knows in which role it is asked.',
	},
	answer: {
		pattern: '{root}/{box}/answer/{client}',
		direction: 'out',
		qos: 1,
		retain: false,
		payload: answerSchema,
		summary: 'How a request ended, or on the response topic below `answer` that it came with.',
	},
	progress: {
		pattern: '{root}/{box}/answer/{client}/progress',
		direction: 'out',
		qos: 1,
		retain: false,
		payload: progressSchema,
		summary: 'How far a request is that takes its time.',
	},
} as const satisfies Readonly<Record<string, Topic>>;

export type TopicName = keyof typeof topics;

/** What each topic carries. */
export type Payloads = {
	readonly [N in TopicName]: (typeof topics)[N]['payload'] extends infer P
		? P extends z.ZodType
			? Told<P>
			: P extends 'jpeg'
				? Uint8Array
				: string
		: never;
};

/** Levels of topics that are to come: a name that is taken today would have to change then. */
const KEPT = ['metrics'] as const;

/** Levels that stand for themselves: neither a box nor a station is named so. */
export const reservedLevels: ReadonlySet<string> = new Set([
	...Object.values(topics).flatMap(({ pattern }) =>
		pattern.split('/').filter((level) => !level.startsWith('{')),
	),
	...KEPT,
]);

type Levels<P extends string> = P extends `${string}{${infer L}}${infer Rest}` ? L | Levels<Rest> : never;
export type Parameters<N extends TopicName> = Readonly<Record<Levels<(typeof topics)[N]['pattern']>, string>>;

/** `root` may be several levels; the others are one. */
export function topicOf<N extends TopicName>(name: N, parameters: Parameters<N>): string {
	return topics[name].pattern.replace(
		/\{(\w+)\}/g,
		(_, level: string) => (parameters as Record<string, string>)[level]!,
	);
}

/** Which topic below `root` this is, with the values of its levels; undefined when it is none of ours. */
export function parseTopic(
	root: string,
	topic: string,
): { name: TopicName; parameters: Record<string, string> } | undefined {
	if (!topic.startsWith(`${root}/`)) return undefined;
	const found = topic.slice(root.length + 1).split('/');
	for (const { name, levels } of LEVELS) {
		if (levels.length !== found.length) continue;
		const fits = levels.every(({ text, parameter }, i) =>
			parameter === undefined ? text === found[i] : found[i] !== '',
		);
		if (!fits) continue;
		const parameters: Record<string, string> = { root };
		for (const [i, { parameter }] of levels.entries()) if (parameter) parameters[parameter] = found[i]!;
		return { name, parameters };
	}
	return undefined;
}

/** The levels of each topic below its root. */
const LEVELS = Object.entries(topics).map(([name, { pattern }]) => ({
	name: name as TopicName,
	levels: pattern
		.split('/')
		.slice(1)
		.map((text) => ({ text, parameter: /^\{(\w+)\}$/.exec(text)?.[1] })),
}));

const UTF8 = new TextEncoder();

/** `payload` is not checked: what the box says is made here. */
export function encodePayload<N extends TopicName>(name: N, payload: Payloads[N]): Uint8Array {
	const kind = topics[name].payload;
	if (kind === 'jpeg') return payload as Uint8Array;
	return UTF8.encode(kind === 'text' || kind === 'request' ? (payload as string) : JSON.stringify(payload));
}
