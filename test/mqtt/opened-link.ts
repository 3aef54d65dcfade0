import { type BrokerLink, type LinkSettings, openBrokerLink, type Troubles } from '../../src/mqtt/link.js';
import { topicOf } from '../../src/protocol/topics.js';
import { Outbox } from './outbox.js';

export type OpenedLink = AsyncDisposable & {
	readonly link: BrokerLink;
	readonly outbox: Outbox;
	/** The lines of the log: level, who, what. */
	readonly said: readonly string[];
	readonly lines: (part: string | RegExp) => string[];
	/** Puts verdicts with these numbers, of so many bytes. */
	verdicts(numbers: readonly number[], bytes?: number, station?: string): void;
	heatmaps(count: number, bytes: number): void;
};

export type LinkOptions = {
	readonly version?: '5' | '3.1.1';
	readonly clientId?: string;
	readonly username?: string;
	readonly password?: string;
	/** Instead of user and password. */
	readonly credentials?: LinkSettings['credentials'];
	readonly lookMs?: number;
	readonly beside?: NonNullable<LinkSettings['beside']>;
	/** What the state of box `t` says. */
	readonly payload?: (state: string, troubles: Troubles) => string;
};

const root = 'inspectord';

/** The link of a box `t`, with an outbox and a log; several addresses are those of brokers that stand for one another. */
export function openLink(
	url: string | readonly string[],
	options: LinkOptions = {},
	outbox?: Outbox,
): OpenedLink {
	const said: string[] = [];
	const box = outbox ?? new Outbox({ messages: 10_000, bytes: 1e8 });
	const { payload = (state) => state, username, password, ...rest } = options;
	const login = async () => ({
		...(username !== undefined && { username }),
		...(password !== undefined && { password }),
	});
	const presence = {
		topic: topicOf('boxState', { root, box: 't' }),
		payload: (state: string, troubles: Troubles) => Buffer.from(payload(state, troubles)),
	};
	const settings = { root, version: '5' as const, clientId: `link-${Math.random()}`, ...rest };
	const link = openBrokerLink(
		{ urls: [url].flat(), credentials: login, ...settings, presence },
		box,
		(level, about, message) => {
			said.push(`${level} ${about} ${message}`);
		},
	);
	return {
		link,
		outbox: box,
		said,
		lines: (part) =>
			said.filter((line) => (typeof part === 'string' ? line.includes(part) : part.test(line))),
		verdicts: (numbers, bytes = 1, station = 's') => {
			const topic = topicOf('verdict', { root, box: 't', station });
			for (const number of numbers)
				box.put({ topic, payload: Buffer.from(`${number}`.padEnd(bytes)), kind: 'verdict' });
			link.wake();
		},
		heatmaps: (count, bytes) => {
			for (let i = 0; i < count; i += 1) {
				const topic = topicOf('heatmap', { root, box: 't', station: 's', id: `r-${i}`, index: '0' });
				box.put({ topic, payload: Buffer.alloc(bytes, i), kind: 'heatmap' });
			}
			link.wake();
		},
		[Symbol.asyncDispose]: () => link[Symbol.asyncDispose](),
	};
}

/** The numbers of the verdicts among messages, each once, in the order of their coming. */
export function numbersOf(messages: Iterable<{ topic: string; payload: Buffer | string }>): number[] {
	const verdicts = [...messages].filter(({ topic }) => topic.endsWith('/verdict'));
	return [...new Set(verdicts.map(({ payload }) => Number(payload.toString())))];
}
