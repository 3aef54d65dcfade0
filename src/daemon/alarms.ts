import { Failure } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import { inLanes } from '../base/lanes.js';
import type { Log } from '../base/log.js';
import { realTimers, type Timers } from '../base/retry.js';
import type { Service } from '../base/service.js';
import { type Alarms, acknowledged, alarmsFor, judged, mostParts, type Sample } from '../control/alarms.js';
import { type Asker, Refusal } from '../control/answer.js';
import type { Which } from '../control/requests/acknowledge.js';
import {
	type Alarm,
	type AlarmBody,
	type AlarmMessage,
	type AlarmState,
	alarmChanges,
	alarmEntry,
	alarmMessage,
} from '../protocol/alarm.js';
import type { Event } from '../protocol/events.js';
import { encodePayload, topicOf } from '../protocol/topics.js';
import type { VerdictOrigin } from '../protocol/verdict-message.js';
import type { Journal } from '../sqlite/journal.js';
import type { Recorder } from './record.js';

/** `stations`: the alarms of those that have some. */
export type AlarmsSettings = { readonly box: string; readonly stations: Readonly<Record<string, Alarms>> };

/** Looks at every verdict that is recorded, and keeps what it raises until somebody acknowledges it. */
export type AlarmsService = Service & {
	/** What was said last of every station that has some. */
	told(): readonly AlarmMessage[];
	/** The names of a station's alarms. */
	alarmsOf(station: string): Promise<readonly string[]>;
	/** Resolves with those that were acknowledged when that is on disk. @throws Refusal failed */
	acknowledge(
		which: Which,
		by: Asker,
		comment: string | null,
	): Promise<readonly { readonly station: string; readonly alarm: string; readonly state: AlarmState }[]>;
	/** Other rules: what stands is looked at with them at once. */
	retell(stations: AlarmsSettings['stations']): Promise<void>;
};

export type AlarmsWorld = {
	readonly journal: Pick<Journal, 'events' | 'last' | 'onEvents' | 'series'>;
	readonly record: Pick<Recorder, 'note' | 'retain'>;
	/** The newest verdicts of a station, in order of ids. @throws Failure */
	readonly verdictsOf: (station: string, limit: number, signal: AbortSignal) => Promise<readonly Event[]>;
	readonly wallClock: () => number;
	readonly timers?: Timers;
	readonly log: Log;
};

/**
 * Retention must not take the last word on what stands: it is said again after so many events of the journal, or so long. What
 * is normal is said again more seldom: it only spares the next start to look at what was looked at.
 */
const SAID_AGAIN = { standing: 500, normal: 1000, afterMs: 12 * 3_600_000 } as const;
const LOOK_MS = 600_000;

/** The last word is looked for among so many of the newest events. */
const LOOK_BACK = 20_000;

/** Verdicts that come while those before them are read. */
const MOST_EARLY = 20_000;

/** Verdicts since the last word at most, beside those that rules look back at. */
const MOST_SINCE = 3000;

/** Each reader is a thread. */
const READERS = 2;

type Line = {
	readonly rules: Alarms;
	/** Names the rules. */
	readonly print: string;
	samples: Sample[];
	alarms: readonly Alarm[];
	/** The last word on it: its event, and when. */
	said: { readonly event: number; readonly atMs: number };
};

/** To be said as soon as it can be. */
const UNSAID = { event: Number.NEGATIVE_INFINITY, atMs: 0 } as const;

/** How what happened is told. */
type Telling = Pick<AlarmBody, 'by' | 'comment'>;
const nobody: Telling = { by: null, comment: null };

/**
 * Takes up what stood when the last daemon ended, and verdicts that it did not come to look at; then looks at each as it is
 * recorded. Everything that it knows can be told from the journal: other rules begin in the same way.
 */
