import { isDeepStrictEqual } from 'node:util';
import { Failure } from '../base/failure.js';
import type { Level, Log, LogEvent } from '../base/log.js';
import {
	type Attempt,
	eitherOf,
	keepConnected,
	type Pace,
	type Persistence,
	realPace,
	realTimers,
	type Timers,
	timeLimitBy,
} from '../base/retry.js';
import { masked } from '../base/secrets.js';
import type { Service } from '../base/service.js';
import { isEncrypted, openAddress } from '../config/address.js';
import type { BoxState } from '../protocol/states.js';
import {
	addressOf,
	type Connection,
	type Credentials,
	type Ending,
	type Heard,
	type Login,
	openConnection,
} from './connection.js';
import { createManner } from './manner.js';
import { createOutlet, type Limits, type Refusal, type Source, topicFilter, WINDOW } from './outlet.js';
import { reason, reasonText } from './reasons.js';
import { createRetained } from './retained.js';

/** What the broker keeps from reaching anybody, and which one it is, as the box's state tells it. */
export type Troubles = Pick<BoxState, 'refused' | 'broker' | 'lacks'>;

export type LinkSettings = {
	/** Brokers that stand for one another: the next one is tried when one cannot be reached. */
	readonly urls: readonly string[];
	readonly clientId: string;
	readonly version: '5' | '3.1.1';
	/** Read anew for each connection, and while one stands: certificates and passwords change while we run. @throws Failure */
	readonly credentials: () => Promise<Credentials>;
	/** How often it is looked whether the credentials have changed; by default each minute. */
	readonly lookMs?: number;
	/** The first levels of every topic. */
	readonly root: string;
	/** The box's state: retained while we are there, the last word at the end, and said by the broker when we die. */
	readonly presence?: {
		readonly topic: string;
		readonly payload: (state: BoxState['state'], troubles: Troubles) => Uint8Array;
	};
	/** Where the box listens, and to whom it tells what it hears there. */
	readonly listening?: { readonly filters: readonly string[]; readonly onHeard: (heard: Heard) => void };
	/** What goes before verdicts. */
	readonly answers?: Waiting;
	/** Messages without an answer at a time, at most. */
	readonly window?: number;
	/** What it is called in the log. */
	readonly name?: string;
	/**
	 * The address with which another link of the box speaks, who tells in the log whether brokers are there: this one speaks with the
	 * same, so that whoever listens there hears both, and with none while the other does not.
	 */
	readonly beside?: () => string | undefined;
};

/** What is to be said besides retained states. */
export type Waiting = Source & {
	/** Whether nothing waits that must be said before we leave. */
	readonly settled: boolean;
};

/** The connection to the broker, which comes and goes; nothing waits for it. */
export type BrokerLink = Service & {
	readonly connected: boolean;
	/** How often a connection was opened. */
	readonly connections: number;
	/** The address of the broker that it speaks with now. */
	readonly broker: string | undefined;
	readonly troubles: Troubles;
	/** Publishes what waits now. */
	wake(): void;
	/** Says the box's state again, as it is now. */
	tell(): void;
	/** Keeps a retained message and says it now and at each reconnection. */
	retain(topic: string, payload: Uint8Array): void;
};

/** How brokers are reached, and what passes for time. */
export type LinkWorld = {
	readonly connect: (login: Login, signal: AbortSignal) => Promise<Connection | Ending>;
	readonly pace: Pace;
	readonly timers: Timers;
};

const realLinkWorld: LinkWorld = { connect: openConnection, pace: realPace, timers: realTimers };

const persistence: Persistence = { firstMs: 250, mostMs: 15_000, lastedMs: 30_000 };

/** What is still to be said gets this long at the end. */
const FAREWELL_MS = 3000;

const LOOK_MS = 60_000;

/** How often a link looks whether the one beside it speaks with a broker. */
const BESIDE_MS = 100;

/** Between two tellings of what was dropped or refused. */
const TELL_MS = 5000;

/** A connection on which something is on its way and nothing is answered for so long is dead. */
const SILENCE_MS = 60_000;

