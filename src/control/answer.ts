import { Failure, reasonOf } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import type { Log } from '../base/log.js';
import { eitherOf, expectWaiters, type Pace } from '../base/retry.js';
import { noneSuch } from '../base/words.js';
import { type Answer, answerMessage, type Code, type Fault, type Progress } from '../protocol/answer.js';
import { readRequest } from '../protocol/envelope.js';
import { SCHEMA } from '../protocol/fields.js';
import {
	type Ask,
	demandOf,
	REQUESTS,
	type RequestName,
	type Result,
	type Row,
} from '../protocol/requests.js';
import { hasRights, type Role, roles } from '../protocol/roles.js';
import type { Signature } from '../protocol/signature.js';

/** A request as it came. */
export type Asked = {
	readonly name: string;
	readonly role: Role;
	readonly bytes: Uint8Array;
	/** The broker kept it from before. */
	readonly isRetained: boolean;
	/** Where the answer goes: of two with the same place and id, the second is a repetition. `client`: as the request calls itself. Undefined: nowhere. */
	readonly placeFor: (client: string | undefined) => string | undefined;
	/** What the transport needs to answer it after a restart. */
	readonly correlation: string | null;
	readonly onProgress: (progress: Progress, place: string) => void;
};

/** An answer and where it goes; `isKept`: it stands on disk until `said`. */
export type Answered = {
	readonly place: string;
	readonly correlation: string | null;
	readonly answer: Answer;
	readonly isKept: boolean;
};

type Key = { readonly requester: string; readonly request: string };
type Claimed = Key & { readonly print: string; readonly claim: string; readonly atMs: number };

/** Where claims and answers are kept: on disk. */
export type AnswerStore = {
	/** Why the disk takes nothing now. */
	readonly condition: { readonly failure: string | null };
	kept(): Promise<readonly (Claimed & { readonly isAnswered: boolean; readonly isSaid: boolean })[]>;
	/** Resolves when it is on disk, however long that takes. */
	claim(claim: Claimed): Promise<void>;
	/** A claim that nothing came of. */
	release(key: Key): void;
	answer(key: Key, answer: string): Promise<void>;
	answerTo(key: Key): Promise<string | null>;
};

/** Who asks, as far as that is known: `place` is where the answer goes; `key`: by which the request is signed, where it is. */
export type Asker = { readonly role: Role; readonly place: string; readonly key?: string | undefined };

/** A request that would change something, of somebody who may not ask for it. */
export type Denied = { readonly name: RequestName; readonly by: Asker; readonly text: string };

/** A request with its signature. */
export type SignedRequest = {
	readonly name: RequestName;
	readonly ask: object;
	readonly id: string;
	readonly signature: Signature;
};

/** What a request is given while it is worked on. */
export type Work = {
	readonly by: Asker;
	/** Aborted when its time is over, or the box goes down. */
	readonly signal: AbortSignal;
	readonly progress: (done: number, of: number, text: string) => void;
};

/** What a request does. @throws Failure, Refusal */
export type Handler<N extends RequestName> = (
	ask: Ask<N>,
	work: Work,
) => Promise<{ readonly text: string; readonly result: Result<N> }>;

export type Handlers = { readonly [N in RequestName]: Handler<N> };

/** A request that cannot be done as it is asked: thrown by what would do it. */
export class Refusal extends Error {
	override readonly name = 'Refusal';
	readonly code: Exclude<Code, 'ok'>;
	readonly faults: readonly Fault[];

	constructor(code: Exclude<Code, 'ok'>, message: string, faults: readonly Fault[] = []) {
		super(message);
		this.code = code;
		this.faults = faults;
	}
}

/** A name under `path` that is none of those that there are. */
export function unknownName(path: string, kind: string, given: string, names: readonly string[]): Refusal {
	const message = noneSuch(kind, given, names);
	return new Refusal('invalid', `${path}: ${message}`, [{ path, message }]);
}

export type AnswerWorld = {
	readonly store: AnswerStore;
	readonly handlers: Handlers;
	/** Resolves when it is sure that a signature is right, and on disk that it is used. @throws Refusal denied */
	readonly checkSignature: (signed: SignedRequest) => Promise<void>;
	/** Somebody asked for a change who may not. */
	readonly onDenied: (denied: Denied) => void;
	readonly pace: Pick<Pace, 'now' | 'pause'>;
	readonly wallClock: () => number;
	readonly log: Log;
	/** No answer shows what is secret here. */
	readonly openly: (text: string) => string;
};

export type Answerer = AsyncDisposable & {
	/** Resolves with the answer that is to be said now; undefined where none is: the one to the first of the same is to come, or has gone. */
	ask(asked: Asked): Promise<Answered | undefined>;
	/** Answers that stand on disk and that nobody has heard yet, those included that the last daemon owed. */
	readonly owed: readonly Answered[];
};

