import type { Connection, Ending, Heard, Login, Will } from '../../src/mqtt/connection.js';
import { NO_LIMITS, type Packet } from '../../src/mqtt/outlet.js';
import type { Being } from './time.js';

/** What is wrong with the broker, or the way to it. */
export type BrokerFault =
	| 'refuses'
	| 'swallows'
	| 'drops'
	| 'slow'
	| 'full'
	| 'forgets'
	/** Some verdicts for good. */
	| 'denies';

type Open = {
	readonly clientId: string;
	readonly will: Will | undefined;
	listener: ((heard: Heard) => void) | undefined;
	readonly filters: string[];
	end(ending: Ending, isOrderly: boolean): void;
};

const RECEIVE_MAXIMUM = 20;
const WAY_MS = 1;
const SLOW_MS = 900;
const CONNECT_MS = 5000;
/** MQTT 5: quota exceeded, and payload format invalid. */
const QUOTA = 0x97;
const INVALID = 0x99;
/** So many verdicts it denies. */
const DENIED = 0.1;

/** A simulated broker: hands what it takes to one subscriber, who never misses anything. `being`: of the broker's machine. `denied`: hears what it will never take. */
export function createBroker(
	being: Being,
	subscriber: (topic: string, payload: Uint8Array) => void,
	denied: (topic: string, payload: Uint8Array) => void,
) {
	const faults = new Set<BrokerFault>();
	const open = new Map<string, Open>();
	/** What a network that is cut holds, and sends again when it is whole. */
	let swallowed: (() => void)[] = [];
	const wayMs = () => (faults.has('slow') ? SLOW_MS * being.chance() : WAY_MS);

	const connect = (from: Being, login: Login): Promise<Connection | Ending> =>
		new Promise((resolve) => {
			const answer = (said: Connection | Ending, ms = WAY_MS) => void from.later(ms, () => resolve(said));
			if (faults.has('refuses')) return answer({ text: 'refused', cause: 'ECONNREFUSED' });
			if (faults.has('swallows')) return answer({ text: 'no answer', cause: 'ETIMEDOUT' }, CONNECT_MS);
			open.get(login.clientId)?.end({ text: 'taken over', code: 0x8e }, true);
			return answer(enter(from, login));
		});
	const enter = (from: Being, { clientId, will }: Login): Connection => {
		let isOver = false;
		let ended = (_: Ending): void => {};
		const ending = new Promise<Ending>((resolve) => {
			ended = resolve;
		});
		const session: Open = {
			clientId,
			will,
			listener: undefined,
			filters: [],
			end: (why, isOrderly) => {
				if (isOver) return;
				isOver = true;
				if (open.get(clientId) === session) open.delete(clientId);
				if (!isOrderly && will) subscriber(will.topic, will.payload);
				from.later(WAY_MS, () => ended(why));
			},
		};
		open.set(clientId, session);
		return {
			version: 5,
			limits: { ...NO_LIMITS, receiveMaximum: RECEIVE_MAXIMUM },
			ended: ending,
			send: ({ message }: Packet) =>
				new Promise((resolve) => {
					if (isOver) return;
					const isRefused = faults.has('full') && message.kind !== 'state';
					const arrive = () => {
						if (faults.has('swallows')) return void swallowed.push(arrive);
						// It may have been taken though nobody hears that it was.
						if (isOver && being.chance() < 0.5) return;
						if (faults.has('denies') && message.kind === 'verdict' && !isOver && being.chance() < DENIED) {
							denied(message.topic, message.payload);
							from.later(WAY_MS, () => resolve({ code: INVALID }));
							return;
						}
						if (!isRefused) subscriber(message.topic, message.payload);
						const isForgotten = faults.has('forgets') && being.chance() < 0.1;
						from.later(WAY_MS, () => {
							if (!isOver && !isForgotten) resolve({ code: isRefused ? QUOTA : 0 });
						});
					};
					being.later(wayMs(), arrive);
				}),
			offer: async () => 0,
			subscribe: async (filter) => {
				session.filters.push(filter);
				return 0;
			},
			onMessage: (listener) => {
				session.listener = listener;
			},
			close: async () => session.end({ text: 'closed' }, true),
			drop: (why) => session.end({ text: why }, false),
		};
	};

	return {
		connect,
		begin: (fault: BrokerFault) => {
			faults.add(fault);
			if (fault === 'refuses' || fault === 'drops')
				for (const session of [...open.values()]) session.end({ text: 'the broker is gone' }, false);
		},
		end: (fault: BrokerFault): void => {
			faults.delete(fault);
			if (fault !== 'swallows') return;
			for (const arrive of swallowed) being.later(WAY_MS, arrive);
			swallowed = [];
		},
		/** The machine of the clients is gone: their wills are said. */
		lose: () => {
			for (const session of [...open.values()]) session.end({ text: 'gone' }, false);
		},
		/** To whom listens: signals have a way that is short, or none. @returns whether anybody does */
		publish: (topic: string, payload: Uint8Array, to: Being): boolean => {
			if (faults.has('refuses') || faults.has('swallows')) return false;
			const listeners = [...open.values()].filter(({ listener }) => listener);
			for (const { listener } of listeners)
				to.later(WAY_MS, () => listener?.({ topic, payload, retain: false }));
			return listeners.length > 0;
		},
	};
}

export type Broker = ReturnType<typeof createBroker>;
