import { dirname, join, resolve } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import type { Config } from '../config/schema.js';
import type { Outcome } from '../control/edit.js';
import { writeWhole } from '../disk/file.js';
import { type Files, realFiles } from '../disk/files.js';
import {
	openRevisions,
	type Revision,
	type Revisions,
	readRevision,
	readRevisions,
	targetOf,
} from '../disk/revisions.js';
import { forgetStarts, noteStart } from '../disk/starts.js';
import { readMarkedText } from '../disk/text.js';
import { bootId, upMs } from '../machine/boot.js';
import { assertUnlocked } from '../sqlite/lock.js';
import type { Edges } from './edges.js';
import { faulty, likelyJournals, readConfig } from './settings.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** What a configuration file says, or what is to run instead of it. */
export type ConfigFile = {
	readonly path: string;
	/** The journal's. */
	readonly folder: string;
	readonly rev: string;
	readonly text: string;
	readonly config: Config;
	readonly revisions: Revisions;
	/** Why something else is to run than what hands have written: somebody should read it. */
	readonly outcomes: readonly Outcome[];
};

/** What stands in a file: a configuration, or why there is none. */
type Read = { readonly text: string } & ({ readonly config: Config } | { readonly failure: Failure });

/** What opening the file touches of the world. */
type OpeningEdges = Pick<Edges, 'files' | 'wallClock' | 'bootId' | 'upMs'>;

const realOpening: OpeningEdges = { files: realFiles, wallClock: Date.now, bootId, upMs };

/** So many starts within five minutes, with a revision that is not proven, are its fault. */
const MOST_STARTS = 3;

/**
 * Opens the configuration file of a daemon that is about to start, and finds out what is to run. A file with faults, or none, is an
 * error where `isAttended`: somebody reads what is wrong. A box that starts by itself and has run before runs what stood last, and
 * says so; after three starts within five minutes with a revision that is not proven, what was proven last.
 * @throws Failure file-unreadable, config-invalid, file-unwritable, journal-busy
 */
export async function openConfigFile(
	path: string,
	env: Environment,
	isAttended = false,
	edges: OpeningEdges = realOpening,
): Promise<ConfigFile> {
	const { files, wallClock } = edges;
	const held = await readHeld(path, env, files);
	const known = 'config' in held || isAttended ? undefined : await historyOf(path, held.text, env, files);
	if ('failure' in held && !known?.revisions.some(({ isProven }) => isProven)) throw held.failure;
	const folder = 'config' in held ? held.config.journal.folder! : known!.folder;
	assertUnlocked(folder);
	const revisions = await openRevisions(
		path,
		folder,
		'config' in held ? held.text : undefined,
		wallClock,
		files,
	);
	const file = { path, folder, revisions };
	const standing = await standingIn(file, held, env, files);
	const looped = await loopedIn(file, standing.revision, edges);
	const proven = looped === undefined ? undefined : revisions.list().find(({ isProven }) => isProven);
	const instead = proven && (await configOf(folder, proven, path, env, files));
	if (!proven || !instead) return { ...file, ...standing, rev: standing.revision.rev };
	const outcome = await fallBack(file, standing, proven, instead.text, looped!);
	const { rev } = outcome.rev === null ? proven : revisions.current;
	return { ...file, ...instead, rev, outcomes: [...standing.outcomes, outcome] };
}

/** Where the journal of a configuration file lies, also when the file has faults. @throws Failure */
export async function journalOf(path: string, env: Environment): Promise<string> {
	const held = await readHeld(path, env, realFiles);
	if ('config' in held) return held.config.journal.folder!;
	const known = await historyOf(path, held.text, env, realFiles);
	if (!known) throw held.failure;
	return known.folder;
}

/** Of a daemon that has ended in order, or has run with a revision for long. */
export async function noteProven(
	{ revisions, folder }: Pick<ConfigFile, 'revisions' | 'folder'>,
	rev: string,
	files = realFiles,
): Promise<void> {
	await revisions.prove(rev);
	await forgetStarts(folder, files);
}

/** What the file holds now. */
export async function readHeld(path: string, env: Environment, files: Files): Promise<Read> {
	let text: string;
	try {
		text = await readMarkedText(path, 'configuration', undefined, files);
	} catch (failure) {
		if (failure instanceof Failure) return { text: '', failure };
		throw failure;
	}
	const read = readConfig(text, path, env);
	return 'config' in read ? { text, config: read.config } : { text, failure: faulty(path, read.faults) };
}