/** Requests at a time, and what is asked in the long run and at once after a rest: by one place, and by all of a role. */
const LIMITS: Limits = { atOnce: 8, one: { perSecond: 5, burst: 20 }, all: { perSecond: 20, burst: 60 } };

/** The same of signals: what a line gives, each station of which bounds those that wait. */
const OF_SIGNALS: Limits = {
	atOnce: 256,
	one: { perSecond: 100, burst: 200 },
	all: { perSecond: 200, burst: 400 },
};

/** Places that are remembered for their rates. */
const MOST_PLACES = 256;

/** The disk gets so long to take a claim. */
const CLAIM_MS = 3000;

/** Of an answer, as JSON. */
const MOST_BYTES = 200_000;

/**
 * Answers requests: each id of a place is done once at most and answered once, also when the box goes down in between. What is not
 * taken on (it cannot be understood, is denied, or too much) is answered and not kept.
 */
export async function createAnswerer(world: AnswerWorld): Promise<Answerer> {
	const { store, handlers, checkSignature, onDenied, pace, wallClock, log, openly } = world;
	const ending = new AbortController();
	expectWaiters(ending.signal, OF_SIGNALS.atOnce + roles.length * LIMITS.atOnce);
	const isAllowed = limiter(pace.now, LIMITS);
	const isSignalAllowed = limiter(pace.now, OF_SIGNALS);
	/** Every claim on disk, by its key. */
	const known = new Map<string, Known>();
	/** Who only looks must not keep others from acting: each role has its own. */
	const inWork = byRole(() => new Set<Promise<unknown>>());
	const signals = new Set<Promise<unknown>>();
	const owed: Answered[] = [];

	const make = (id: string | null, request: string, code: Code, text: string, more: Partial<Answer> = {}) => {
		const { faults = [], result = null } = more;
		const told = faults.map(({ path, message }) => ({ path: openly(path), message: openly(message) }));
		return answerMessage({ id, request, code, text: openly(text), faults: told, result }, wallClock());
	};

	for (const kept of await store.kept()) {
		const { requester, request, print, atMs, isAnswered, isSaid } = kept;
		known.set(nameOf(kept), { requester, print, atMs, isAnswered: true });
		if (isSaid) continue;
		const claim = readKept<ClaimText>(kept.claim);
		if (!claim) continue;
		const { name, id, correlation } = claim;
		if (!isAnswered) {
			const text = 'The box went down while this was worked on: what came of it is not known';
			await store.answer({ requester, request }, JSON.stringify(make(id, name, 'interrupted', text)));
			log('warning', 'control', `request "${name}" was interrupted`, 'request.interrupted');
		}
		const answer = readKept<Answer>(await store.answerTo(kept));
		if (answer) owed.push({ place: requester, correlation, answer, isKept: true });
	}

	const carriedOut = async (
		id: string,
		request: { readonly name: RequestName; readonly ask: unknown },
		signed: SignedRequest | undefined,
		by: Asker,
		onProgress: (progress: Progress) => void,
	): Promise<Answer> => {
		const { name, ask } = request;
		const { limitMs } = REQUESTS[name];
		const over = new AbortController();
		using either = eitherOf(ending.signal, over.signal);
		const { signal } = either;
		const late = pace.pause(limitMs, signal).then((): never => {
			if (ending.signal.aborted)
				throw new Refusal('interrupted', 'The box went down while this was worked on');
			throw new Refusal('late', `It was not done within ${limitMs / 1000} s`);
		});
		const progress: Work['progress'] = (done, of, text) => {
			if (!signal.aborted) onProgress({ schema: SCHEMA, id, request: name, done, of, text: openly(text) });
		};
		try {
			const handler = handlers[name] as Handler<RequestName>;
			const work = async () => {
				if (signed)
					await checkSignature(signed).catch((thrown) => {
						onDenied({ name, by, text: reasonOf(thrown) });
						throw thrown;
					});
				signal.throwIfAborted();
				return handler(ask as never, { by, signal, progress });
			};
			const working = work();
			working.catch(() => {});
			late.catch(() => {});
			const { text, result } = await Promise.race([working, late]);
			const answer = make(id, name, 'ok', text, { result: { ...result } });
			const { length } = JSON.stringify(answer);
			if (length <= MOST_BYTES) return answer;
			return make(id, name, 'failed', `The answer has ${length} characters, at most ${MOST_BYTES} are said`);
		} catch (thrown) {
			if (thrown instanceof Refusal)
				return make(id, name, thrown.code, thrown.message, { faults: thrown.faults });
			if (thrown instanceof Failure) {
				const { message, advice } = thrown;
				return make(id, name, 'failed', advice === undefined ? message : `${message}. ${advice}`);
			}
			log(
				'error',
				'control',
				`a fault of ours in request "${name}": ${(thrown as Error)?.stack ?? thrown}`,
				'fault',
			);
			return make(id, name, 'failed', `A fault of ours, please report it: ${reasonOf(thrown)}`);
		} finally {
			over.abort();
		}
	};

	/** @returns whether the disk takes it in time */
	const isInTime = async (written: Promise<void>): Promise<boolean> => {
		const over = new AbortController();
		const late = pace.pause(CLAIM_MS, over.signal).then(() => false);
		const isDone = await Promise.race([written.then(() => true), late]);
		over.abort();
		return isDone;
	};

	const ask = async (asked: Asked): Promise<Answered | undefined> => {
		const { name, role, bytes, isRetained, placeFor, correlation, onProgress } = asked;
		const read = readRequest(name, bytes);
		const { id: given, client, before, signature } = read.envelope;
		const id = given ?? (correlation === null ? null : `correlation:${correlation}`);
		const place = placeFor(client);
		if (place === undefined) {
			log('debug', 'control', 'a request came that says nowhere who asks', 'request.ignored');
			return undefined;
		}
		const shown = name.slice(0, 64);
		const told = (code: Code, text: string, more: Partial<Answer> = {}): Answered => ({
			place,
			correlation,
			answer: make(id, shown, code, text, more),
			isKept: false,
		});
		const isSignal =
			Object.hasOwn(REQUESTS, name) && (REQUESTS[name as RequestName] as Row).isSignal === true;
		const allowance = isSignal ? isSignalAllowed(place, role) : isAllowed(place, role);
		// Whoever goes on in spite of the word gets no more of them.
		if (allowance === 'silent') return undefined;
		if (allowance === 'busy') return told('busy', 'Too much is asked: ask again later');
		if ('refused' in read) {
			const { code, text, faults } = read.refused;
			// What the broker kept comes again with each connection.
			return isRetained ? undefined : told(code, text, { faults });
		}
		const { request } = read;
		const demand = demandOf(REQUESTS[request.name], request.ask);
		if (!hasRights(role, demand.role)) {
			if (isRetained) return undefined;
			const what = demand.what === null ? `"${name}"` : `"${name}" to ${demand.what}`;
			const text = `${what} is for ${demand.role}s: it was asked as ${role}`;
			if (demand.changes) onDenied({ name: request.name, by: { role, place }, text });
			return told('denied', text);
		}
		if (id === null) {
			const text = 'It has no id: choose one for each request';
			return isRetained
				? undefined
				: told('invalid', text, { faults: [{ path: 'id', message: 'is missing' }] });
		}
		const key = { requester: place, request: id };
		const print = sha256Of(Buffer.concat([Buffer.from(`${role} ${name}\n`), bytes]));
		const earlier = known.get(nameOf(key));
		if (earlier && earlier.print !== print)
			return isRetained ? undefined : told('conflict', `Id "${id}" belongs to another request`);
		if (earlier) {
			if (isRetained || !earlier.isAnswered) return undefined;
			const text = await store.answerTo(key);
			const answer = readKept<Answer>(text);
			if (answer) return { place, correlation, answer, isKept: false };
			return told('conflict', `Id "${id}" was answered before, and the answer is kept no more`);
		}
		if (before !== undefined && wallClock() > Date.parse(before)) {
			if (!isRetained) return told('late', `It was not to be done after ${before}`);
			return undefined;
		}
		const [lane, { atOnce }] = isSignal ? [signals, OF_SIGNALS] : [inWork[role], LIMITS];
		if (lane.size >= atOnce) return told('busy', 'Too much is worked on: ask again later');
		const working = workOn(asked, key, print, { changes: demand.changes, isSignal }, async () => {
			if (isRetained) return make(id, name, 'invalid', RETAINED);
			const signed = signature && { name: request.name, ask: read.sent, id, signature };
			const by = { role, place, key: signature?.key };
			return carriedOut(id, request, signed, by, (progress) => onProgress(progress, place));
		});
		lane.add(working);
		try {
			return await working;
		} finally {
			lane.delete(working);
		}
	};

	/** Claims a request, does it, and keeps the answer. */
	const workOn = async (
		{ name, correlation }: Asked,
		key: Key,
		print: string,
		{ changes, isSignal }: { readonly changes: boolean; readonly isSignal: boolean },
		act: () => Promise<Answer>,
	): Promise<Answered> => {
		const { requester: place, request: id } = key;
		if (store.condition.failure !== null) {
			// What waits for the disk has a bound: who only asks must not fill it.
			const acts = changes || isSignal;
			const answer = acts ? make(id, name, 'busy', isSignal ? UNHEARD : UNWRITTEN) : await act();
			return { place, correlation, answer, isKept: false };
		}
		const atMs = Math.round(wallClock());
		const entry = { requester: place, print, atMs, isAnswered: false };
		known.set(nameOf(key), entry);
		forgetOldest(known, place);
		const claim = JSON.stringify({ name, id, correlation } satisfies ClaimText);
		const untaken = (answer: Answer): Answered => {
			known.delete(nameOf(key));
			store.release(key);
			return { place, correlation, answer, isKept: false };
		};
		const claimed = isInTime(store.claim({ ...key, print, claim, atMs }));
		const done = isSignal ? act() : undefined;
		const inTime = await claimed;
		if (!inTime && changes && !done) return untaken(make(id, name, 'busy', UNWRITTEN));
		const found = await (done ?? act());
		if (found.code === 'busy') return untaken(found);
		// Should the box go down before the disk takes it, nobody will hear of its part.
		const isUnsafe = isSignal && !inTime && found.code === 'ok';
		const answer = isUnsafe ? make(id, name, 'failed', UNSAFE) : found;
		const written = store.answer(key, JSON.stringify(answer)).then(() => {
			entry.isAnswered = true;
		});
		// What changes nothing, or is done, is told also while the disk takes nothing.
		await (changes && !done ? written : inTime && isInTime(written));
		return { place, correlation, answer, isKept: true };
	};

	return {
		ask,
		owed,
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			await Promise.all([signals, ...Object.values(inWork)].flatMap((each) => [...each]));
		},
	};
}

