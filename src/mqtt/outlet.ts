import { type Backoff, backoffMs } from '../base/retry.js';
import { parseTopic, topics } from '../protocol/topics.js';
import { blameOf, fateOf, reason, reasonText } from './reasons.js';

/** A message that is to reach the broker. */
export type Outgoing = {
	readonly topic: string;
	readonly payload: Uint8Array;
	/** What is retained, and what waits for what in trouble. */
	readonly kind: 'verdict' | 'gap' | 'heatmap' | 'state' | 'answer';
	/** For MQTT 5 alone. */
	readonly properties?: Properties;
};

/** MQTT 5, section 3.3.2.3. */
export type Properties = {
	readonly contentType?: string;
	readonly expiryS?: number;
	/** Where an answer is wanted. */
	readonly responseTopic?: string;
	/** Handed back with the answer as it came. */
	readonly correlation?: Uint8Array;
	readonly user?: Readonly<Record<string, string>>;
};

/** Where messages come from, in their order. */
export type Source = {
	/** The oldest that is not on its way and not skipped; it is on its way now. `skip` sees which it is and of what kind: what it says may be made only then. */
	next(skip: (message: Outgoing) => boolean): Outgoing | undefined;
	/** Whether it still waits or is on its way: a newer one may have taken its place. */
	holds(message: Outgoing): boolean;
	acknowledge(message: Outgoing): void;
	/** The broker will never have it. */
	refuse(message: Outgoing, why: string): void;
	postpone(message: Outgoing): void;
	recall(): void;
};

/** What a broker takes; CONNACK tells (MQTT 5, section 3.2.2.3). */
export type Limits = {
	/** Publishes without an answer at a time. */
	readonly receiveMaximum: number;
	/** Bytes of a whole packet. */
	readonly maximumPacketSize: number;
	readonly maximumQos: 0 | 1 | 2;
	readonly retainAvailable: boolean;
};

export const NO_LIMITS: Limits = {
	receiveMaximum: 65_535,
	maximumPacketSize: 268_435_460,
	maximumQos: 2,
	retainAvailable: true,
};

export type Packet = {
	readonly message: Outgoing;
	readonly qos: 0 | 1;
	readonly retain: boolean;
};

/** Why messages of one kind of topic do not reach anybody. */
export type Refusal = { readonly topic: string; readonly reason: string; readonly kind: Outgoing['kind'] };

export type Listener = {
	/** One message was refused for good. */
	onRefused(refusal: Refusal): void;
	/** A kind of topic that was refused is taken again. */
	onTaken(topic: string): void;
	/** Learnt from ended connections, as 3.1.1 does not tell: retained messages or QoS 1 are not taken. */
	onLacking(what: 'unretained' | 'qos0'): void;
};

/** What to do next: send, or ask again later. Undefined: nothing until something happens. */
export type Step = { readonly send: Packet } | { readonly againInMs: number };

export type Outlet = {
	/** `broker`: which one of several; of another one nothing is known. */
	opened(version: 4 | 5, limits: Limits, nowMs: number, broker?: string): void;
	next(nowMs: number): Step | undefined;
	/** The broker's answer to a packet: a reason code, and its own words where it has some. */
	answered(packet: Packet, code: number, nowMs: number, words?: string): void;
	/** The connection is over; `code` is what the broker gave as reason. */
	ended(code: number | undefined, nowMs: number): void;
	/** There is little time: what was put off is tried again at once. */
	hurry(): void;
	/** So long nothing has been answered although something is on its way. */
	silentMs(nowMs: number): number;
	/** So long the oldest that is on its way has had no answer. */
	oldestMs(nowMs: number): number;
	readonly inFlight: number;
};

/** Messages without an answer at a time: more would only wait in the broker. */
export const WINDOW = 64;

/** After an answer "later". */
const postponing: Backoff = { firstMs: 100, mostMs: 5000 };

/** A message that is answered "later" so often in a row lets others past. */
const PATIENCE = 4;