/** One that has no answer while others have is sent again on another connection: later than any that only waits for its turn on a slow line. */
const FORGOTTEN_MS = 300_000;

/** So many connections in a row that end at once, without a reason, look like two boxes with one client id. */
const SHORT = 4;

/** Refused kinds of topic that are told, at most. */
const REFUSED = 100;

/** One of the brokers that stand for one another. */
type Broker = {
	readonly url: string;
	readonly shown: string;
	readonly manner: ReturnType<typeof createManner>;
	/** The last complaint about it. */
	lastSaid: string;
};

/** What is unsaid at the broker's end, and what follows. */
const lacking = {
	unretained: [
		'retain',
		'keeps no retained messages: who subscribes later hears a state only when it changes',
	],
	qos0: ['qos1', 'takes QoS 0 at most: it may lose a message that it has read'],
	will: ['will', 'takes no last will: nobody is told when this box dies'],
	refusals: ['refusals', 'is spoken to in MQTT 3.1.1: it cannot say when it refuses a message'],
	verification: [
		'verification',
		'is not verified, as mqtt.tls.verify is false: whoever answers there gets every verdict',
	],
} as const satisfies Readonly<Record<string, readonly [BoxState['lacks'][number], string]>>;

/** In the order in which they are told. */
const LACKS = Object.values(lacking).map(([what]) => what);

/** What makes a box's state degraded; of the others it is said that they are so. */
const degrading: readonly BoxState['lacks'][number][] = ['retain', 'qos1', 'will', 'verification'];

const consequences: Readonly<Record<Refusal['kind'], string>> = {
	verdict: 'these verdicts are lost',
	heatmap: 'verdicts go on without these pictures',
	gap: 'nobody hears of this gap',
	state: 'nobody hears this state',
	answer: 'who asked hears nothing',
};

/**
 * Keeps one connection to the broker, and says on it what `source` and the retained states hold; MQTT 5, so that the broker can
 * refuse a publish aloud, 3.1.1 where it knows nothing better. Disposing says goodbye.
 * @throws Failure config-invalid when an address is none
 */
