import { Failure, reasonOf } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { eitherOf, type Pace } from '../base/retry.js';
import { countOf } from '../base/words.js';
import { differing, valueAt } from '../config/difference.js';
import { patched } from '../config/patch.js';
import { redacted, restored, unrestored } from '../config/redact.js';
import { revise } from '../config/revise.js';
import type { Config } from '../config/schema.js';
import { dataOf, type Fault as FaultInText } from '../config/yaml.js';
import type { Fault } from '../protocol/answer.js';
import { type Asker, Refusal, type Work } from './answer.js';
import type { Finding, Movable } from './movable.js';
import { type How, type Moved, outcomeOf } from './move.js';

/** What is to be another: RFC 7396, a whole configuration as data, or its file's text. */
export type Change = { readonly patch: unknown } | { readonly document: unknown } | { readonly text: string };

/** Who edits: somebody who asks, whoever changed the file on the box, or the box itself. */
export type Editing = Asker | { readonly place: 'file' | 'box' };

export type Edit = {
	readonly by: Editing;
	readonly change: Change;
	/** The revision that it was made from; undefined: whatever stands. */
	readonly baseRev?: string | undefined;
	/** In one line for the history; by default what differs. */
	readonly what?: string | undefined;
	/** Everything but the move: parsed, allowed, tried. */
	readonly dryRun?: boolean | undefined;
	/** Undone unless confirmed within so many seconds, also when the box goes down in between. */
	readonly confirmTimeoutS?: number | undefined;
};

export type Edited = {
	/** The revision that stands now: "12-1c947c1d" counts edits and names the text. */
	readonly rev: string;
	readonly before: string;
	/** Settings that differ: keys joined by ".". */
	readonly changed: readonly string[];
	/** Of a dry run: what was tried, in words. */
	readonly findings: readonly Pick<Finding, 'path' | 'message'>[];
	/** Wall clock, in milliseconds: it must be confirmed by then. */
	readonly confirmByMs: number | null;
};

export type Revision = {
	readonly rev: string;
	readonly atMs: number;
	readonly by: string;
	readonly what: string;
};

/** What runs and stands, or runs and waits to be confirmed. */
export type Standing = {
	readonly rev: string;
	readonly config: Config;
	readonly text: string;
	readonly confirmByMs: number | null;
};

type EditWork = Pick<Work, 'signal' | 'progress'>;

/** The one door for configurations. One edit at a time, the others wait. */
export type Editor = AsyncDisposable & {
	/** Its paths are absolute. */
	current(): Standing;
	/** @throws Refusal conflict, invalid or denied (each fault with its path), failed (what ran before runs), interrupted */
	edit(edit: Edit, work: EditWork): Promise<Edited>;
	/** @throws Refusal conflict where nothing waits for it */
	confirm(rev: string | undefined, by: Editing): Promise<Edited>;
	/** To the revision before, or another that is kept; an edit that waits to be confirmed is undone. @throws Refusal as of an edit */
	rollback(rev: string | undefined, by: Editing, work: EditWork): Promise<Edited>;
	/**
	 * Moves to what stands again, because what it runs on has become another: `begin` makes it so when its turn has come, unless it is
	 * not wanted any more (undefined), and what it gives is told how that went. The text stays what it is.
	 * @throws Refusal failed (what ran before runs), busy, interrupted; the signal's reason before its turn
	 */
	renew(begin: () => ((isMoved: boolean) => void) | undefined, work: EditWork): Promise<void>;
	/** Newest first. */
	history(): readonly Revision[];
	/** What the configuration's file said. @throws Failure */
	textOf(rev: string): Promise<string>;
};

/** How an edit ended. */
export type Outcome = {
	readonly by: Editing;
	readonly what: string;
	readonly before: string;
	/** Null where nothing came of it. */
	readonly rev: string | null;
	readonly changed: readonly { readonly path: string; readonly before: unknown; readonly after: unknown }[];
	readonly code: 'ok' | Refusal['code'] | 'reverted';
	readonly text: string;
};

/** The configuration's file and its history. */
export type RevisionStore = {
	readonly current: Revision;
	list(): readonly Revision[];
	/** @throws Failure */
	textOf(rev: string): Promise<string>;
	/** @throws Failure where a commit could not write the file */
	assertWritable(): Promise<void>;
	/** The name that a text would get now. */
	nameOf(text: string): string;
	/** The file holds the text when this resolves, or what it held before. @throws Failure */
	commit(text: string, by: string, what: string): Promise<Revision>;
};

