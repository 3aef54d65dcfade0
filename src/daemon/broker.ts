import { randomBytes } from 'node:crypto';
import { Failure } from '../base/failure.js';
import type { Log } from '../base/log.js';
import type { Ranges } from '../base/ranges.js';
import type { Service } from '../base/service.js';
import { addressesOf } from '../config/broker.js';
import type { Config } from '../config/schema.js';
import { forgetSendAgain, sendAgain } from '../disk/wishes.js';
import { type Answers, createAnswers } from '../mqtt/answers.js';
import type { Heard } from '../mqtt/connection.js';
import { type Cursor, createCursor, type Feed } from '../mqtt/cursor.js';
import { inOrder } from '../mqtt/in-order.js';
import { type BrokerLink, openBrokerLink, type Troubles } from '../mqtt/link.js';
import type { Outgoing } from '../mqtt/outlet.js';
import { paced } from '../mqtt/pacing.js';
import { probeBroker } from '../mqtt/probe.js';
import { decodeFrom } from '../protocol/decode.js';
import type { Event, Picture } from '../protocol/events.js';
import { messageId } from '../protocol/fields.js';
import { gapEntry, gapMessage } from '../protocol/gap.js';
import { receiptSchema } from '../protocol/receipt.js';
import { hasRights, type Role, roles } from '../protocol/roles.js';
import { type BoxState, boxState } from '../protocol/states.js';
import { encodePayload, parseTopic, topicOf } from '../protocol/topics.js';
import { verdictMessage } from '../protocol/verdict-message.js';
import type { Journal, Stream } from '../sqlite/journal.js';
import { concernOf, credentialsOf, secretsOfCredentials } from './credentials.js';
import { type Edges, realEdges } from './edges.js';
import type { Recorder } from './record.js';
import { clientIdOf } from './settings.js';
import { type BrokerTally, createTallies } from './tally.js';

/** `stations`: the names of all, as the box's state tells them; `alarmed`: of those that have alarms; `reports`: whether it tells reports, by default not; `remote`: as what requests are believed at most, by default as nothing. */
export type BrokerSettings = Pick<Config, 'box' | 'mqtt'> & {
	readonly stations: readonly string[];
	readonly alarmed?: readonly string[];
	readonly reports?: boolean;
	readonly remote?: Config['control']['remote'];
};

/** Verdicts from a cursor in the journal, their pictures on a second connection, states that are retained. */
export type BrokerService = Service & {
	readonly connected: boolean;
	/** How often a connection was opened, since the daemon started. */
	readonly connections: number;
	/** What waits for the broker, and the first event of it. */
	readonly backlog: {
		readonly verdicts: number;
		readonly pictures: number;
		readonly oldest: number | undefined;
	};
	/** What it refused, since the daemon started. */
	readonly dropped: { readonly verdicts: number; readonly heatmaps: number };
	retain(topic: string, payload: Uint8Array): void;
	/** Shows what a station sees. Resolves with its topic when the broker has it. @throws Failure broker-refused; the signal's reason */
	show(station: string, jpeg: Uint8Array, signal: AbortSignal): Promise<string>;
	/** Says dead letters again. Resolves when that stands on disk. */
	sendAgain(events: readonly number[]): Promise<void>;
	/** There is something to say. */
	wake(): void;
	retell(stations: readonly string[]): void;
	/** Says the box's state again, as it is now. */
	tell(): void;
};

/** Where requests go, and answers come from. */
export type Requests = {
	/** What goes to the broker. */
	readonly answers: Answers;
	/** A message on a topic for requests; nothing is believed beyond `most`. */
	heard(heard: Heard, root: string, most: Role): void;
};

type Env = Readonly<Record<string, string | undefined>>;

export type BrokerWorld = {
	readonly version: string;
	readonly log: Log;
	/** Where the journal lies. */
	readonly folder: string;
	readonly journal: Journal;
	readonly record: Recorder;
	readonly control?: Requests;
	/** What was counted before, and goes on. */
	readonly tally?: BrokerTally;
	/** Parts of the daemon that give no sign of life. */
	readonly silent?: () => readonly string[];
	readonly env: Env;
	/** From now on nobody is shown these. */
	readonly conceal: (secrets: readonly string[]) => void;
	readonly edges?: Edges;
};

/** Its name in the journal. */
const OUTLET = 'broker';

/** What is not said within this time is late, and goes after what is new. */
const FRESH_MS = 5000;

/** How often it is looked for what nobody tells. */
const LOOK_MS = 2000;

/** A verdict without its receipt is said again after this. */
const RECEIPT_MS = 60_000;

/** Read ahead: verdicts as many as may be on their way; pictures are large, and few are held. */
const AHEAD: Readonly<Record<Stream, number>> = { events: 64, pictures: 4 };