type ClaimText = { readonly name: string; readonly id: string; readonly correlation: string | null };

const UNWRITTEN = 'The journal cannot be written to now: ask again later';
const UNHEARD =
	'It makes no part: the journal cannot be written to now, and nobody would hear of the verdict. Ask again later';
const UNSAFE =
	'It is a part, which the journal cannot take down now: its verdict comes late, or never. Do not wait for it';

const RETAINED =
	'It was retained: a request that the broker keeps is not done. Publish it without retain, with another id';

/** Keys on disk that are remembered, in all and of one who asks: as many as the disk keeps. */
const MOST_KNOWN = 1000;
const MOST_OF_ONE = 500;

type Known = {
	readonly requester: string;
	readonly print: string;
	readonly atMs: number;
	isAnswered: boolean;
};

/** What was written here; undefined where it is not what was written. */
function readKept<T>(text: string | null): T | undefined {
	try {
		return text === null ? undefined : (JSON.parse(text) as T);
	} catch {
		return undefined;
	}
}

const nameOf = ({ requester, request }: Key): string => `${request} ${requester}`;

/** One who asks much forgets his own: what others have asked must not be done again. */
function forgetOldest(known: Map<string, Known>, requester: string): void {
	const answered = [...known].filter(([, { isAnswered }]) => isAnswered);
	const own = answered.filter(([, one]) => one.requester === requester);
	const oldest = own.length > MOST_OF_ONE ? own[0] : known.size > MOST_KNOWN ? answered[0] : undefined;
	if (oldest) known.delete(oldest[0]);
}