/** The history of a file that does not say where it lies. */
async function historyOf(
	path: string,
	text: string,
	env: Environment,
	files: Files,
): Promise<{ readonly folder: string; readonly revisions: readonly Revision[] } | undefined> {
	const base = dirname(resolve(path));
	const beside = await files.list(base).catch(() => []);
	const states = beside.filter((name) => name.endsWith('-state')).map((name) => join(base, name));
	const target = await targetOf(path, files);
	for (const folder of [...likelyJournals(text, path, env), ...states]) {
		const found = await readRevisions(folder, files);
		if (found?.file === target) return { folder, revisions: found.revisions };
	}
	return undefined;
}

type Standing = {
	readonly revision: Revision;
	readonly text: string;
	readonly config: Config;
	readonly outcomes: readonly Outcome[];
};

/** What runs by the history: what the file holds, unless that cannot stand. */
async function standingIn(
	{ path, folder, revisions }: Pick<ConfigFile, 'path' | 'folder' | 'revisions'>,
	held: Read,
	env: Environment,
	files: Files,
): Promise<Standing> {
	const { current } = revisions;
	const candidates = [current, ...revisions.list().filter(({ isProven }) => isProven)];
	for (const revision of candidates) {
		const found = await configOf(folder, revision, path, env, files);
		if (!found) continue;
		if (found.text === held.text) return { ...found, revision, outcomes: [] };
		const runs = `revision ${revision.rev} runs`;
		const [code, text] =
			'config' in held
				? (['failed', `"${path}" holds what was refused before; ${runs}`] as const)
				: (['invalid', await refuse(path, revisions, held, runs, files)] as const);
		const outcome = outcomeOf(
			'file',
			'changed by hand while the box was down',
			revision.rev,
			null,
			code,
			text,
		);
		return { ...found, revision, outcomes: [outcome] };
	}
	throw 'failure' in held
		? held.failure
		: new Failure(
				'config-invalid',
				`Cannot use configuration "${path}": its revision ${current.rev} is damaged`,
			);
}

/** Keeps beside the file what is wrong with it; a file that is gone is written anew. @returns what to say */
async function refuse(
	path: string,
	revisions: Revisions,
	held: Read & { failure: Failure },
	runs: string,
	files: Files,
): Promise<string> {
	const bytes = await files.read(path).catch(() => undefined);
	const { message } = held.failure;
	try {
		if (bytes) return `${message}; kept as "${await revisions.refuse(bytes, `${message}\n`)}"; ${runs}`;
		await writeWhole(revisions.file, await revisions.textOf(revisions.current.rev), 0o600, files);
		return `${message}; it was written anew; ${runs}`;
	} catch (thrown) {
		return `${message}; ${reasonOf(thrown)}; ${runs}`;
	}
}

/** What a revision says; undefined where it is damaged, or says nothing to this program. */
async function configOf(folder: string, { rev }: Revision, path: string, env: Environment, files: Files) {
	const text = await readRevision(folder, rev, files).catch((thrown) => {
		if (thrown instanceof Failure) return undefined;
		throw thrown;
	});
	const read = text === undefined ? undefined : readConfig(text, path, env);
	return text !== undefined && read && 'config' in read ? { text, config: read.config } : undefined;
}

/** How often it was started within five minutes, where that is too often. */
async function loopedIn(
	{ folder }: Pick<ConfigFile, 'folder'>,
	{ rev, isProven }: Revision,
	{ files, wallClock, bootId, upMs }: OpeningEdges,
): Promise<number | undefined> {
	if (isProven) return undefined;
	const start = { rev, boot: await bootId(), upMs: upMs(), atMs: wallClock() };
	// A disk that is full keeps nothing from starting.
	const starts = await noteStart(folder, start, files).catch(() => 1);
	return starts < MOST_STARTS ? undefined : starts;
}

/** Goes back to what is proven, in the file too where that can be written. */
async function fallBack(
	{ path, revisions }: Pick<ConfigFile, 'path' | 'revisions'>,
	bad: Standing,
	proven: Revision,
	text: string,
	starts: number,
): Promise<Outcome> {
	const { rev } = bad.revision;
	const why = `revision ${rev} was started ${starts} times within five minutes and did not last`;
	const what = `back to revision ${proven.rev}: ${why}`;
	const say = `Configuration "${path}": ${why}; revision ${proven.rev}, which is proven, runs`;
	try {
		const kept = await revisions.refuse(bad.text, `${why}\n`);
		const { rev: now } = await revisions.commit(text, 'box', what);
		await revisions.prove(now);
		const said = `${say} as revision ${now}; what was in the file is kept as "${kept}"`;
		return outcomeOf('box', what, rev, now, 'reverted', said);
	} catch (thrown) {
		return outcomeOf('box', what, rev, null, 'reverted', `${say}; ${reasonOf(thrown)}`);
	}
}

function outcomeOf(
	place: 'box' | 'file',
	what: string,
	before: string,
	rev: string | null,
	code: Outcome['code'],
	text: string,
): Outcome {
	return { by: { place }, what, before, rev, changed: [], code, text };
}