export function openBrokerLink(
	settings: LinkSettings,
	source: Waiting,
	log: Log,
	{ connect, pace, timers }: LinkWorld = realLinkWorld,
): BrokerLink {
	const {
		urls,
		presence,
		listening,
		answers,
		window = WINDOW,
		lookMs = LOOK_MS,
		name = 'mqtt',
		beside,
	} = settings;
	const brokers = urls.map((url): Broker => {
		addressOf(url);
		const manner = createManner(settings.version === '5' ? 5 : 4);
		return { url, shown: masked(url), manner, lastSaid: '' };
	});
	/** The one that is tried next, or spoken with. */
	let broker = brokers[0]!;
	const chooseNext = (): void => {
		broker = brokers[(brokers.indexOf(broker) + 1) % brokers.length]!;
	};
	const say = (level: Level, message: string, event: LogEvent) => log(level, name, message, event);
	const { now, pause } = pace;

	const refused = new Map<string, { reason: string; messages: number }>();
	const lacks = new Set<BoxState['lacks'][number]>();
	const lack = (what: keyof typeof lacking): void => {
		const [missing, costs] = lacking[what];
		if (lacks.has(missing)) return;
		lacks.add(missing);
		// The link beside it says what is true of both.
		if (!beside) say('warning', `Broker "${broker.shown}" ${costs}`, 'broker.lacks');
	};

	const retained = createRetained();
	const outlet = createOutlet(
		settings.root,
		[retained, ...(answers ? [answers] : []), source],
		pace.chance,
		{
			onRefused: ({ topic, reason: why, kind }) => {
				const known = refused.get(topic);
				if (!known)
					say(
						kind === 'heatmap' ? 'warning' : 'error',
						`Broker "${broker.shown}" refuses "${topic}": ${why}; ${consequences[kind]}`,
						'broker.refuses',
					);
				if (known || refused.size < REFUSED)
					refused.set(topic, { reason: why, messages: (known?.messages ?? 0) + 1 });
			},
			onTaken: (topic) => {
				if (refused.delete(topic))
					say('info', `Broker "${broker.shown}" takes "${topic}" again`, 'broker.takes');
			},
			onLacking: lack,
		},
		window,
	);

	const soft = new AbortController();
	const hard = new AbortController();
	const whenEnding = eitherOf(soft.signal, hard.signal).signal;
	let connection: Connection | undefined;
	/** Nothing more is sent on a connection that is handed over to the next one. */
	let handingOver = false;
	const alarm = createAlarm(() => pump(), timers);

	let lastTold = { what: '', atMs: Number.NEGATIVE_INFINITY };
	let told = 0;
	const troubles = (): Troubles => ({
		refused: [...refused].map(([topic, about]) => ({ topic, ...about })),
		broker: openAddress(broker.url),
		lacks: LACKS.filter((what) => lacks.has(what)),
	});
	const tell = (): void => {
		if (!presence) return;
		const troubled = refused.size > 0 || degrading.some((what) => lacks.has(what));
		const state = soft.signal.aborted ? 'offline' : troubled ? 'degraded' : 'online';
		retained.set(presence.topic, presence.payload(state, troubles()));
	};
	const own = presence && topicFilter(settings.root, presence.topic);
	/** @returns in how many milliseconds there is something to tell */
	const tellChanges = (): number => {
		const others = [...refused].filter(([topic]) => topic !== own);
		const what = JSON.stringify([soft.signal.aborted, told, others, [...lacks]]);
		if (what === lastTold.what) return Number.POSITIVE_INFINITY;
		const waitMs = soft.signal.aborted ? 0 : lastTold.atMs + TELL_MS - now();
		if (waitMs > 0) return waitMs;
		lastTold = { what, atMs: now() };
		tell();
		return Number.POSITIVE_INFINITY;
	};

	/** When its loop turned last. */
	let turnedMs = now();
	const turned = (): void => {
		turnedMs = now();
	};

	const pump = (): void => {
		let againMs = tellChanges();
		const through = connection;
		if (through) {
			const next = () => (handingOver ? undefined : outlet.next(now()));
			let step = next();
			for (; step && 'send' in step; step = next()) {
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
				const oldestMs = outlet.oldestMs(now());
				if (silentMs >= SILENCE_MS) through.drop('no answer to a message');
				else if (oldestMs >= FORGOTTEN_MS) through.drop('one message has no answer, while others have');
				againMs = Math.min(againMs, Math.max(1, Math.min(SILENCE_MS - silentMs, FORGOTTEN_MS - oldestMs)));
			}
			// What was refused in between may have something to tell.
			againMs = Math.min(againMs, tellChanges());
		}
		alarm.set(againMs);
	};

	let credentials: Credentials = {};
	/** @throws Failure when a password or certificate cannot be read */
	const knock = async (): Promise<Connection | Ending> => {
		turned();
		const { clientId } = settings;
		const { url, manner } = broker;
		const { version, will } = manner.current;
		credentials = await settings.credentials();
		if (credentials.tls?.verify === false && isEncrypted(url)) lack('verification');
		else lacks.delete('verification');
		const last = presence &&
			will && { topic: presence.topic, payload: presence.payload('offline', troubles()), ...will };
		const login = { url, clientId, version, ...credentials, ...(last && { will: last }) };
		return connect(login, hard.signal);
	};
	const listenOn = async (opened: Connection): Promise<void> => {
		if (!listening) return;
		opened.onMessage(listening.onHeard);
		for (const filter of listening.filters) {
			const code = await opened.subscribe(filter);
			if (code >= 0x80)
				once(`Broker "${broker.shown}" does not let this box listen to "${filter}": ${reasonText(code)}`);
		}
	};
	const reached = ({ version }: Connection, limits: Limits): void => {
		const { will } = broker.manner.current;
		if (settings.version === '5' && version === 4) once(`Broker "${broker.shown}" does not speak MQTT 5`);
		if (version === 4) lack('refusals');
		else {
			lacks.delete('refusals');
			if (limits.retainAvailable) lacks.delete('retain');
			if (limits.maximumQos > 0) lacks.delete('qos1');
		}
		if (!limits.retainAvailable) lack('unretained');
		if (limits.maximumQos === 0) lack('qos0');
		if (will || !presence) lacks.delete('will');
		else lack('will');
	};

	const warned = new Set<string>();
	const once = (line: string): void => {
		if (!warned.has(line)) say('warning', line, 'broker.noted');
		warned.add(line);
	};
	/** Whom we were connected to when it was last said. */
	let greeted: Broker | undefined;
	/** Whom we last spoke with. */
	let spoken = broker;
	let short = 0;
	let connections = 0;
	const complain = (line: string, level: 'warning' | 'error' = 'warning'): void => {
		if (line === broker.lastSaid) return;
		say(level, line, 'broker.away');
		broker.lastSaid = line;
		greeted = undefined;
	};
	/** Knocks at every broker once, from the chosen one on. @returns undefined when none lets us in */
	const knockAtEach = async (): Promise<Connection | undefined> => {
		if (beside) {
			while (beside() === undefined && !whenEnding.aborted) {
				turned();
				await pause(BESIDE_MS, whenEnding);
			}
			const same = brokers.find(({ url }) => url === beside());
			if (!same) return undefined;
			broker = same;
		}
		for (let left = beside ? 1 : brokers.length; left > 0 && !hard.signal.aborted; left -= 1) {
			const opened = await knock().catch((thrown): Ending => {
				if (!(thrown instanceof Failure)) throw thrown;
				const { message, advice } = thrown;
				return { text: message, cause: 'OURS', ...(advice !== undefined && { advice }) };
			});
			if ('send' in opened) return opened;
			if (hard.signal.aborted) return undefined;
			const { code, cause, text, advice } = opened;
			const refusal = code === undefined && cause !== 'OURS' ? 'no broker at' : 'no connection to broker';
			complain(`${refusal} "${broker.shown}": ${text}; inspecting goes on${advice ? `. ${advice}` : ''}`);
			// Another broker makes no difference to what we lack ourselves.
			if (cause === 'OURS') return undefined;
			broker.manner.refused(opened);
			chooseNext();
		}
		return undefined;
	};
	/**
	 * Resolves when the connection that stands is to be replaced, with the reason: the credentials are others than it was opened with,
	 * or the link beside speaks with another broker; else when the signal is aborted.
	 */
	const outdated = async (
		used: Credentials,
		over: AbortSignal,
	): Promise<{ readonly because: string } | undefined> => {
		for (let told = ''; ; ) {
			turned();
			await pause(lookMs, over);
			if (over.aborted) return undefined;
			const other = beside?.() ?? broker.url;
			if (other !== broker.url) return { because: 'verdicts go to another broker' };
			try {
				if (!isDeepStrictEqual(await settings.credentials(), used))
					return { because: 'the credentials have changed' };
				told = '';
			} catch (thrown) {
				if (!(thrown instanceof Failure)) throw thrown;
				const line = `${thrown.message}; the connection to "${broker.shown}" stays as it is`;
				if (line !== told) say('warning', line, 'broker.noted');
				told = line;
			}
		}
	};
	const attempt = async (told: Attempt): Promise<'again' | 'done'> => {
		turned();
		const opened = await knockAtEach();
		if (!opened) return soft.signal.aborted || hard.signal.aborted ? 'done' : 'again';
		const { manner } = broker;
		// What one broker lacks and refuses says nothing of another.
		if (broker !== spoken) {
			for (const what of LACKS) if (what !== 'verification') lacks.delete(what);
			refused.clear();
		}
		spoken = broker;
		if (manner.again()) {
			await opened.close();
			return 'again';
		}
		told.opened();
		connections += 1;
		const sinceMs = now();
		if (greeted !== broker && !beside)
			say(
				'info',
				`connected to "${broker.shown}" (MQTT ${opened.version === 5 ? '5' : '3.1.1'})`,
				'broker.connected',
			);
		greeted = broker;
		const limits = manner.within(opened.limits);
		reached(opened, limits);
		connection = opened;
		void listenOn(opened);
		retained.sayAgain();
		outlet.opened(opened.version, limits, now(), broker.url);
		tell();
		pump();
		const over = new AbortController();
		using leaving = eitherOf(over.signal, soft.signal);
		const end = await Promise.race([
			either(opened.ended, soft.signal),
			outdated(credentials, leaving.signal),
		]);
		over.abort();
		const replaced = end && 'because' in end;
		const ending = replaced ? await handOver(opened, end.because) : (end ?? (await farewell(opened)));
		const busy = outlet.inFlight > 0;
		connection = undefined;
		manner.ended();
		outlet.ended(ending.code, now());
		if (hard.signal.aborted || (soft.signal.aborted && said())) return 'done';
		const lasted = now() - sinceMs >= persistence.lastedMs;
		if (lasted || replaced) broker.lastSaid = '';
		if (replaced) return 'again';
		short = lasted || busy || ending.code !== undefined ? 0 : short + 1;
		if (ending.code === reason.takenOver)
			complain(
				`Another client took the connection to "${broker.shown}" over with client id "${settings.clientId}": give each box its own name, or set mqtt.clientId`,
				'error',
			);
		else if (short >= SHORT)
			complain(
				`Broker "${broker.shown}" ends each connection at once: does another client use the client id "${settings.clientId}"?`,
				'error',
			);
		else complain(`connection to "${broker.shown}" ended: ${ending.text}; inspecting goes on`);
		// One that lets us in and ends it at once is no better than one that is not there.
		if (!lasted && !soft.signal.aborted) chooseNext();
		return 'again';
	};
	/** Whether the last word was said: nothing waits, and every state stands as it should. */
	const said = () => source.settled && retained.settled && (answers?.settled ?? true);
	/** Lets what is on its way arrive, and says goodbye. */
	const handOver = async (through: Connection, because: string): Promise<Ending> => {
		say('info', `leaving "${broker.shown}" to connect anew: ${because}`, 'broker.leaving');
		greeted = undefined;
		handingOver = true;
		using limit = timeLimitBy(timers, FAREWELL_MS, hard.signal);
		let ended = false;
		void through.ended.then(() => {
			ended = true;
		});
		while (outlet.inFlight > 0 && !ended && !limit.signal.aborted) await pause(10, limit.signal);
		await through.close();
		handingOver = false;
		return { code: reason.administrative, text: because };
	};
	const farewell = async (through: Connection): Promise<Ending> => {
		let over: Ending | undefined;
		void through.ended.then((ending) => {
			over = ending;
		});
		outlet.hurry();
		pump();
		while (!said() && !over && !hard.signal.aborted) await pause(10, hard.signal);
		// Without DISCONNECT the broker says the will, which is true then.
		if (!over && retained.settled && (!presence || retained.stands(presence.topic))) await through.close();
		else through.drop('the last word was not taken');
		return over ?? { text: 'closed' };
	};

	tell();
	const running = keepConnected(attempt, persistence, hard.signal, {
		...pace,
		pause: async (ms) => {
			await pause(ms, whenEnding);
			// At the end a lost connection is opened again, as long as there is time.
			if (soft.signal.aborted) await pause(100, hard.signal);
		},
	});
	return {
		name,
		get connected() {
			return connection !== undefined;
		},
		get connections() {
			return connections;
		},
		get silentMs() {
			return Math.max(0, now() - turnedMs - lookMs);
		},
		get broker() {
			return connection && broker.url;
		},
		get troubles() {
			return troubles();
		},
		wake: pump,
		tell: () => {
			told += 1;
			pump();
		},
		retain: (topic, payload) => {
			retained.set(topic, payload);
			pump();
		},
		[Symbol.asyncDispose]: async () => {
			soft.abort();
			const letEnd = timers.later(FAREWELL_MS, () => hard.abort());
			await running;
			letEnd();
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
function createAlarm(ring: () => void, { later }: Timers): { set(inMs: number): void } {
	let silence = () => {};
	return {
		set: (inMs) => {
			silence();
			if (Number.isFinite(inMs)) silence = later(inMs, ring);
		},
	};
}