function byRole<T>(make: () => T): Readonly<Record<Role, T>> {
	return { viewer: make(), operator: make(), engineer: make() };
}

type Rate = { readonly perSecond: number; readonly burst: number };
type Limits = { readonly atOnce: number; readonly one: Rate; readonly all: Rate };

/** Buckets of tokens: what is over is answered `busy` as often as it may be asked, and then no more. */
function limiter(
	now: () => number,
	limits: Limits,
): (place: string, role: Role) => 'yes' | 'busy' | 'silent' {
	const bucket = ({ perSecond, burst }: Rate) => {
		let [left, atMs] = [burst, now()];
		return {
			take: (): boolean => {
				const nowMs = now();
				left = Math.min(burst, left + ((nowMs - atMs) / 1000) * perSecond);
				atMs = nowMs;
				if (left < 1) return false;
				left -= 1;
				return true;
			},
		};
	};
	const all = byRole(() => bucket(limits.all));
	const refusals = byRole(() => bucket(limits.all));
	const places = new Map<string, ReturnType<typeof bucket>>();
	return (place, role) => {
		const one = places.get(place) ?? bucket(limits.one);
		places.delete(place);
		places.set(place, one);
		if (places.size > MOST_PLACES) places.delete(places.keys().next().value!);
		if (one.take() && all[role].take()) return 'yes';
		return refusals[role].take() ? 'busy' : 'silent';
	};
}