/** Pictures on their way at a time: more would fill the line before a verdict. */
const PICTURES_AT_ONCE = 2;

/** At the end, what was handed over to the journal gets so long to arrive there. */
const SETTLE_MS = 2000;

const JSON_TYPE = 'application/json';

/** A picture that somebody waits for is of no use later. */
const SNAPSHOT_EXPIRY_S = 60;

/** Of receipts: whoever sends more wants to do harm. */
const RECEIPT_LIMITS = { bytes: 1024, depth: 2 } as const;

type Shown = Picture & { readonly jpeg: Uint8Array; readonly verdict: Event };

/**
 * Says what is recorded to the broker. @throws Failure file-unreadable without a file that the configuration speaks of; what is
 * wrong with a certificate may come with time, and is no reason not to inspect
 */
export async function openBroker(settings: BrokerSettings, world: BrokerWorld): Promise<BrokerService> {
	const { box, mqtt } = settings;
	const { root, version } = mqtt;
	const { journal, record, log } = world;
	const { pace, timers, wallClock, connect, files } = world.edges ?? realEdges;
	const { now } = pace;
	const linkWorld = { connect, pace, timers };
	let { stations } = settings;
	let told: string | undefined;
	const credentials = async () => {
		const read = await credentialsOf(settings, world.env);
		world.conceal(secretsOfCredentials(read));
		const concern = concernOf(read);
		if (concern !== undefined && concern !== told) log('warning', 'mqtt', concern, 'broker.certificate');
		told = concern;
		return read;
	};
	await credentials().catch((thrown) => {
		if (!(thrown instanceof Failure) || thrown.code !== 'certificate-invalid') throw thrown;
	});
	const expiry = mqtt.expiryS > 0 ? { expiryS: mqtt.expiryS } : {};
	const { tally = createTallies(0).broker } = world;
	const { dropped } = tally;
	let link: BrokerLink | undefined;
	let pictureLink: BrokerLink | undefined;

	const gapOf = (event: Event): Outgoing => {
		const message = gapMessage(event, { series: journal.series, publishedMs: wallClock() });
		return {
			topic: topicOf('gap', { root, box, station: message.station }),
			payload: encodePayload('gap', message),
			kind: 'gap',
			properties: { contentType: JSON_TYPE, ...expiry, user: { id: message.id } },
		};
	};
	const verdictOf = (event: Event, late: boolean): Outgoing => {
		const moments = record.momentsOf(event.id);
		const message = verdictMessage(event, {
			series: journal.series,
			root,
			publishedMs: wallClock(),
			late,
			recordMs: moments ? moments.recordedMs - moments.heardMs : null,
			publishMs: moments ? now() - moments.recordedMs : null,
		});
		return {
			topic: topicOf('verdict', { root, box, station: message.station }),
			payload: encodePayload('verdict', message),
			kind: 'verdict',
			properties: {
				contentType: JSON_TYPE,
				...expiry,
				user: { id: message.id, sequence: String(message.sequence) },
			},
		};
	};
	const pictureOf = ({ index, jpeg, verdict }: Shown): Outgoing => {
		const id = messageId(journal.series, verdict.id);
		return {
			topic: topicOf('heatmap', { root, box, station: verdict.station!, id, index: String(index) }),
			payload: jpeg,
			kind: 'heatmap',
			properties: { contentType: 'image/jpeg', ...expiry, user: { id, sequence: String(verdict.sequence) } },
		};
	};
	/** Undefined: it is not published, or retention took it. */
	const shown = async (picture: Picture): Promise<Shown | undefined> => {
		if (picture.role !== 'heatmap') return undefined;
		const [verdict] = await journal.events({ from: picture.event, to: picture.event }, 1);
		const jpeg = await journal.readPicture(picture.hash);
		return verdict && jpeg && { ...picture, jpeg, verdict };
	};
	const openCursor = async <T extends { readonly id: number }>(
		stream: Stream,
		feed: Omit<Feed<T>, 'left' | 'now'>,
	): Promise<Cursor> => {
		const left = (ranges: Ranges) => journal.deliver(OUTLET, stream, ranges);
		const undelivered = await journal.undelivered(OUTLET, stream);
		return createCursor<T>(
			undelivered,
			{ ...feed, left, now },
			{
				last: journal.last[stream],
				freshMs: FRESH_MS,
				ahead: AHEAD[stream],
				...(mqtt.receipts && { receiptMs: RECEIPT_MS }),
			},
		);
	};
	const verdicts = await openCursor<Event>('events', {
		wake: () => link?.wake(),
		read: async (range, limit) => {
			const items = await journal.events(range, limit, ['verdict', 'gap']);
			return { items, upTo: items.length < limit ? range.to : items.at(-1)!.id };
		},
		kindOf: ({ kind }) => (kind === 'gap' ? 'gap' : 'verdict'),
		message: (event, late) => (event.kind === 'gap' ? gapOf(event) : verdictOf(event, late)),
		receiptOf: ({ kind, station, sequence }) =>
			kind === 'verdict' ? receiptName(station!, sequence!) : undefined,
		acknowledged: ({ id }) => record.delivered(id),
		refused: (event, reason) => {
			const { kind, station, sequence } = event;
			const atMs = wallClock();
			journal.deadLetter({ outlet: OUTLET, event: event.id, reason, atMs });
			if (kind === 'verdict') {
				dropped.verdicts += 1;
				// Whoever misses the number learns why; a gap that is refused too is no news.
				const gap = { from: sequence!, to: sequence!, reason: 'refused' } as const;
				void journal.append([gapEntry(box, station!, gap, atMs)]);
			}
			link?.tell();
		},
	});
	const pictures = await openCursor<Shown>('pictures', {
		wake: () => pictureLink?.wake(),
		read: async (range, limit) => {
			const found = await journal.pictures(range, limit);
			const items = (await Promise.all(found.map(shown))).filter((picture) => picture !== undefined);
			return { items, upTo: found.length < limit ? range.to : found.at(-1)!.id };
		},
		kindOf: () => 'heatmap',
		message: pictureOf,
		receiptOf: () => undefined,
		refused: () => {
			dropped.heatmaps += 1;
			link?.tell();
		},
	});

	const payload = (state: BoxState['state'], { refused, broker, lacks }: Troubles) => {
		const all = [...refused, ...(pictureLink?.troubles.refused ?? [])];
		const silent = [...(world.silent?.() ?? [])];
		const { failure } = journal.condition;
		const told = {
			box,
			state: state === 'online' && (silent.length > 0 || failure !== null) ? 'degraded' : state,
			version: world.version,
			stations,
			dropped,
			refused: all,
			broker,
			lacks,
			silent,
			journal: failure,
		} as const;
		return encodePayload('boxState', boxState(told, wallClock()));
	};
	const presence = { topic: topicOf('boxState', { root, box }), payload };
	const clientId = clientIdOf(settings);
	const common = { urls: addressesOf(mqtt), root, version, credentials };
	const acknowledged = ({ payload: bytes, retain }: Heard): void => {
		const read = decodeFrom(receiptSchema, bytes, RECEIPT_LIMITS);
		// One that was kept by the broker is of another time.
		if ('value' in read && !retain) verdicts.received(receiptName(read.value.station, read.value.sequence));
	};
	const { control } = world;
	const most = settings.remote === undefined || settings.remote === 'none' ? undefined : settings.remote;
	const filters = filtersOf(settings);
	const onHeard = (heard: Heard): void => {
		if (parseTopic(root, heard.topic)?.name !== 'request') acknowledged(heard);
		else if (most !== undefined) control?.heard(heard, root, most);
	};
	const listening = { filters, onHeard };
	const speaking = openBrokerLink(
		{
			...common,
			clientId,
			presence,
			...(filters.length > 0 && { listening }),
			...(control && { answers: control.answers }),
		},
		verdicts,
		log,
		linkWorld,
	);
	const revive = async (events: readonly number[]): Promise<void> => {
		if (events.length === 0) return;
		verdicts.again(events);
		await journal.revive(OUTLET, events);
		log('info', 'mqtt', `${events.length} dead letter(s) are sent again`, 'letters.again');
	};
	/** Sends again what a person wishes, and never forgets the wish before it stands in the journal. */
	const grant = async (): Promise<void> => {
		const events = await sendAgain(world.folder, files);
		if (events.length === 0) return;
		await revive(events);
		await forgetSendAgain(world.folder, files);
	};
	/** Verdicts whose receipt is overdue, and wishes. */
	const stopLooking = timers.every(LOOK_MS, () => {
		speaking.wake();
		void grant();
	});
	const { mostBytesPerSecond } = mqtt.pictures;
	const snapshots = createAnswers();
	const showing = openBrokerLink(
		{
			...common,
			clientId: `${clientId}-pictures`,
			name: 'pictures',
			beside: () => link?.broker,
			window: PICTURES_AT_ONCE,
		},
		paced(
			inOrder(snapshots, pictures),
			{ bytesPerSecond: mostBytesPerSecond, burstBytes: mostBytesPerSecond },
			{ now, wakeIn: (ms) => void timers.later(ms, () => showing.wake()) },
		),
		log,
		linkWorld,
	);
	link = speaking;
	pictureLink = showing;
	record.speakThrough(speaking, root);
	const deaf = [
		journal.onEvents((events) => verdicts.arrived(events.at(-1)!.id)),
		journal.onPictures((kept) => pictures.arrived(kept.at(-1)!.id)),
		journal.onFailure(() => speaking.tell()),
	];
	return {
		name: 'broker',
		get connected() {
			return speaking.connected;
		},
		get connections() {
			return tally.connections + speaking.connections;
		},
		get silentMs() {
			return Math.max(speaking.silentMs ?? 0, showing.silentMs ?? 0);
		},
		get backlog() {
			return { verdicts: verdicts.depth, pictures: pictures.depth, oldest: verdicts.oldest };
		},
		get dropped() {
			return { ...dropped };
		},
		retain: (topic, bytes) => speaking.retain(topic, bytes),
		show: (station, jpeg, signal) => {
			const topic = topicOf('snapshot', { root, box, station, id: randomBytes(4).toString('hex') });
			const properties = { contentType: 'image/jpeg', expiryS: SNAPSHOT_EXPIRY_S };
			return new Promise((resolve, reject) => {
				signal.addEventListener('abort', () => reject(signal.reason), { once: true });
				snapshots.put({ topic, payload: jpeg, kind: 'answer', properties }, (isTaken) => {
					if (isTaken) resolve(topic);
					else reject(new Failure('broker-refused', `The broker refuses "${topic}"`));
				});
				showing.wake();
			});
		},
		sendAgain: revive,
		wake: () => speaking.wake(),
		tell: () => speaking.tell(),
		retell: (names) => {
			stations = names;
			speaking.tell();
		},
		[Symbol.asyncDispose]: async () => {
			await record.settled(SETTLE_MS);
			await Promise.all([speaking[Symbol.asyncDispose](), showing[Symbol.asyncDispose]()]);
			tally.connections += speaking.connections;
			stopLooking();
			for (const stop of deaf) stop();
			record.speakThrough(undefined, root);
		},
	};
}