export type EditWorld = {
	readonly revisions: RevisionStore;
	readonly read: (text: string) => { readonly config: Config } | { readonly faults: readonly FaultInText[] };
	/** Of what differs all that may not be changed by whoever edits. */
	readonly forbidden: (
		before: Config,
		after: Config,
		changed: readonly string[],
		by: Editing,
	) => Promise<readonly Fault[]>;
	readonly tryOut: (config: Config, signal: AbortSignal) => Promise<readonly Finding[]>;
	readonly moveTo: (
		config: Config,
		how: How,
		tell?: (line: string) => void,
	) => Promise<Pick<Moved<Movable>, 'stands' | 'setbacks' | 'setbacksBack'>>;
	/** Another configuration stands, or one waits to be confirmed. */
	readonly onStanding: (standing: Standing) => void;
	readonly onOutcome: (outcome: Outcome) => void;
	readonly pace: Pick<Pace, 'now' | 'pause'>;
	readonly wallClock: () => number;
	/** Without secrets. */
	readonly openly: (text: string) => string;
	readonly log: Log;
};

/** What runs is brought to what stands again so often, where the way back failed. */
const MEND_MS = 10_000;

/** Paths that a line of the history names. */
const MOST_NAMED = 3;

/** Runs, and is undone unless it is confirmed. */
type Waiting = Pick<Outcome, 'by' | 'what' | 'changed'> & {
	readonly before: Standing;
	readonly over: AbortController;
};

