import type { BoxState, StationState } from './states.js';
import type { VerdictMessage } from './verdict.js';

/** What each topic carries. */
export type Payloads = {
	readonly boxState: BoxState;
	readonly stationState: StationState;
	readonly verdict: VerdictMessage;
	readonly heatmap: Uint8Array;
	readonly check: 'check';
};

export type TopicName = keyof Payloads;

type Topic = {
	/** Levels in braces stand for values; the root may be several levels. */
	readonly pattern: string;
	/** Seen from the box. */
	readonly direction: 'out';
	readonly qos: 0 | 1;
	readonly retain: boolean;
	readonly payload: 'json' | 'jpeg' | 'text';
	readonly summary: string;
};

/** Everything that the box says over MQTT. */
export const topics = {
	boxState: {
		pattern: '{root}/{box}/state',
		direction: 'out',
		qos: 1,
		retain: true,
		payload: 'json',
		summary:
			'Is the box there: `online`, `degraded` (the broker refuses or lacks something) or `offline` (also as last will), its version, what it had to drop.',
	},
	stationState: {
		pattern: '{root}/{box}/{station}/state',
		direction: 'out',
		qos: 1,
		retain: true,
		payload: 'json',
		summary:
			'Is the station inspecting: `starting`, `running`, `error`, `finished` or `stopped`, why, and its counts.',
	},
	verdict: {
		pattern: '{root}/{box}/{station}/verdict',
		direction: 'out',
		qos: 1,
		retain: false,
		payload: 'json',
		summary: 'One message a part: `accept`, `reject` or `error`, with score, threshold and margin.',
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
	check: {
		pattern: '{root}/{box}/check',
		direction: 'out',
		qos: 1,
		retain: false,
		payload: 'text',
		summary: 'Nothing: `inspectord check` sees here how the broker delivers.',
	},
} as const satisfies { readonly [N in TopicName]: Topic };

/** Levels of topics that are to come: a name that is taken today would have to change then. */
const KEPT = ['request', 'answer', 'config', 'ack', 'alarm', 'metrics'] as const;

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
	const found = ['', ...topic.slice(root.length + 1).split('/')];
	for (const [name, { pattern }] of Object.entries(topics)) {
		const wanted = pattern.split('/');
		if (wanted.length !== found.length) continue;
		const parameters: Record<string, string> = { root };
		const fits = wanted.every((level, i) => {
			if (i === 0) return true;
			const parameter = /^\{(\w+)\}$/.exec(level)?.[1];
			if (parameter) parameters[parameter] = found[i]!;
			return parameter ? found[i] !== '' : level === found[i];
		});
		if (fits) return { name: name as TopicName, parameters };
	}
	return undefined;
}

export function encodePayload<N extends TopicName>(name: N, payload: Payloads[N]): Uint8Array {
	if (topics[name].payload === 'jpeg') return payload as Uint8Array;
	return new TextEncoder().encode(
		topics[name].payload === 'text' ? (payload as string) : JSON.stringify(payload),
	);
}

/** @throws SyntaxError when a JSON payload is not JSON */
export function decodePayload<N extends TopicName>(name: N, bytes: Uint8Array): Payloads[N] {
	if (topics[name].payload === 'jpeg') return bytes as Payloads[N];
	const text = new TextDecoder().decode(bytes);
	return (topics[name].payload === 'text' ? text : JSON.parse(text)) as Payloads[N];
}