/** So many connections must end with a message alone on its way, before a lesser way is tried for it, or it is refused. */
const STRIKES = { lesser: 2, refused: 3 } as const;

/** With a reason that speaks of the message; a verdict twice, as authorisation can also end for the whole connection. */
const CERTAIN: Readonly<Record<Outgoing['kind'], number>> = {
	verdict: 2,
	gap: 2,
	state: 1,
	heatmap: 1,
	answer: 1,
};

/** So long a connection must stand without a suspect, before the suspect has its last try on it. */
const QUIET_MS = { least: 1000, most: 5000 } as const;

/** After connections that ended under many messages the window is smaller, and grows by one after so many were taken. */
const GROWING = 200;

/** Topics whose filter is remembered. */
const MOST_FILTERS = 256;

/** What was learnt from ended connections is tried anew after this: brokers are reconfigured. */
const RELEARN_MS = 3_600_000;

/** Of one packet, in bytes: fixed header, topic, packet identifier, properties, payload (MQTT 5, section 3.3). */
export function publishSize({ topic, payload, properties }: Outgoing, qos: 0 | 1, version: 4 | 5): number {
	const told = version === 5 ? propertiesSize(properties) : 0;
	const rest =
		text(topic) + (qos > 0 ? 2 : 0) + (version === 5 ? variableSize(told) + told : 0) + payload.length;
	return 1 + variableSize(rest) + rest;
}

function propertiesSize({
	contentType,
	expiryS,
	responseTopic,
	correlation,
	user = {},
}: Properties = {}): number {
	const pairs = Object.entries(user).map(([name, value]) => 1 + text(name) + text(value));
	return (
		(contentType === undefined ? 0 : 1 + text(contentType)) +
		(expiryS === undefined ? 0 : 1 + 4) +
		(responseTopic === undefined ? 0 : 1 + text(responseTopic)) +
		(correlation === undefined ? 0 : 3 + correlation.length) +
		pairs.reduce((sum, bytes) => sum + bytes, 0)
	);
}

/** A string with its length before it. */
function text(value: string): number {
	return 2 + Buffer.byteLength(value);
}

/** Of a variable byte integer (MQTT 5, section 1.5.5). */
function variableSize(value: number): number {
	return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4;
}

/** A topic below `root` without what differs from message to message: `inspectord/cell/lid/heatmap/+/+`. */
export function topicFilter(root: string, topic: string): string {
	const parsed = parseTopic(root, topic);
	if (!parsed) return topic;
	return topics[parsed.name].pattern.replace(/\{(\w+)\}/g, (_, level: string) =>
		level === 'id' || level === 'index' || level === 'client' ? '+' : parsed.parameters[level]!,
	);
}

/** A state is known by its topic, as its value changes; other messages by themselves. */
type Key = Outgoing | string;
const keyOf = (message: Outgoing): Key => (message.kind === 'state' ? message.topic : message);

/** `taken`: how many messages the broker had taken then. */
type Late = { refusals: number; dueMs: number; own: boolean; taken: number };
/** Nothing is sent before `untilMs`, after so many answers "later" in a row. */
type Hold = { readonly untilMs: number; readonly sinceMs: number; readonly refusals: number };
const NO_HOLD: Hold = { untilMs: 0, sinceMs: 0, refusals: 0 };

type Suspicion = {
	strikes: number;
	/** From sending it to the end of the connection, at most. */
	longestMs: number;
	/** Lesser ways that are tried for it. */
	qos0: boolean;
	unretained: boolean;
};
type Standing = {
	readonly version: 4 | 5;
	readonly limits: Limits;
	readonly sinceMs: number;
	/** What the broker has taken on this connection. */
	readonly taken: { retain: boolean; qos: boolean };
};

/**
 * Decides what is sent when: order, window, and what an answer or the end of a connection means. A message after which
 * connections end is found by sending the suspects alone; it is refused when it was alone several times while connections
 * without it stood. Answers that may pass are waited out with a growing wait. Pure of clocks: told the time. `root` is that of the topics.
 */
