import type { Engines } from '../../src/protocol/engines.js';
import type { GapMessage } from '../../src/protocol/gap.js';
import type { Lesson } from '../../src/protocol/lesson.js';
import { parseTopic } from '../../src/protocol/topics.js';
import type { VerdictMessage } from '../../src/protocol/verdict.js';
import type { ToldConfiguration } from './engineer.js';
import { type Coming, exposedMsOf } from './plant.js';

/** What one who keeps books of all that is said knows of a station. */
type Books = {
	/** By number. */
	readonly verdicts: Map<number, string>;
	readonly gaps: { readonly from: number; readonly to: number }[];
	highest: number;
	state: string;
};

const UTF8 = new TextDecoder();

/** What a report in the journal says. */
export type Reported = {
	readonly stations: readonly {
		readonly station: string;
		readonly accepted: number;
		readonly rejected: number;
		readonly errors: number;
	}[];
	/** The last event that it counts. */
	readonly through: number;
};

/** Scores are told as floats of four bytes. */
const NEAR = 1e-6;

/** Parts whose books are kept open: those before are closed, and must be in order. */
const MOST_PARTS = 4096;

/** Verdicts of a station that are counted and not heard yet. */
const ON_THE_WAY = 4;

/** Verdicts that were denied and may be taken another time. */
const MOST_DENIED = 4096;

/** The verdicts of a station that are remembered by what they say. */
const MOST_VERDICTS = 65_536;

export type LedgerWorld = {
	/** What is true of whatever a verdict is of. */
	readonly isGood: (name: string) => boolean | undefined;
	/** Whether those that take frames by themselves took none at this moment of the machine's clock. */
	readonly restedAt: (atMs: number) => boolean;
	/** What must never be. */
	readonly violated: (what: string) => void;
	/** Which part a line announced at this moment of the box's clock, at a station whose signals have no names. */
	readonly linedAt: (station: string, at: string) => string | undefined;
	/** Whether its signals have no names. */
	readonly isLined: (station: string) => boolean;
	/** Whether nothing at all is wrong at this moment of the machine's clock, and nobody edits. */
	readonly isSureAt: (atMs: number) => boolean;
	/** After so long a score counts no more, and a picture that is the very same. */
	readonly deadlineMs: number;
	readonly frozenMs: number;
	/** A part was judged; `camera`: that its frame is of. */
	readonly judged: (message: VerdictMessage, camera: string | undefined) => void;
	/** What a bundle scores, by its name. */
	readonly scoreOf: (bundle: string, isGood: boolean) => number | undefined;
	readonly toldConfiguration: (told: ToldConfiguration) => void;
	readonly toldLesson: (lesson: Lesson) => void;
	readonly toldEngines: (engines: Engines) => void;
};