/** `first`: what runs. */
export function createEditor(first: Omit<Standing, 'confirmByMs'>, world: EditWorld): Editor {
	const { revisions, pace, wallClock, log } = world;
	const ending = new AbortController();
	let standing: Standing = { ...first, confirmByMs: null };
	let waiting: Waiting | undefined;
	let turn: Promise<unknown> = Promise.resolve();
	let isMending = false;

	const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
		const acting = turn.then(act);
		turn = acting.catch(() => {});
		return acting;
	};
	const stand = (now: Standing): void => {
		standing = now;
		world.onStanding(now);
	};

	/** The way back failed, too: what stands is moved to again until it runs. */
	const mend = async (): Promise<void> => {
		if (isMending) return;
		isMending = true;
		for (let isWhole = false; !isWhole && !ending.signal.aborted; ) {
			await pace.pause(MEND_MS, ending.signal);
			if (ending.signal.aborted) return;
			const { setbacks } = await inTurn(() => world.moveTo(standing.config, 'regardless'));
			isWhole = setbacks.length === 0;
		}
		isMending = false;
		log('warning', 'config', `revision ${standing.rev} runs whole again`, 'config.mended');
	};

	/** @throws Refusal when what is wanted does not run; then what ran before does */
	const moveTo = async (config: Config, progress: EditWork['progress']): Promise<void> => {
		let steps = 0;
		const moved = await world.moveTo(config, 'carefully', (line) => {
			steps += 1;
			progress(steps, 0, line);
		});
		if (moved.stands === 'new') return;
		if (ending.signal.aborted) throw new Refusal('interrupted', DOWN);
		if (moved.stands === 'rest') void mend();
		const faults = moved.setbacks.map(({ service, path = service, reason }) => ({
			path,
			message: reasonOf(reason),
		}));
		throw new Refusal('failed', outcomeOf(moved), faults);
	};

	/** Certain, whatever cannot be reached by now. */
	const goBack = async (before: Standing): Promise<void> => {
		stand(before);
		const { setbacks } = await world.moveTo(before.config, 'regardless');
		if (setbacks.length > 0) void mend();
	};

	/** What runs becomes what the file says. @throws Refusal when it cannot; then what ran before does */
	const keep = async (text: string, config: Config, before: Standing, by: Editing, what: string) => {
		try {
			const { rev } = await revisions.commit(text, nameOf(by), what);
			stand({ rev, config, text, confirmByMs: null });
			log('info', 'config', `revision ${rev} stands: ${what}`, 'config.stands');
			return rev;
		} catch (thrown) {
			await goBack(before);
			if (!(thrown instanceof Failure)) throw thrown;
			throw new Refusal('failed', `${thrown.message}; what ran before runs`);
		}
	};

	const undo = async ({ before, over, by, what, changed }: Waiting, why: string): Promise<void> => {
		const { rev } = standing;
		waiting = undefined;
		over.abort();
		await goBack(before);
		log('warning', 'config', `revision ${rev} was undone, ${before.rev} stands: ${why}`, 'config.undone');
		world.onOutcome({ by, what, before: rev, rev: before.rev, changed, code: 'reverted', text: why });
	};

	const waitFor = (found: Omit<Waiting, 'over'>, forMs: number): void => {
		const over = new AbortController();
		const mine: Waiting = { ...found, over };
		waiting = mine;
		const wait = async () => {
			using either = eitherOf(over.signal, ending.signal);
			await pace.pause(forMs, either.signal);
			await inTurn(async () => {
				if (waiting === mine && !ending.signal.aborted) await undo(mine, 'nobody confirmed it in time');
			});
		};
		void wait();
	};

	const textOf = (change: Change): string => {
		if ('text' in change) return change.text;
		const said = dataOf(standing.text);
		const wanted = 'patch' in change ? patched(said, change.patch) : change.document;
		return revise(standing.text, restored(wanted, redacted(said), said));
	};

	const carryOut = async (edit: Edit, { signal, progress }: EditWork, found: Found): Promise<Edited> => {
		const { by, baseRev, dryRun = false, confirmTimeoutS } = edit;
		if (signal.aborted) throw new Refusal('late', 'Its time was over before its turn came');
		const before = standing;
		if (waiting)
			throw new Refusal(
				'conflict',
				`Revision ${before.rev} waits to be confirmed: confirm it or roll it back`,
			);
		if (baseRev !== undefined && baseRev !== before.rev)
			throw new Refusal(
				'conflict',
				`Revision ${before.rev} stands, this was made from ${baseRev}: read it again`,
			);
		const text = textOf(edit.change);
		const read = world.read(text);
		if ('faults' in read) throw refusal('invalid', read.faults.map(inText));
		const hidden = by.place === 'file' ? [] : unrestored(dataOf(text));
		if (hidden.length > 0) throw refusal('invalid', hidden.map(nobodyKnows));
		const { config } = read;
		const changed = differing(before.config, config);
		found.changed = changed.map((path) => ({
			path,
			before: valueAt(before.config, path.split('.')),
			after: valueAt(config, path.split('.')),
		}));
		const what = world.openly(edit.what ?? whatOf(found.changed));
		found.what = what;
		const forbidden = await world.forbidden(before.config, config, changed, by);
		if (forbidden.length > 0) throw refusal('denied', forbidden);
		const edited = { before: before.rev, changed, findings: [], confirmByMs: null };
		// A hand has written it already.
		if (by.place !== 'file' && text !== before.text) await assertWritable();
		if (dryRun) {
			const findings = await world.tryOut(config, signal);
			const failed = findings.filter(({ failure }) => failure);
			if (failed.length > 0) throw refusal('failed', failed);
			return { ...edited, rev: before.rev, findings };
		}
		if (text === before.text) return { ...edited, rev: before.rev };
		await moveTo(config, progress);
		if (confirmTimeoutS === undefined) return { ...edited, rev: await keep(text, config, before, by, what) };
		const rev = revisions.nameOf(text);
		const confirmByMs = wallClock() + confirmTimeoutS * 1000;
		waitFor({ before, by, what, changed: found.changed }, confirmTimeoutS * 1000);
		stand({ rev, config, text, confirmByMs });
		return { ...edited, rev, confirmByMs };
	};

	/** Nothing is moved for what could not be kept. @throws Refusal */
	const assertWritable = () =>
		revisions.assertWritable().catch((thrown) => {
			if (thrown instanceof Failure) throw new Refusal('failed', `${advised(thrown)} Nothing was changed`);
			throw thrown;
		});

	/** However it ends, it is told. */
	const edit = (wanted: Edit, work: EditWork): Promise<Edited> =>
		inTurn(async () => {
			const { by, dryRun = false } = wanted;
			const found: Found = { changed: [], what: wanted.what ?? '' };
			const before = standing.rev;
			const tell = (rev: string | null, code: Outcome['code'], text: string) =>
				world.onOutcome({ by, ...found, before, rev, code, text });
			try {
				const edited = await carryOut(wanted, work, found);
				if (!dryRun) tell(edited.rev, 'ok', edited.confirmByMs === null ? '' : 'waits to be confirmed');
				return edited;
			} catch (thrown) {
				if (!dryRun) tell(null, thrown instanceof Refusal ? thrown.code : 'failed', reasonOf(thrown));
				throw thrown;
			}
		});

	const confirm: Editor['confirm'] = (rev, by) =>
		inTurn(async () => {
			if (!waiting) throw new Refusal('conflict', 'No revision waits to be confirmed');
			if (rev !== undefined && rev !== standing.rev)
				throw new Refusal('conflict', `Revision ${standing.rev} waits to be confirmed, not ${rev}`);
			const { before, over, what, changed } = waiting;
			waiting = undefined;
			over.abort();
			const { text, config } = standing;
			const kept = await keep(text, config, before, by, what);
			world.onOutcome({ by, what, before: before.rev, rev: kept, changed, code: 'ok', text: 'confirmed' });
			return {
				rev: kept,
				before: before.rev,
				changed: changed.map(({ path }) => path),
				findings: [],
				confirmByMs: null,
			};
		});

	const rollback: Editor['rollback'] = async (rev, by, work) => {
		const undone = await inTurn(async () => {
			if (!waiting || (rev !== undefined && rev !== waiting.before.rev)) return undefined;
			const { before, changed } = waiting;
			const from = standing.rev;
			await undo({ ...waiting, by }, 'it was rolled back');
			const paths = changed.map(({ path }) => path);
			return { rev: before.rev, before: from, changed: paths, findings: [], confirmByMs: null };
		});
		if (undone) return undone;
		const wanted = rev ?? revisions.list()[1]?.rev;
		if (wanted === undefined) throw new Refusal('conflict', 'There is no revision before this one');
		const known = revisions.list().map((revision) => revision.rev);
		if (!known.includes(wanted))
			throw new Refusal('conflict', `There is no revision ${wanted}: kept are ${known.join(', ')}`);
		const text = await revisions.textOf(wanted);
		return edit({ by, change: { text }, what: `back to revision ${wanted}` }, work);
	};

	const renew: Editor['renew'] = (begin, { signal, progress }) => {
		const renewed = inTurn(async () => {
			if (signal.aborted) return;
			if (ending.signal.aborted) throw new Refusal('interrupted', DOWN);
			if (isMending) throw new Refusal('busy', 'What stands does not run whole: it is moved to first');
			const settle = begin();
			if (!settle) return;
			let isMoved = false;
			try {
				await moveTo(standing.config, progress);
				isMoved = true;
			} finally {
				settle(isMoved);
			}
		});
		// Whoever ends while an edit has its turn must not wait for the next one.
		const over = new Promise<never>((_, reject) => {
			const end = () => reject(signal.reason);
			if (signal.aborted) end();
			signal.addEventListener('abort', end, { once: true });
			void renewed.catch(() => {}).then(() => signal.removeEventListener('abort', end));
		});
		over.catch(() => {});
		return Promise.race([renewed, over]);
	};

	return {
		current: () => standing,
		edit,
		renew,
		confirm,
		rollback,
		history: () => revisions.list(),
		textOf: (rev) => revisions.textOf(rev),
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			waiting?.over.abort();
			await turn;
		},
	};
}