export function startAlarms({ box, stations }: AlarmsSettings, world: AlarmsWorld): AlarmsService {
	const { journal, record, verdictsOf, wallClock, log, timers = realTimers } = world;
	const ending = new AbortController();
	const isEnding = new Promise<void>((resolve) =>
		ending.signal.addEventListener('abort', () => resolve(), { once: true }),
	);
	const lines = new Map<string, Line>();
	const open = new Set<Promise<unknown>>();
	const told = new Map<string, AlarmMessage>();
	/** While what was is being read: what comes. */
	let early: { readonly station: string; readonly sample: Sample }[] | undefined;

	const note = (station: string, line: Line, changes: AlarmBody['changes'], telling = nobody) => {
		const { alarms, samples, print } = line;
		const atMs = wallClock();
		line.said = { event: journal.last.events, atMs };
		const upTo = samples.at(-1)?.id ?? 0;
		for (const { alarm, change } of changes)
			log(change === 'raised' ? 'warning' : 'info', station, `alarm "${alarm}" ${change}`, 'alarm.changed');
		const body: AlarmBody = { changes, ...telling, alarms, upTo, rules: print };
		const noted = record.note(alarmEntry(box, station, body, atMs)).then((event) => {
			// It could not be held until the disk takes it: said with the next verdict.
			if (!event) line.said = UNSAID;
			return event;
		});
		open.add(noted);
		void noted.finally(() => open.delete(noted)).catch(() => {});
		return noted;
	};

	/** Alarms as they are now, with an event where that is another state. */
	const become = (station: string, line: Line, alarms: readonly Alarm[], telling = nobody) => {
		const changes = alarmChanges(line.alarms, alarms);
		line.alarms = alarms;
		return changes.length > 0 ? note(station, line, changes, telling) : undefined;
	};

	const look = (station: string, line: Line, sample: Sample): void => {
		line.samples.push(sample);
		const most = Math.max(1, mostParts(line.rules));
		if (line.samples.length > most) line.samples.splice(0, line.samples.length - most);
		void become(station, line, judged(line.rules, line.alarms, line.samples, sample.recordedMs));
	};

	const publish = (event: Event): void => {
		const message = alarmMessage(event, journal.series);
		const station = event.station!;
		if (message) told.set(station, message);
		else told.delete(station);
		record.retain(
			(root) => topicOf('alarm', { root, box, station }),
			message ? encodePayload('alarm', message) : new Uint8Array(),
		);
	};

	const sayAgain = (): void => {
		if (early) return;
		for (const [station, line] of lines) {
			const { event, atMs } = line.said;
			const stands = line.alarms.some(({ state }) => state !== 'normal');
			const isOld = journal.last.events - event >= SAID_AGAIN[stands ? 'standing' : 'normal'];
			if (isOld || (stands && Math.abs(wallClock() - atMs) >= SAID_AGAIN.afterMs))
				void note(station, line, []);
		}
	};

	const hear = (events: readonly Event[]): void => {
		for (const event of events) {
			if (event.kind === 'alarm') publish(event);
			const station = event.station ?? '';
			const line = lines.get(station);
			if (event.kind !== 'verdict') continue;
			if (!early) {
				if (line) look(station, line, sampleOf(event));
				continue;
			}
			early.push({ station, sample: sampleOf(event) });
			if (early.length > MOST_EARLY) early.shift();
		}
		sayAgain();
	};

	/** What stands of a station, and what was not looked at yet. */
	const takeUp = async (
		station: string,
		rules: Alarms,
		word: Event | undefined,
		last: number,
	): Promise<void> => {
		const body = word?.body as AlarmBody | undefined;
		const print = printOf(rules);
		/** Said of this box, with these rules. */
		const isCurrent = word !== undefined && isOfBox(word, box) && body?.rules === print;
		const verdicts = await verdictsOf(station, mostParts(rules) + MOST_SINCE, ending.signal).catch(
			(thrown) => {
				ending.signal.throwIfAborted();
				if (!(thrown instanceof Failure)) throw thrown;
				log(
					'warning',
					station,
					`alarms begin without what was before: ${thrown.message}`,
					'alarm.incomplete',
				);
				return [];
			},
		);
		const samples = verdicts.filter(({ id }) => id <= last).map(sampleOf);
		const seen = isCurrent ? samples.filter(({ id }) => id <= body!.upTo) : samples;
		const line: Line = {
			rules,
			print,
			samples: seen.slice(-Math.max(1, mostParts(rules))),
			alarms: body?.alarms ?? [],
			said: word ? { event: word.id, atMs: word.recordedMs } : UNSAID,
		};
		lines.set(station, line);
		if (isCurrent) {
			publish(word);
			for (const sample of samples.slice(seen.length)) look(station, line, sample);
			return;
		}
		const before = line.alarms;
		line.alarms = judged(rules, alarmsFor(rules, before), line.samples, wallClock());
		void note(station, line, alarmChanges(before, line.alarms));
	};

	const takeUpAll = async (wanted: AlarmsSettings['stations']): Promise<void> => {
		early = [];
		await Promise.race([Promise.allSettled([...open]), isEnding]);
		ending.signal.throwIfAborted();
		const last = journal.last.events;
		const range = { from: Math.max(1, last - LOOK_BACK), to: last };
		const words = await journal.events(range, LOOK_BACK + 1, ['alarm']);
		ending.signal.throwIfAborted();
		const newest = new Map(words.map((word) => [word.station!, word]));
		lines.clear();
		await inLanes(Object.entries(wanted), READERS, ([station, rules]) =>
			takeUp(station, rules, newest.get(station), last),
		);
		for (const [station, word] of newest) if (!lines.has(station)) leave(station, word);
		const came = early;
		early = undefined;
		for (const { station, sample } of came) {
			const line = lines.get(station);
			if (line && sample.id > last) look(station, line, sample);
		}
	};

	/** A station that has no alarms any more: none goes without a word. */
	const leave = (station: string, word: Event): void => {
		const { alarms } = word.body as AlarmBody;
		if (alarms.length === 0) {
			publish(word);
			return;
		}
		const line = { rules: {}, print: '', samples: [], alarms: [], said: UNSAID };
		void note(station, line, alarmChanges(alarms, []));
	};

	let ready: Promise<void> = Promise.resolve();
	const begin = (wanted: AlarmsSettings['stations']): Promise<void> => {
		ready = ready
			.then(() => takeUpAll(wanted))
			.catch((thrown) => {
				early = undefined;
				if (!ending.signal.aborted) throw thrown;
			});
		return ready;
	};
	const deaf = journal.onEvents(hear);
	void begin(stations);
	const stopLooking = timers.every(LOOK_MS, sayAgain);

	return {
		name: 'alarms',
		told: () => [...told.values()],
		alarmsOf: async (station) => {
			await ready;
			return (lines.get(station)?.alarms ?? []).map(({ alarm }) => alarm);
		},
		acknowledge: async (which, by, comment) => {
			await ready;
			const { role, place } = by;
			const meant = [...lines].filter(([station]) => (which.station ?? station) === station);
			const done = meant.map(async ([station, line]) => {
				const before = line.alarms;
				const now = before.map((one) =>
					(which.alarm ?? one.alarm) === one.alarm ? acknowledged(one, wallClock()) : one,
				);
				const changed = now.filter((one, i) => one !== before[i]);
				if (changed.length === 0) return [];
				const event = await become(station, line, now, { by: { role, place }, comment });
				if (!event) {
					line.alarms = line.alarms.map((one, i) => (one === now[i] ? before[i]! : one));
					throw new Refusal('failed', 'The journal could not hold it: ask again later');
				}
				return changed.map(({ alarm, state }) => ({ station, alarm, state }));
			});
			return (await Promise.all(done)).flat();
		},
		retell: begin,
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			deaf();
			stopLooking();
			await ready.catch(() => {});
		},
	};
}

function isOfBox({ origin }: Event, box: string): boolean {
	return (origin as { readonly box?: string }).box === box;
}

function sampleOf({ id, verdict, score, origin, recordedMs }: Event): Sample {
	const { threshold } = origin as VerdictOrigin;
	const isMeasured = score !== null && threshold !== null && threshold > 0;
	return { id, verdict: verdict!, level: isMeasured ? score / threshold : null, recordedMs };
}

function printOf(rules: Alarms): string {
	return sha256Of(JSON.stringify(rules)).slice(0, 12);
}
