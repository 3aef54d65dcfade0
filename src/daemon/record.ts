import type { Log } from '../base/log.js';
import { type Pace, realPace } from '../base/retry.js';
import { masked, maskedThroughout } from '../base/secrets.js';
import type { BrokerLink } from '../mqtt/link.js';
import type { Entry, Event, NewPicture } from '../protocol/events.js';
import type { StationState } from '../protocol/states.js';
import { encodePayload, topicOf } from '../protocol/topics.js';
import {
	type Clock,
	errorVerdict,
	type Origin,
	type Part,
	type StationVerdict,
} from '../protocol/verdict.js';
import { lateEntry, partKey, verdictEntry } from '../protocol/verdict-message.js';
import type { Journal } from '../sqlite/journal.js';

/** When a verdict reached us, and when it was safe: milliseconds of one clock. */
export type Moments = {
	readonly heardMs: number;
	readonly recordedMs: number;
	/** When the broker had it. */
	readonly deliveredMs?: number;
};

/** The only door for what happens: here it is rid of secrets, and goes into the journal, which numbers it. */
export type Recorder = {
	/**
	 * A part is due: should we die, the next one owes it a verdict. `taken`: the marks of its station's signals that lie there still, its own
	 * among them. Resolves when it is on disk.
	 */
	part(origin: Origin, part: Part, taken?: readonly string[]): Promise<void>;
	/**
	 * `pictures` are JPEGs in the order of the verdict's `heatmaps`: they follow it. Resolves when the verdict is on disk; without
	 * an event when it could not be held until the disk took it, which a gap tells.
	 */
	verdict(verdict: StationVerdict, pictures: readonly Uint8Array[]): Promise<Event | undefined>;
	/** From now on hears every verdict that stands in the journal, until it is disposed. */
	hearVerdicts(hear: (event: Event) => void): Disposable;
	/** What else happens. Resolves when it is on disk; without an event when it could not be held until then. */
	note(entry: Entry): Promise<Event | undefined>;
	/** A picture of a part whose verdict was given a moment ago. */
	kept(of: Pick<StationVerdict, 'origin' | 'runSequence'>, jpeg: Uint8Array): void;
	/** What was found of a part so long after its deadline, when it had a verdict. */
	late(found: StationVerdict, byMs: number): void;
	/** @returns the state as it is said */
	state(state: StationState): StationState;
	/** What each station told last. */
	states(): readonly StationState[];
	/** Undefined when nobody remembers. */
	momentsOf(event: number): Moments | undefined;
	/** The broker has an event. */
	delivered(event: number): void;
	/** Error verdicts for the parts that were in work when the last daemon died. */
	settleOwed(): Promise<void>;
	/** Resolves when all that was handed over is on disk, or the time is over. */
	settled(limitMs: number): Promise<void>;
	/** What shall stand on the broker, and on each that comes after it, on the topic below its root. */
	retain(topicAt: (root: string) => string, payload: Uint8Array): void;
	/** From now on `link` says below `root` what shall stand there. Undefined: nobody does for a while. */
	speakThrough(link: Pick<BrokerLink, 'retain'> | undefined, root: string): void;
};

export type RecorderWorld = {
	readonly journal: Pick<Journal, 'append' | 'announce' | 'keep' | 'owed'>;
	/** What nobody may read in it; the list may grow. */
	readonly secrets: readonly string[];
	readonly clock: () => Clock;
	readonly now: () => number;
	readonly pause?: Pace['pause'];
	readonly log: Log;
};

/** Verdicts whose moments are remembered. */
const REMEMBERED = 1024;

/** Verdicts that a picture may still come for: more than one a station. */
const MOST_LAST = 256;

const interrupted = { code: 'interrupted', message: 'The box went down while the part was in work' } as const;

type Owed = { readonly origin: Origin; readonly part: Part };