const DOWN = 'The box went down while this was worked on';

/** What is known of an edit while it is carried out. */
type Found = { changed: Outcome['changed']; what: string };

function advised({ message, advice }: Failure): string {
	return advice === undefined ? message : `${message}. ${advice}`;
}

/** Faults are told with the first of them in words. */
function refusal(code: Refusal['code'], faults: readonly Fault[]): Refusal {
	const told = faults.map(({ path, message }) => ({ path, message }));
	const [first] = told;
	const more = told.length > 1 ? ` (and ${told.length - 1} more)` : '';
	return new Refusal(code, first ? `${first.path}: ${first.message}${more}` : '', told);
}

function inText({ path, line, message }: FaultInText): Fault {
	return { path, message: `${message} (line ${line})` };
}

function nobodyKnows(path: string): Fault {
	return { path, message: '"***" stands for a password, and nobody knows which one is meant: write it' };
}

/** "recipes.lid.threshold: 0.62 → 0.7", or how many. */
function whatOf(changed: Outcome['changed']): string {
	if (changed.length === 0) return 'comments and spelling';
	const lines = changed
		.slice(0, MOST_NAMED)
		.map(({ path, before, after }) => `${path}: ${shown(before)} → ${shown(after)}`);
	const more =
		changed.length > MOST_NAMED ? ` and ${countOf(changed.length - MOST_NAMED, 'more setting')}` : '';
	return `${lines.join(', ')}${more}`;
}

function shown(value: unknown): string {
	if (value === undefined) return 'nothing';
	if (typeof value !== 'object' || value === null) return String(value);
	return Array.isArray(value) ? 'a list' : 'a map';
}

/** Who it was, for the history. */
export function nameOf(by: Editing): string {
	return 'role' in by ? `${by.role} ${by.place.split('/').at(-1)}` : by.place;
}