/** Where the box listens. */
function filtersOf({ box, mqtt: { root, receipts }, remote = 'none' }: BrokerSettings): readonly string[] {
	const believed = roles.slice(0, remote === 'none' ? 0 : roles.indexOf(remote) + 1);
	return [
		...(receipts ? [topicOf('receipt', { root, box })] : []),
		...believed.map((role) => topicOf('request', { root, box, role, name: '+' })),
	];
}

function receiptName(station: string, sequence: number): string {
	return `${station} ${sequence}`;
}

/**
 * Logs in as the box would at one of its brokers, and asks for every topic. @returns what was found, in words
 * @throws Failure broker-refused, file-unreadable, certificate-invalid
 */
export async function tryBroker(
	url: string,
	settings: BrokerSettings,
	env: Env,
	signal: AbortSignal,
): Promise<string> {
	const { box, mqtt, stations, alarmed = [], reports = false } = settings;
	const { root } = mqtt;
	const version = mqtt.version === '5' ? 5 : 4;
	const credentials = await credentialsOf(settings, env);
	const login = { url, clientId: clientIdOf(settings), version, ...credentials } as const;
	const { remote = 'none' } = settings;
	const isBelieved = (role: Role) => remote !== 'none' && hasRights(remote, role);
	const publish = [
		topicOf('boxState', { root, box }),
		topicOf('health', { root, box }),
		...(reports ? [topicOf('report', { root, box })] : []),
		topicOf('engines', { root, box }),
		topicOf('configuration', { root, box }),
		topicOf('configurationSchema', { root, box }),
		...stations.flatMap((station) => [
			topicOf('stationState', { root, box, station }),
			topicOf('verdict', { root, box, station }),
			topicOf('gap', { root, box, station }),
			topicOf('heatmap', { root, box, station, id: 'check', index: '0' }),
		]),
		...alarmed.map((station) => topicOf('alarm', { root, box, station })),
		...(remote === 'none' ? [] : [topicOf('answer', { root, box, client: 'check' })]),
		// What only they can ask for over the broker.
		...(isBelieved('operator')
			? stations.map((station) => topicOf('snapshot', { root, box, station, id: 'check' }))
			: []),
		...(isBelieved('engineer') ? [topicOf('lesson', { root, box })] : []),
	];
	const places = { publish, subscribe: filtersOf(settings) };
	const probe = await probeBroker(login, topicOf('check', { root, box }), places, signal);
	const { version: spoken, refused, notes } = probe;
	if (refused && refused.length > 0) {
		const topics = refused.map(({ topic, reason }) => `"${topic}": ${reason}`);
		throw new Failure(
			'broker-refused',
			`Broker "${url}" lets us in, but refuses ${topics.join('; ')}`,
			'Allow these topics to the box in the access control of the broker.',
		);
	}
	const may = refused ? ['takes messages on every topic of the box'] : [];
	const believed =
		credentials.tls?.verify === false
			? ['whoever answers there is believed, as mqtt.tls.verify is false']
			: [];
	const concern = concernOf(credentials) ?? [];
	return [`broker "${url}" lets us in with MQTT ${spoken}`, ...may, ...notes, ...believed, concern]
		.flat()
		.join('; ');
}