export function createOutlet(
	root: string,
	sources: readonly Source[],
	chance: () => number,
	listener: Listener,
	widest = WINDOW,
): Outlet {
	let connection: Standing | undefined;
	const flight = new Map<Outgoing, { packet: Packet; source: Source; sentMs: number }>();
	let answeredMs = 0;

	/** Must go alone, as a connection ended while they were on their way. */
	const suspects = new Map<Key, Suspicion>();
	const late = new Map<Key, Late>();
	let hold = NO_HOLD;
	let taken = 0;
	let window = widest;

	let learnt = nothingLearnt(0);
	const refusedTopics = new Set<string>();
	/** The broker of which all this was learnt. */
	let known = '';

	/** By topic, as verdicts have few. */
	const filters = new Map<string, string>();
	const filterOf = (topic: string): string => {
		const known = filters.get(topic);
		if (known !== undefined) return known;
		if (filters.size === MOST_FILTERS) filters.clear();
		const filter = topicFilter(root, topic);
		filters.set(topic, filter);
		return filter;
	};

	const packetOf = (message: Outgoing, { limits }: Standing): Packet => {
		const suspicion = suspects.get(keyOf(message));
		return {
			message,
			qos: learnt.qos0 || suspicion?.qos0 || limits.maximumQos === 0 ? 0 : 1,
			retain:
				message.kind === 'state' && limits.retainAvailable && !learnt.unretained && !suspicion?.unretained,
		};
	};
	const refuse = (message: Outgoing, source: Source, why: string): void => {
		source.refuse(message, why);
		suspects.delete(keyOf(message));
		late.delete(keyOf(message));
		const topic = filterOf(message.topic);
		refusedTopics.add(topic);
		listener.onRefused({ topic, reason: why, kind: message.kind });
	};
	/** Why a message need not be sent at all. */
	const foreseen = ({ message, qos }: Packet, { version, limits }: Standing): string | undefined => {
		const size = publishSize(message, qos, version);
		const most = limits.maximumPacketSize;
		if (size > most) return tooLarge(size, most);
		if (size >= learnt.tooLarge || (message.kind === 'heatmap' && size >= learnt.tooLargePicture))
			return tooLarge(size);
		return learnt.topics.get(filterOf(message.topic));
	};
	const pick = (careful: boolean, nowMs: number): { message: Outgoing; source: Source } | undefined => {
		const putOff = (message: Outgoing): boolean => {
			const wait = late.get(keyOf(message));
			return !!wait && wait.dueMs > nowMs && (wait.own || wait.refusals >= PATIENCE);
		};
		// In trouble no verdict waits for a picture.
		const skips = [(message: Outgoing) => message.kind === 'heatmap' || putOff(message), putOff];
		for (const skip of careful ? skips : [putOff])
			for (const source of sources) {
				const message = source.next(skip);
				if (message) return { message, source };
			}
		return undefined;
	};
	const forget = (): void => {
		for (const map of [suspects, late])
			for (const key of map.keys())
				if (typeof key !== 'string' && !sources.some((source) => source.holds(key))) map.delete(key);
	};

	const next = (nowMs: number): Step | undefined => {
		if (!connection) return undefined;
		const careful = suspects.size > 0 || hold.refusals > 0;
		if (careful && flight.size === 0) forget();
		if (flight.size >= (careful ? 1 : Math.min(Math.floor(window), connection.limits.receiveMaximum)))
			return undefined;
		if (nowMs < hold.untilMs) return { againInMs: hold.untilMs - nowMs };
		if (nowMs - learnt.sinceMs > RELEARN_MS) learnt = nothingLearnt(nowMs);
		for (let picked = pick(careful, nowMs); picked; picked = pick(careful, nowMs)) {
			const { message, source } = picked;
			const packet = packetOf(message, connection);
			const why = foreseen(packet, connection);
			if (why !== undefined) {
				refuse(message, source, why);
				continue;
			}
			const suspicion = suspects.get(keyOf(message));
			const quietMs =
				suspicion?.strikes === STRIKES.refused - 1
					? Math.min(QUIET_MS.most, Math.max(QUIET_MS.least, 2 * suspicion.longestMs))
					: 0;
			const waitMs = connection.sinceMs + quietMs - nowMs;
			if (quietMs > 0 && waitMs > 0) {
				source.postpone(message);
				return { againInMs: waitMs };
			}
			if (flight.size === 0) answeredMs = nowMs;
			flight.set(message, { packet, source, sentMs: nowMs });
			return { send: packet };
		}
		const due = [...late.values()].map(({ dueMs }) => dueMs).filter((dueMs) => dueMs > nowMs);
		return due.length > 0 ? { againInMs: Math.min(...due) - nowMs } : undefined;
	};

	const accept = ({ message, qos, retain }: Packet, standing: Standing): void => {
		const suspicion = suspects.get(keyOf(message));
		if (suspicion?.unretained) learn('unretained');
		if (suspicion?.qos0) learn('qos0');
		suspects.delete(keyOf(message));
		late.delete(keyOf(message));
		taken += 1;
		window = Math.min(widest, window + 1 / GROWING);
		if (hold.refusals > 0) {
			hold = NO_HOLD;
			for (const wait of late.values()) if (!wait.own) wait.dueMs = 0;
		}
		const topic = filterOf(message.topic);
		standing.taken.retain ||= retain;
		standing.taken.qos ||= qos === 1;
		learnt.topicsTaken.add(topic);
		learnt.largestTaken = Math.max(learnt.largestTaken, publishSize(message, qos, standing.version));
		if (refusedTopics.delete(topic)) listener.onTaken(topic);
	};
	const learn = (what: 'unretained' | 'qos0'): void => {
		if (learnt[what]) return;
		learnt[what] = true;
		listener.onLacking(what);
	};
	const postpone = (message: Outgoing, source: Source, sentMs: number, nowMs: number): void => {
		source.postpone(message);
		if (late.size > WINDOW) forget();
		const before = late.get(keyOf(message));
		const refusals = (before?.refusals ?? 0) + 1;
		// Others were taken since: the trouble is this message's own, and nobody else waits for it.
		const own = before?.own || (before !== undefined && taken > before.taken);
		late.set(keyOf(message), {
			refusals,
			own,
			taken,
			dueMs: nowMs + backoffMs(postponing, refusals, chance()),
		});
		if (own || sentMs < hold.sinceMs) return;
		const held = hold.refusals + 1;
		hold = { refusals: held, sinceMs: nowMs, untilMs: nowMs + backoffMs(postponing, held, chance()) };
	};

	/** A message was alone on its way when the connection ended: it is suspected more, tried in a lesser way, or refused. */
	const strike = (
		{ packet, source, sentMs }: { packet: Packet; source: Source; sentMs: number },
		code: number | undefined,
		standing: Standing,
		nowMs: number,
	): void => {
		const { message, qos, retain } = packet;
		const suspicion = suspects.get(keyOf(message))!;
		suspicion.strikes += 1;
		suspicion.longestMs = Math.max(suspicion.longestMs, nowMs - sentMs);
		const certain = blameOf(code) === 'message';
		const guess = !certain && suspicion.strikes >= STRIKES.lesser;
		if (retain && (code === reason.noRetain || (guess && !standing.taken.retain))) {
			suspects.set(keyOf(message), { ...suspicion, strikes: 0, unretained: true });
			return;
		}
		if (qos === 1 && (code === reason.noQos || (guess && !standing.taken.qos))) {
			suspects.set(keyOf(message), { ...suspicion, strikes: 0, qos0: true, unretained: false });
			return;
		}
		if (suspicion.strikes < (certain ? CERTAIN[message.kind] : STRIKES.refused)) return;
		const size = publishSize(message, qos, standing.version);
		learnFrom(message, size, code);
		refuse(message, source, code === undefined ? `it ends the connection (${size} bytes)` : reasonText(code));
	};
	/** What one refused message says about others. Without a reason no verdict is given up before it was tried. */
	const learnFrom = ({ topic, kind }: Outgoing, size: number, code: number | undefined): void => {
		const filter = filterOf(topic);
		const condemned = (learnt.condemned.get(filter) ?? 0) + 1;
		learnt.condemned.set(filter, condemned);
		if (code === reason.tooLarge) {
			learnt.tooLarge = Math.min(learnt.tooLarge, size);
			return;
		}
		const unexplained = blameOf(code) !== 'message';
		if (kind === 'heatmap' && unexplained && size > learnt.largestTaken)
			learnt.tooLargePicture = Math.min(learnt.tooLargePicture, size);
		if (learnt.topicsTaken.has(filter)) return;
		if (code === reason.notAuthorised && (kind === 'heatmap' || condemned > 1))
			learnt.topics.set(filter, reasonText(code));
		else if (kind !== 'verdict' && unexplained && condemned > 1)
			learnt.topics.set(filter, 'they end the connection');
	};

	return {
		opened: (version, announced, nowMs, broker = '') => {
			if (broker !== known) {
				known = broker;
				learnt = nothingLearnt(nowMs);
				window = widest;
				suspects.clear();
				refusedTopics.clear();
			}
			connection = {
				version,
				limits: announced,
				sinceMs: nowMs,
				taken: { retain: false, qos: false },
			};
			answeredMs = nowMs;
		},
		next,
		answered: (packet, code, nowMs, words) => {
			const { message } = packet;
			const sent = flight.get(message);
			if (!connection || sent?.packet !== packet) return;
			flight.delete(message);
			answeredMs = nowMs;
			const fate = fateOf(code);
			if (fate === 'delivered') {
				accept(packet, connection);
				sent.source.acknowledge(message);
			} else if (fate === 'later') {
				suspects.delete(keyOf(message));
				postpone(message, sent.source, sent.sentMs, nowMs);
			} else refuse(message, sent.source, words ? `${reasonText(code)}: ${words}` : reasonText(code));
		},
		ended: (code, nowMs) => {
			if (!connection) return;
			const standing = connection;
			const sent = [...flight.values()];
			connection = undefined;
			flight.clear();
			hold = { ...hold, untilMs: 0 };
			for (const source of sources) source.recall();
			if (sent.length === 0) {
				// It ended without them: the suspects had no part in it.
				for (const suspicion of suspects.values()) suspicion.strikes = 0;
				return;
			}
			if (sent.length > 1) window = Math.max(1, sent.length / 2);
			if (blameOf(code) === 'connection') return;
			for (const { packet } of sent)
				if (!suspects.has(keyOf(packet.message)))
					suspects.set(keyOf(packet.message), { strikes: 0, longestMs: 0, qos0: false, unretained: false });
			if (sent.length === 1) strike(sent[0]!, code, standing, nowMs);
		},
		hurry: () => {
			hold = NO_HOLD;
			late.clear();
		},
		silentMs: (nowMs) => (flight.size > 0 ? nowMs - answeredMs : 0),
		oldestMs: (nowMs) => {
			const [oldest] = flight.values();
			return oldest ? nowMs - oldest.sentMs : 0;
		},
		get inFlight() {
			return flight.size;
		},
	};
}

/** What ended connections have taught about a broker. */
function nothingLearnt(sinceMs: number) {
	return {
		sinceMs,
		unretained: false,
		qos0: false,
		/** Packets from this size on are too large, in bytes. */
		tooLarge: Number.POSITIVE_INFINITY,
		tooLargePicture: Number.POSITIVE_INFINITY,
		/** Kinds of topic that are refused, and why. */
		topics: new Map<string, string>(),
		condemned: new Map<string, number>(),
		topicsTaken: new Set<string>(),
		largestTaken: 0,
	};
}

function tooLarge(size: number, most?: number): string {
	const detail = most === undefined ? `${size} bytes` : `${size} bytes, it takes ${most}`;
	return `${reasonText(reason.tooLarge)}, ${detail}`;
}