/** Hears everything that is said, and knows what is true. */
export function openLedger(
	root: string,
	{
		isGood,
		restedAt,
		linedAt,
		isLined,
		isSureAt,
		deadlineMs,
		frozenMs,
		violated,
		judged,
		scoreOf,
		toldConfiguration,
		toldLesson,
		toldEngines,
	}: LedgerWorld,
) {
	const stations = new Map<string, Books>();
	const said = new Map<string, string>();
	/** Parts that signals made, by name: the verdicts that were heard of them. */
	const parts = new Map<
		string,
		{
			readonly part: Coming;
			/** Its signal lies there until the journal has it. */
			readonly isKept: boolean;
			isMade: boolean;
			isRecorded: boolean;
			isExcused: boolean;
			readonly ids: Set<string>;
		}
	>();
	const counts = { verdicts: 0, accepted: 0, rejected: 0, errors: 0, again: 0, gaps: 0 };
	let box = '';
	/** Verdicts that no report was held against yet. */
	let heardSince: { readonly event: number; readonly station: string; readonly verdict: string }[] = [];
	let hasHealth = false;
	/** Verdicts of the daemon that runs, whose events come after this one. */
	const life = new Map<string, number>();
	let lifeFrom = 0;
	/** Verdicts that the broker did not take. */
	const denied = new Set<string>();
	/** Gaps that no refusal of the broker explains: nobody knows what they hold. */
	let lost = 0;
	let lostBefore = 0;

	const booksOf = (station: string): Books => {
		const known = stations.get(station) ?? { verdicts: new Map(), gaps: [], highest: 0, state: '' };
		stations.set(station, known);
		return known;
	};
	/** `isDenied`: the broker never takes it, and a gap must name it. */
	const heardVerdict = (message: VerdictMessage, isDenied = false): void => {
		const { id, station, sequence, verdict, frame, score, threshold, model, reason } = message;
		const { latency, monotonicMs } = message;
		const [shown = null, camera] = frame?.split('#') ?? [];
		const lined = message.trigger && isLined(station) ? linedAt(station, message.trigger.at) : undefined;
		const part = message.part ?? lined ?? null;
		const words = `${station} ${sequence}: ${verdict}, part ${part}, frame ${frame}, score ${score}, ${reason}`;
		const before = said.get(id);
		const books = booksOf(station);
		if (before !== undefined) {
			counts.again += 1;
			if (denied.delete(id) && !isDenied) books.verdicts.set(sequence, id);
			if (before !== words) violated(`verdict ${id} was ${before} and is ${words}`);
			return;
		}
		said.set(id, words);
		judged(message, camera);
		if (said.size > MOST_VERDICTS) said.delete(said.keys().next().value!);
		const twin = books.verdicts.get(sequence);
		if (twin !== undefined) violated(`number ${sequence} of ${station} is ${twin} and ${id}`);
		if (isDenied) denied.add(id);
		else books.verdicts.set(sequence, id);
		if (denied.size > MOST_DENIED) denied.delete(denied.keys().next().value!);
		books.highest = Math.max(books.highest, sequence);
		counts.verdicts += 1;
		counts[verdict === 'accept' ? 'accepted' : verdict === 'reject' ? 'rejected' : 'errors'] += 1;
		if (isLined(station) && lined === undefined) violated(`nobody signalled ${words}`);
		if (part !== null && verdict !== 'error' && shown !== part)
			violated(`${part} was judged by another's frame: ${words}`);
		const name = part ?? shown ?? '';
		const isTrue = isGood(name);
		if (verdict !== 'error' && isTrue === undefined) violated(`nobody knows ${name}: ${words}`);
		if (verdict !== 'error' && isTrue !== undefined) {
			const by = model?.bundle ?? '';
			const must = scoreOf(by, isTrue);
			const isRight = must !== undefined && score !== null && Math.abs(score - must) < NEAR;
			if (!isRight) violated(`${by} scores ${must} for ${name}: ${words}`);
			const deserved = must !== undefined && threshold !== null && must <= threshold ? 'accept' : 'reject';
			if (verdict !== deserved) violated(`${name} deserves ${deserved} by ${by} with ${threshold}: ${words}`);
		}
		const frameMs = part === null ? exposedMsOf(name) : undefined;
		if (frameMs !== undefined && restedAt(frameMs)) violated(`${name} was taken in quiet hours: ${words}`);
		const { waitMs, prepareMs, modelMs } = latency;
		const tookMs = (waitMs ?? 0) + (prepareMs ?? 0) + (modelMs ?? 0);
		if (verdict !== 'error' && tookMs > deadlineMs) violated(`it took ${tookMs} ms: ${words}`);
		if (verdict !== 'error' && frameMs !== undefined && monotonicMs - frameMs >= frozenMs)
			violated(`${name} had been the same for ${monotonicMs - frameMs} ms: ${words}`);
		if (verdict === 'error' && isSureAt(monotonicMs)) violated(`an error though nothing is wrong: ${words}`);
		const event = Number(id.split('-')[1]);
		heardSince.push({ event, station, verdict });
		const counted = `${station} ${verdict} ${reason ?? ''}`;
		if (event > lifeFrom) life.set(counted, (life.get(counted) ?? 0) + 1);
		if (part === null) return;
		const known = parts.get(part);
		if (!known) {
			violated(`nobody announced part ${part}`);
			return;
		}
		known.ids.add(id);
		if (known.ids.size > 1) violated(`part ${part} has verdicts ${[...known.ids].join(' and ')}`);
	};

	return {
		counts,
		/** The broker will never take it. */
		denied: (topic: string, payload: Uint8Array): void => {
			if (parseTopic(root, topic)?.name === 'verdict') heardVerdict(JSON.parse(UTF8.decode(payload)), true);
		},
		hear: (topic: string, payload: Uint8Array): void => {
			const read = parseTopic(root, topic);
			const message = () => JSON.parse(UTF8.decode(payload));
			if (read?.name === 'verdict') heardVerdict(message());
			if (read?.name === 'configuration') toldConfiguration(message());
			if (read?.name === 'lesson') toldLesson(message());
			if (read?.name === 'engines') toldEngines(message());
			if (read?.name === 'health') hasHealth = true;
			if (read?.name === 'boxState') box = message().state;
			if (read?.name === 'stationState') booksOf(message().station).state = message().state;
			if (read?.name !== 'gap') return;
			const { station, from, to, reason }: GapMessage = message();
			if (reason !== 'refused') lost += 1;
			const books = booksOf(station);
			books.gaps.push({ from, to });
			books.highest = Math.max(books.highest, to);
			counts.gaps += 1;
		},
		announced: (part: Coming, isKept = false): void => {
			parts.set(part.name, {
				...{ part, isKept, isMade: false, isRecorded: false, isExcused: false },
				ids: new Set(),
			});
			if (parts.size > MOST_PARTS) parts.delete(parts.keys().next().value!);
		},
		/** The box has said that this part waits for its verdict, or its signal lies there. */
		made: (name: string): void => {
			const known = parts.get(name);
			if (known) known.isMade = true;
		},
		/** A verdict on it is in the journal. */
		recorded: (name: string): void => {
			const known = parts.get(name);
			if (known) known.isRecorded = true;
		},
		/** Its deadline is over, and nothing has kept the daemon that it was told to from saying so. */
		due: (name: string): void => {
			const known = parts.get(name);
			if (known?.isMade && !known.isRecorded) violated(`part ${name} has no verdict after its deadline`);
		},
		/** A daemon has ended while the disk took nothing: what it held of these parts is gone. */
		excuse: (): void => {
			for (const known of parts.values()) known.isExcused ||= !known.isKept && known.ids.size === 0;
		},
		/** Another daemon begins; so many events lie in its journal. */
		begins: (events: number): void => {
			lifeFrom = events;
			lostBefore = lost;
			life.clear();
		},
		/** What a daemon counts of itself, in Prometheus' text, against what was heard of it; while everything is well. */
		settleMetrics: (text: string): void => {
			// What the journal could not hold is counted and not heard.
			if (lost > lostBefore) return;
			const told = [
				...text.matchAll(
					/^inspectord_verdicts_total\{station="(\w+)",verdict="(\w+)",reason="([^"]*)"\} (\d+)$/gm,
				),
			];
			if (told.length === 0) violated('metrics tell of no verdict');
			for (const [, station, verdict, reason, many] of told) {
				// Those of the last daemon's parts, too, are said and not counted.
				if (reason === 'interrupted') continue;
				const heard = life.get(`${station} ${verdict} ${reason}`) ?? 0;
				if (Math.abs(Number(many) - heard) > ON_THE_WAY)
					violated(`metrics tell ${many} ${verdict} (${reason}) of ${station}, heard were ${heard}`);
			}
		},
		goodOf: (name: string): boolean | undefined => parts.get(name)?.part.isGood,
		/** When everything is well and all is said: what should have been heard and was not. */
		settle: (isWell: (station: string, state: string) => boolean): void => {
			if (!hasHealth) violated('nobody heard of its health');
			hasHealth = false;
			if (box !== 'online') violated(`the box is ${box || 'silent'} though nothing is wrong`);
			for (const [station, { verdicts, gaps, highest, state }] of stations) {
				if (!isWell(station, state)) violated(`${station} is ${state} though nothing is wrong`);
				for (let number = 1; number <= highest; number += 1) {
					if (verdicts.delete(number)) continue;
					if (!gaps.some(({ from, to }) => number >= from && number <= to))
						violated(`number ${number} of ${station} was never heard, and no gap tells why`);
				}
				gaps.length = 0;
				gaps.push({ from: 1, to: highest });
			}
			for (const [name, { isMade, isExcused, ids }] of parts)
				if (isMade && !isExcused && ids.size === 0 && lost === 0)
					violated(`part ${name} waited and has no verdict`);
			parts.clear();
		},
		/** Those that were made since the last settling: each verdict is counted once, in the first that was made after it. */
		settleReports: (fresh: readonly Reported[]): void => {
			const through = fresh.at(-1)?.through ?? 0;
			const tell = (rows: readonly string[]) => JSON.stringify([...rows].sort());
			const said = new Map<string, number>();
			for (const { stations } of fresh)
				for (const { station, accepted, rejected, errors } of stations)
					for (const [verdict, many] of Object.entries({ accept: accepted, reject: rejected, error: errors }))
						said.set(`${station} ${verdict}`, (said.get(`${station} ${verdict}`) ?? 0) + many);
			const heard = new Map<string, number>();
			for (const { event, station, verdict } of heardSince)
				if (event <= through)
					heard.set(`${station} ${verdict}`, (heard.get(`${station} ${verdict}`) ?? 0) + 1);
			heardSince = heardSince.filter(({ event }) => event > through);
			const [reported, true_] = [said, heard].map((each) =>
				tell([...each].filter(([, many]) => many > 0).map((row) => row.join(': '))),
			);
			if (reported !== true_) violated(`${fresh.length} reports tell ${reported}, heard was ${true_}`);
		},
	};
}

export type Ledger = ReturnType<typeof openLedger>;
