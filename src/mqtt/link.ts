import type { Log } from '../base/log.js';
import { type Attempt, keepConnected, type Persistence, pause, realPace } from '../base/retry.js';
import { masked } from '../base/secrets.js';
import type { Service } from '../base/service.js';
import type { BoxState } from '../protocol/states.js';
import { addressOf, type Connection, type Ending, type Login, openConnection } from './connection.js';
import { createManner } from './manner.js';
import type { Outbox } from './outbox.js';
import { createOutlet, type Limits, type Refusal, topicFilter } from './outlet.js';
import { reason } from './reasons.js';
import { createRetained } from './retained.js';

/** What the broker keeps from reaching anybody, as the box's state tells it. */
export type Troubles = Pick<BoxState, 'refused' | 'lacks'>;

export type LinkSettings = {
	readonly url: string;
	readonly clientId: string;
	readonly version: '5' | '3.1.1';
	readonly username?: string;
	readonly password?: string;
	/** The box's state: retained while we are there, the last word at the end, and said by the broker when we die. */
	readonly presence: {
		readonly topic: string;
		readonly payload: (state: BoxState['state'], troubles: Troubles) => Uint8Array;
	};
};

/** The connection to the broker, which comes and goes; nothing waits for it. */
export type BrokerLink = Service & {
	readonly connected: boolean;
	/** Publishes what the outbox holds now. */
	wake(): void;
	/** Keeps a retained message and says it now and at each reconnection. */
	retain(topic: string, payload: Uint8Array): void;
};

const persistence: Persistence = { firstMs: 250, mostMs: 15_000, lastedMs: 30_000 };

/** What is still to be said gets this long at the end. */
const FAREWELL_MS = 3000;

/** Between two tellings of what was dropped or refused. */
const TELL_MS = 5000;

/** A connection on which something is on its way and nothing is answered for so long is dead. */
const SILENCE_MS = 60_000;

/** So many connections in a row that end at once, without a reason, look like two boxes with one client id. */
const SHORT = 4;

/** Refused kinds of topic that are told, at most. */
const REFUSED = 100;

const lacking = {
	unretained: [
		'retain',
		'keeps no retained messages: who subscribes later hears a state only when it changes',
	],
	qos0: ['qos1', 'takes QoS 0 at most: it may lose a message that it has read'],
	will: ['will', 'takes no last will: nobody is told when this box dies'],
} as const satisfies Readonly<Record<string, readonly [BoxState['lacks'][number], string]>>;

const consequences: Readonly<Record<Refusal['kind'], string>> = {
	verdict: 'these verdicts are lost',
	heatmap: 'verdicts go on without these pictures',
	gap: 'nobody hears of this gap',
	state: 'nobody hears this state',
};

/**
 * Keeps one connection to the broker, and says on it what `outbox` and the retained states hold; MQTT 5, so that the broker can
 * refuse a publish aloud, 3.1.1 where it knows nothing better. Disposing says goodbye.
 * @throws Failure config-invalid when the address is none
 */