export function createRecorder(world: RecorderWorld): Recorder {
	const { journal, secrets, clock, now, pause = realPace.pause, log } = world;
	const moments = new Map<number, Moments>();
	const states = new Map<string, StationState>();
	const standing = new Map<string, { topicAt(root: string): string; readonly payload: Uint8Array }>();
	/** The newest verdicts, by the keys of their parts. */
	const last = new Map<string, { readonly event: Promise<Event | undefined> }>();
	const open = new Set<Promise<unknown>>();
	const hearers = new Set<(event: Event) => void>();
	let voice: { readonly link: Pick<BrokerLink, 'retain'> | undefined; readonly root: string } = {
		link: undefined,
		root: '',
	};
	/** A library's words may hold what is secret here without looking like an address. */
	const openly = <T extends Pick<StationState, 'error'>>(said: T): T => ({
		...said,
		error: said.error && { ...said.error, message: masked(said.error.message, secrets) },
	});
	const following = <T>(work: Promise<T>): Promise<T> => {
		const over = work.then(
			() => {},
			() => {},
		);
		open.add(over);
		void over.then(() => open.delete(over));
		return work;
	};
	const append = async (entry: Entry): Promise<Event | undefined> => {
		const heardMs = now();
		const [event] = await journal.append([entry]);
		if (event) moments.set(event.id, { heardMs, recordedMs: now() });
		if (moments.size > REMEMBERED) moments.delete(moments.keys().next().value!);
		return event;
	};
	/** Nothing waits for a picture, and nothing else is lost with it. */
	const keep = (of: Promise<Event | undefined>, pictures: readonly Omit<NewPicture, 'event'>[]): void => {
		if (pictures.length === 0) return;
		const kept = of.then(
			(event) => event && journal.keep(pictures.map((picture) => ({ ...picture, event: event.id }))),
		);
		following(kept).catch((thrown) =>
			log('error', 'journal', `Cannot keep pictures: ${String(thrown)}`, 'pictures.failed'),
		);
	};
	const heard = (event: Event | undefined): Event | undefined => {
		if (event) for (const hear of hearers) hear(event);
		return event;
	};
	const record: Recorder['verdict'] = (said, pictures) => {
		const event = following(append(verdictEntry(openly(said), clock())).then(heard));
		last.set(partKey(said.origin, said), { event });
		if (last.size > MOST_LAST) last.delete(last.keys().next().value!);
		keep(
			event,
			pictures.map((jpeg, index) => ({ role: 'heatmap', index, jpeg })),
		);
		return event;
	};
	const retain: Recorder['retain'] = (topicAt, payload) => {
		standing.set(topicAt(''), { topicAt, payload });
		voice.link?.retain(topicAt(voice.root), payload);
	};
	return {
		part: (origin, part, taken) => {
			const body = { origin, part } satisfies Owed;
			return journal.announce({ station: origin.station, key: partKey(origin, part), body }, taken);
		},
		verdict: record,
		note: (entry) => following(append({ ...entry, body: maskedThroughout(entry.body, secrets) })),
		retain,
		hearVerdicts: (hear) => {
			hearers.add(hear);
			return { [Symbol.dispose]: () => void hearers.delete(hear) };
		},
		kept: ({ origin, runSequence }, jpeg) => {
			const verdict = last.get(partKey(origin, { runSequence }));
			if (verdict) keep(verdict.event, [{ role: 'frame', index: 0, jpeg }]);
		},
		late: (found, byMs) => void following(append(lateEntry(openly(found), byMs, clock()))),
		state: (told) => {
			const said = openly(told);
			const before = states.get(said.station);
			states.set(said.station, said);
			const { box, station } = said;
			retain((root) => topicOf('stationState', { root, box, station }), encodePayload('stationState', said));
			if (!before || wordsOf(before) !== wordsOf(said)) void following(append(stateEntry(said)));
			return said;
		},
		states: () => [...states.values()],
		momentsOf: (event) => moments.get(event),
		delivered: (event) => {
			const known = moments.get(event);
			if (known) moments.set(event, { ...known, deliveredMs: now() });
		},
		settleOwed: async () => {
			const owed = journal.owed.map(({ body }) => body as Owed);
			await Promise.all(owed.map(({ origin, part }) => record(errorVerdict(origin, part, interrupted), [])));
			if (owed.length > 0)
				log(
					'warning',
					'journal',
					`the box went down while ${owed.length} part(s) were in work: each has an error verdict now`,
					'parts.owed',
				);
		},
		settled: async (limitMs) => {
			const over = new AbortController();
			const all = async () => {
				while (open.size > 0) await Promise.all(open);
				over.abort();
			};
			await Promise.race([all(), pause(limitMs, over.signal)]);
		},
		speakThrough: (link, root) => {
			voice = { link, root };
			for (const { topicAt, payload } of standing.values()) link?.retain(topicAt(root), payload);
		},
	};
}

/** What two states must differ in to be noted both. */
function wordsOf({ state, error, degraded, drift }: StationState): string {
	return JSON.stringify([state, error?.message, degraded?.message, drift.map(({ measure }) => measure)]);
}

/** What a station does from now on: of its counts the verdicts themselves tell. */
function stateEntry({ station, state, error, degraded, drift, at }: StationState): Entry {
	return {
		kind: 'state',
		station,
		atMs: Date.parse(at),
		verdict: null,
		score: null,
		part: null,
		origin: {},
		body: { state, error, degraded, drift },
	};
}
