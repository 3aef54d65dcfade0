import type { BoxState, StationState } from './states.js';
import type { StationVerdict, VerdictMessage } from './verdict.js';

/** What each topic carries. */
export type Payloads = {
	readonly boxState: BoxState;
	readonly stationState: StationState;
	readonly verdict: VerdictMessage;
	readonly heatmap: Uint8Array;
};

export type TopicName = keyof Payloads;

type Topic = {
	/** Levels in braces stand for values. */
	readonly pattern: string;
	/** Seen from the box. */
	readonly direction: 'out';
	readonly qos: 0 | 1;
	readonly retain: boolean;
	readonly payload: 'json' | 'jpeg';
	readonly summary: string;
};

/** Everything that the box says over MQTT. */
export const topics = {
	boxState: {
		pattern: 'inspectord/{box}/state',
		direction: 'out',
		qos: 1,
		retain: true,
		payload: 'json',
		summary:
			'Is the box there: `online`, `degraded` (the broker refuses or lacks something) or `offline` (also as last will), its version, what it had to drop.',
	},
	stationState: {
		pattern: 'inspectord/{box}/{station}/state',
		direction: 'out',
		qos: 1,
		retain: true,
		payload: 'json',
		summary:
			'Is the station inspecting: `starting`, `running`, `error`, `finished` or `stopped`, why, and its counts.',
	},
	verdict: {
		pattern: 'inspectord/{box}/{station}/verdict',
		direction: 'out',
		qos: 1,
		retain: false,
		payload: 'json',
		summary: 'One message a part: `accept`, `reject` or `error`, with score, threshold and margin.',
	},
	heatmap: {
		pattern: 'inspectord/{box}/{station}/heatmap/{id}/{index}',
		direction: 'out',
		qos: 1,
		retain: false,
		payload: 'jpeg',
		summary:
			"One picture for each region above the threshold of a rejected part; `id` is its verdict's, which lists the topics too.",
	},
} as const satisfies { readonly [N in TopicName]: Topic };

type Levels<P extends string> = P extends `${string}{${infer L}}${infer Rest}` ? L | Levels<Rest> : never;
export type Parameters<N extends TopicName> = Readonly<Record<Levels<(typeof topics)[N]['pattern']>, string>>;

export function topicOf<N extends TopicName>(name: N, parameters: Parameters<N>): string {
	return topics[name].pattern.replace(
		/\{(\w+)\}/g,
		(_, level: string) => (parameters as Record<string, string>)[level]!,
	);
}

/** A verdict as it is published: each of its pictures with its topic. */
export function withTopics(verdict: StationVerdict): VerdictMessage {
	const { box, station, id } = verdict;
	const topic = (index: number) => topicOf('heatmap', { box, station, id, index: String(index) });
	return { ...verdict, heatmaps: verdict.heatmaps.map((drawn, i) => ({ ...drawn, topic: topic(i) })) };
}

/** Which topic this is, with the values of its levels; undefined when it is none of ours. */
export function parseTopic(
	topic: string,
): { name: TopicName; parameters: Record<string, string> } | undefined {
	for (const [name, { pattern }] of Object.entries(topics)) {
		const wanted = pattern.split('/');
		const found = topic.split('/');
		if (wanted.length !== found.length) continue;
		const parameters: Record<string, string> = {};
		const fits = wanted.every((level, i) => {
			const parameter = /^\{(\w+)\}$/.exec(level)?.[1];
			if (parameter) parameters[parameter] = found[i]!;
			return parameter ? found[i] !== '' : level === found[i];
		});
		if (fits) return { name: name as TopicName, parameters };
	}
	return undefined;
}

export function encodePayload<N extends TopicName>(name: N, payload: Payloads[N]): Uint8Array {
	return topics[name].payload === 'jpeg'
		? (payload as Uint8Array)
		: new TextEncoder().encode(JSON.stringify(payload));
}

/** @throws SyntaxError when a JSON payload is not JSON */
export function decodePayload<N extends TopicName>(name: N, bytes: Uint8Array): Payloads[N] {
	if (topics[name].payload === 'jpeg') return bytes as Payloads[N];
	return JSON.parse(new TextDecoder().decode(bytes)) as Payloads[N];
}