export function openBrokerLink(settings: LinkSettings, outbox: Outbox, log: Log): BrokerLink {
	addressOf(settings.url);
	const shown = masked(settings.url);
	const say = (level: Parameters<Log>[0], message: string) => log(level, 'mqtt', message);
	const { presence } = settings;
	const now = realPace.now;

	const refused = new Map<string, { reason: string; messages: number }>();
	const lacks = new Set<BoxState['lacks'][number]>();
	const lack = (what: keyof typeof lacking): void => {
		const [name, costs] = lacking[what];
		if (lacks.has(name)) return;
		lacks.add(name);
		say('warning', `Broker "${shown}" ${costs}`);
	};

	const retained = createRetained();
	const outlet = createOutlet([retained, outbox], realPace.chance, {
		onRefused: ({ topic, reason: why, kind }) => {
			const known = refused.get(topic);
			if (!known)
				say(
					kind === 'heatmap' ? 'warning' : 'error',
					`Broker "${shown}" refuses "${topic}": ${why}; ${consequences[kind]}`,
				);
			if (known || refused.size < REFUSED)
				refused.set(topic, { reason: why, messages: (known?.messages ?? 0) + 1 });
		},
		onTaken: (topic) => {
			if (refused.delete(topic)) say('info', `Broker "${shown}" takes "${topic}" again`);
		},
		onLacking: lack,
	});

	const soft = new AbortController();
	const hard = new AbortController();
	let connection: Connection | undefined;
	const alarm = createAlarm(() => pump());

	let lastTold = { what: '', atMs: Number.NEGATIVE_INFINITY };
	const troubles = (): Troubles => ({
		refused: [...refused].map(([topic, about]) => ({ topic, ...about })),
		lacks: [...lacks],
	});
	const tell = (): void => {
		const state = soft.signal.aborted ? 'offline' : refused.size + lacks.size > 0 ? 'degraded' : 'online';
		retained.set(presence.topic, presence.payload(state, troubles()));
	};
	/** @returns in how many milliseconds there is something to tell */
	const tellChanges = (): number => {
		const others = [...refused].filter(([topic]) => topic !== topicFilter(presence.topic));
		const what = JSON.stringify([soft.signal.aborted, outbox.dropped, others, [...lacks]]);
		if (what === lastTold.what) return Number.POSITIVE_INFINITY;
		const waitMs = soft.signal.aborted ? 0 : lastTold.atMs + TELL_MS - now();
		if (waitMs > 0) return waitMs;
		lastTold = { what, atMs: now() };
		tell();
		return Number.POSITIVE_INFINITY;
	};

	const pump = (): void => {
		let againMs = tellChanges();
		const through = connection;
		if (through) {
			let step = outlet.next(now());
			for (; step && 'send' in step; step = outlet.next(now())) {
				const { send } = step;
				void through.send(send).then(({ code, words }) => {
					if (through !== connection) return;
					outlet.answered(send, code, now(), words);
					pump();
				});
			}
			if (step) againMs = Math.min(againMs, step.againInMs);
			if (outlet.inFlight > 0) {
				const silentMs = outlet.silentMs(now());
				if (silentMs >= SILENCE_MS) through.drop('no answer to a message');
				againMs = Math.min(againMs, Math.max(1, SILENCE_MS - silentMs));
			}
			// What was refused in between may have something to tell.
			againMs = Math.min(againMs, tellChanges());
		}
		alarm.set(againMs);
	};

	const manner = createManner(settings.version === '5' ? 5 : 4);
	const login = (): Login => {
		const { url, clientId, username, password } = settings;
		const { version, will } = manner.current;
		return {
			url,
			clientId,
			version,
			...(username !== undefined && { username }),
			...(password !== undefined && { password }),
			...(will && {
				will: { topic: presence.topic, payload: presence.payload('offline', troubles()), ...will },
			}),
		};
	};
	const reached = ({ version }: Connection, limits: Limits): void => {
		const { will } = manner.current;
		if (settings.version === '5' && version === 4)
			once(`Broker "${shown}" does not speak MQTT 5: with 3.1.1 it cannot say when it refuses a message`);
		if (version === 5) {
			if (limits.retainAvailable) lacks.delete('retain');
			if (limits.maximumQos > 0) lacks.delete('qos1');
		}
		if (!limits.retainAvailable) lack('unretained');
		if (limits.maximumQos === 0) lack('qos0');
		if (will) lacks.delete('will');
		else lack('will');
	};

	const warned = new Set<string>();
	const once = (line: string): void => {
		if (!warned.has(line)) say('warning', line);
		warned.add(line);
	};
	let lastSaid = '';
	let greeted = false;
	let short = 0;
	const complain = (line: string, level: 'warning' | 'error' = 'warning'): void => {
		if (line === lastSaid) return;
		say(level, line);
		lastSaid = line;
		greeted = false;
	};
	const attempt = async (told: Attempt): Promise<'again' | 'done'> => {
		const opened = await openConnection(login(), hard.signal);
		if (!('send' in opened)) {
			if (hard.signal.aborted) return 'done';
			manner.refused(opened);
			const refusal = opened.code === undefined ? 'no broker at' : 'no connection to broker';
			complain(`${refusal} "${shown}": ${opened.text}; inspecting goes on`);
			return soft.signal.aborted ? 'done' : 'again';
		}
		if (manner.again()) {
			await opened.close();
			return 'again';
		}
		told.opened();
		const sinceMs = now();
		if (!greeted) say('info', `connected to "${shown}" (MQTT ${opened.version === 5 ? '5' : '3.1.1'})`);
		greeted = true;
		const limits = manner.within(opened.limits);
		reached(opened, limits);
		connection = opened;
		retained.sayAgain();
		outlet.opened(opened.version, limits, now());
		tell();
		pump();
		const end = await either(opened.ended, soft.signal);
		const ending = end ?? (await farewell(opened));
		const busy = outlet.inFlight > 0;
		connection = undefined;
		manner.ended();
		outlet.ended(ending.code, now());
		if (hard.signal.aborted || (soft.signal.aborted && said())) return 'done';
		const lasted = now() - sinceMs >= persistence.lastedMs;
		if (lasted) lastSaid = '';
		short = lasted || busy || ending.code !== undefined ? 0 : short + 1;
		if (ending.code === reason.takenOver)
			complain(
				`Another client took the connection to "${shown}" over with client id "${settings.clientId}": give each box its own name, or set mqtt.clientId`,
				'error',
			);
		else if (short >= SHORT)
			complain(
				`Broker "${shown}" ends each connection at once: does another client use the client id "${settings.clientId}"?`,
				'error',
			);
		else complain(`connection to "${shown}" ended: ${ending.text}; inspecting goes on`);
		return 'again';
	};
	/** Whether the last word was said: nothing waits, and every state stands as it should. */
	const said = () => outbox.length === 0 && retained.settled;
	const farewell = async (through: Connection): Promise<Ending> => {
		let over: Ending | undefined;
		void through.ended.then((ending) => {
			over = ending;
		});
		outlet.hurry();
		pump();
		while (!said() && !over && !hard.signal.aborted) await pause(10, hard.signal);
		// Without DISCONNECT the broker says the will, which is true then.
		if (!over && retained.settled && retained.stands(presence.topic)) await through.close();
		else through.drop('the last word was not taken');
		return over ?? { text: 'closed' };
	};

	tell();
	const whenEnding = AbortSignal.any([soft.signal, hard.signal]);
	const running = keepConnected(attempt, persistence, hard.signal, {
		...realPace,
		pause: async (ms) => {
			await pause(ms, whenEnding);
			// At the end a lost connection is opened again, as long as there is time.
			if (soft.signal.aborted) await pause(100, hard.signal);
		},
	});
	return {
		name: 'mqtt',
		get connected() {
			return connection !== undefined;
		},
		wake: pump,
		retain: (topic, payload) => {
			retained.set(topic, payload);
			pump();
		},
		[Symbol.asyncDispose]: async () => {
			soft.abort();
			const deadline = setTimeout(() => hard.abort(), FAREWELL_MS);
			await running;
			clearTimeout(deadline);
			alarm.set(Number.POSITIVE_INFINITY);
		},
	};
}

/** The value, or undefined when the signal is aborted before. Leaves no listener behind. */
async function either<T>(value: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
	if (signal.aborted) return undefined;
	let aborted = () => {};
	const ended = new Promise<undefined>((resolve) => {
		aborted = () => resolve(undefined);
		signal.addEventListener('abort', aborted);
	});
	try {
		return await Promise.race([value, ended]);
	} finally {
		signal.removeEventListener('abort', aborted);
	}
}

/** One timer that is set anew each time. */
function createAlarm(ring: () => void): { set(inMs: number): void } {
	let timer: NodeJS.Timeout | undefined;
	return {
		set: (inMs) => {
			clearTimeout(timer);
			if (Number.isFinite(inMs)) timer = setTimeout(ring, inMs);
		},
	};
}
