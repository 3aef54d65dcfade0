import { basename, dirname, join, resolve } from 'node:path';
import { Failure } from '../base/failure.js';
import { fileState } from '../base/file-state.js';
import { sha256Of } from '../base/hash.js';
import { UNFINISHED, unfinished, writeThrough, writeWhole } from './file.js';
import { type Files, realFiles, textIn } from './files.js';
import { unwritable } from './place.js';
import { readMarkedText } from './text.js';

/** One state of the configuration file. */
export type Revision = {
	/** Counts, and names the text by the beginning of its SHA-256: "12-1c947c1d". No number comes twice. */
	readonly rev: string;
	/** Wall clock. */
	readonly atMs: number;
	/** Who: whoever asked, "file" for a hand on the box, "box" for itself. */
	readonly by: string;
	/** In one line. */
	readonly what: string;
	readonly base: string | null;
	/** A box has run with it, and well. */
	readonly isProven: boolean;
};

/** The configuration file with its history, in the folder of the journal. */
export type Revisions = {
	/** The configuration file, where links lead to. */
	readonly file: string;
	/** What the configuration file holds. */
	readonly current: Revision;
	/** Newest first; the last that is proven is among them. */
	list(): readonly Revision[];
	/** @throws Failure file-unreadable */
	textOf(rev: string): Promise<string>;
	/**
	 * Writes the configuration file whole or not at all, with its mode and owner; whenever the process ends, the history agrees with it.
	 * A text that hands have written there already is only noted.
	 * @throws Failure file-unwritable, or file-changed where hands have just written into it; nothing has changed then
	 */
	commit(text: string, by: string, what: string): Promise<Revision>;
	/** Whether a commit could write the file, as far as that is seen without writing. @throws Failure file-unwritable */
	assertWritable(): Promise<void>;
	/** What a text would be called if it were the next. */
	nameOf(text: string): string;
	/**
	 * Keeps a text that hands have written and that cannot stand, with the reasons, beside the file: a commit may replace it there.
	 * @returns where it is kept @throws Failure file-unwritable
	 */
	refuse(text: Uint8Array | string, reasons: string): Promise<string>;
	prove(rev: string): Promise<void>;
};

/** The folder of revisions in the folder of a journal. */
const REVISIONS = 'revisions';

const TEXT_FILE = /^\d+-[0-9a-f]{8}\.yaml$/;

const INDEX = 'index.json';

/** More are forgotten, the oldest first. */
const MOST_KEPT = 20;

/** The configuration may hold passwords. */
const PRIVATE = 0o600;

type Entry = Revision & { readonly sha256: string };

type Index = {
	/** Whose history it is. */
	readonly file: string;
	readonly next: number;
	/** Oldest first. */
	readonly revisions: readonly Entry[];
	/** Being written into the file: it stands when the file holds it, and else has never been. */
	readonly pending: Entry | null;
	/** SHA-256 of what hands have written and what cannot stand. */
	readonly refused: string | null;
};

/**
 * Opens the history of a configuration file, and settles what the last process left half done. `folder` is the journal's; `held` is what
 * the file holds, where that may stand: what hands have written since then is a revision of its own, unless it was refused before.
 * Without it there must be a history. @throws Failure file-unwritable
 */
export async function openRevisions(
	file: string,
	folder: string,
	held: string | undefined,
	wallClock: () => number = Date.now,
	files = realFiles,
): Promise<Revisions> {
	const place = join(folder, REVISIONS);
	const target = await targetOf(file, files);
	await files.makeFolder(folder).catch((thrown) => {
		throw unwritable(folder, thrown);
	});
	await files.makeFolder(place, 0o700).catch((thrown) => {
		throw unwritable(place, thrown);
	});
	const found = (await readIndex(place, files)) ?? (await indexFromFiles(place, files));
	const hash = held === undefined ? undefined : sha256Of(held);
	let index: Index = settled({ ...found, file: target }, hash);
	await sweep(dirname(target), (name) => name.startsWith(basename(target) + UNFINISHED), files);

	const textFile = ({ rev }: Pick<Entry, 'rev'>) => join(place, `${rev}.yaml`);
	const write = async (next: Index): Promise<void> => {
		await writeWhole(join(place, INDEX), `${JSON.stringify(next, null, '\t')}\n`, PRIVATE, files);
		index = next;
	};
	const nameOf = (text: string) => `${index.next}-${sha256Of(text).slice(0, 8)}`;
	const entryOf = (text: string, by: string, what: string): Entry => {
		return {
			rev: nameOf(text),
			atMs: wallClock(),
			by,
			what,
			base: index.revisions.at(-1)?.rev ?? null,
			isProven: false,
			sha256: sha256Of(text),
		};
	};
	const forgetOld = async (): Promise<void> => {
		const kept = new Set(index.revisions.map(({ rev }) => `${rev}.yaml`));
		await sweep(place, (name) => TEXT_FILE.test(name) && !kept.has(name), files);
	};
	const note = async (held: string, by: string, what: string): Promise<Entry> => {
		const entry = entryOf(held, by, what);
		await writeWhole(textFile(entry), held, PRIVATE, files);
		await write(withNewest(index, entry));
		await forgetOld();
		return entry;
	};
	const commit = async (wanted: string, by: string, what: string) => {
		const before = index;
		const held = await files.read(target).catch((thrown) => {
			throw fileUnwritable(target, thrown);
		});
		if (Buffer.from(wanted).equals(held) && index.revisions.at(-1)!.sha256 !== sha256Of(held))
			return note(wanted, by, what);
		if (![index.revisions.at(-1)!.sha256, index.refused].includes(sha256Of(held)))
			throw new Failure(
				'file-changed',
				`Cannot write configuration "${target}": it was changed by hand at this moment`,
				'Look at what stands now, and edit again.',
			);
		const entry = entryOf(wanted, by, what);
		const fresh = await writeBeside(target, wanted, files);
		try {
			await writeWhole(textFile(entry), wanted, PRIVATE, files);
			await write({ ...index, next: index.next + 1, pending: entry });
			await files.rename(fresh, target).catch((thrown) => {
				throw fileUnwritable(target, thrown);
			});
		} catch (thrown) {
			await files.remove(fresh).catch(() => {});
			// The number is used up.
			index = { ...before, next: before.next + 1 };
			await write(index).catch(() => {});
			await forgetOld();
			throw thrown;
		}
		// It stands: what fails from here on is settled by whoever opens it next.
		await files.flush(dirname(target)).catch(() => {});
		const done = withNewest({ ...index, pending: null }, entry);
		index = done;
		await write(done).catch(() => {});
		await forgetOld();
		return entry;
	};
	const change = async (rev: string, changed: Partial<Entry>): Promise<void> => {
		const revisions = index.revisions.map((entry) => (entry.rev === rev ? { ...entry, ...changed } : entry));
		await write({ ...index, revisions });
	};
	let last: Promise<unknown> = Promise.resolve();
	/** One change after the other. */
	const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
		const done = last.then(work);
		last = done.catch(() => {});
		return done;
	};

	const newest = index.revisions.at(-1);
	if (held !== undefined && newest?.sha256 !== hash && (!newest || index.refused !== hash))
		await note(held, 'file', newest ? 'changed by hand while the box was down' : 'as it was found');
	else if (found.pending) await write(index);
	await forgetOld();
	return {
		file: target,
		get current() {
			return shown(index.revisions.at(-1)!);
		},
		list: () => index.revisions.map(shown).reverse(),
		textOf: (rev) => readRevision(folder, rev, files),
		commit: (wanted, by, what) => inTurn(async () => shown(await commit(wanted, by, what))),
		assertWritable: async () => {
			try {
				for (const path of [target, dirname(target)]) await files.assertWritable(path);
			} catch (thrown) {
				throw fileUnwritable(target, thrown);
			}
		},
		nameOf,
		refuse: (text, reasons) =>
			inTurn(async () => {
				await write({ ...index, refused: sha256Of(text) });
				return keepRefused(text, reasons, [resolve(file), join(place, basename(file))], files);
			}),
		prove: (rev) => inTurn(() => change(rev, { isProven: true })),
	};
}

/** Where links lead to, also when nothing is there. */
export async function targetOf(file: string, files = realFiles): Promise<string> {
	return files.realPath(file).catch(() => resolve(file));
}

/** The history that lies in the folder of a journal, newest first, and whose it is; undefined where there is none. */
export async function readRevisions(
	folder: string,
	files = realFiles,
): Promise<{ readonly file: string; readonly revisions: readonly Revision[] } | undefined> {
	const index = await readIndex(join(folder, REVISIONS), files);
	return index && { file: index.file, revisions: index.revisions.map(shown).reverse() };
}

/** The text of a revision. @throws Failure file-unreadable */
export async function readRevision(folder: string, rev: string, files = realFiles): Promise<string> {
	const path = join(folder, REVISIONS, `${rev}.yaml`);
	if (!TEXT_FILE.test(`${rev}.yaml`))
		throw new Failure(
			'file-unreadable',
			`Cannot read revision "${rev}": it is no name of one`,
			'Names are like "12-1c947c1d".',
		);
	const text = await readMarkedText(path, 'revision', undefined, files);
	if (rev.endsWith(`-${sha256Of(text).slice(0, 8)}`)) return text;
	throw new Failure('file-unreadable', `Cannot read revision "${path}": it is damaged`);
}

const shown = ({ sha256: _, ...revision }: Entry): Revision => revision;

function withNewest(index: Index, entry: Entry): Index {
	const revisions = [...index.revisions, entry];
	const proven = revisions.findLast(({ isProven }) => isProven);
	while (revisions.length > MOST_KEPT) revisions.splice(revisions[0] === proven ? 1 : 0, 1);
	return { ...index, revisions, refused: null, next: Math.max(index.next, numberOf(entry.rev) + 1) };
}

/** Beside the first of these places that takes it. */
async function keepRefused(
	text: Uint8Array | string,
	reasons: string,
	places: readonly string[],
	files: Files,
): Promise<string> {
	const [place = '', ...others] = places;
	const kept = `${place}.refused`;
	try {
		await writeWhole(kept, text, PRIVATE, files);
		await writeWhole(`${kept}.txt`, reasons, PRIVATE, files);
		return kept;
	} catch (thrown) {
		if (others.length === 0) throw thrown;
		return keepRefused(text, reasons, others, files);
	}
}

/** What was being written stands when the file holds it. */
function settled(index: Index, hash: string | undefined): Index {
	const { pending } = index;
	if (!pending) return index;
	const without = { ...index, pending: null };
	return pending.sha256 === hash ? withNewest(without, pending) : without;
}

const numberOf = (rev: string) => Number.parseInt(rev, 10);

/** Undefined where there is none, or none of ours. */
async function readIndex(place: string, files: Files): Promise<Index | undefined> {
	try {
		const read = JSON.parse(textIn(await files.read(join(place, INDEX)))) as Index;
		const isWhole =
			typeof read.file === 'string' && Number.isSafeInteger(read.next) && Array.isArray(read.revisions);
		return isWhole ? read : undefined;
	} catch {
		return undefined;
	}
}

/** What the texts themselves tell, when the index is gone. */
async function indexFromFiles(place: string, files: Files): Promise<Index> {
	const names = (await files.list(place)).filter((name) => TEXT_FILE.test(name));
	const revisions: Entry[] = [];
	for (const name of names.sort((a, b) => numberOf(a) - numberOf(b))) {
		const text = textIn(await files.read(join(place, name)));
		const { mtimeMs } = await files.ownedBy(join(place, name));
		const sha256 = sha256Of(text);
		const rev = name.slice(0, -'.yaml'.length);
		if (!rev.endsWith(sha256.slice(0, 8))) continue;
		const base = revisions.at(-1)?.rev ?? null;
		const told = { by: 'file', what: 'found without its history', isProven: false };
		revisions.push({ rev, atMs: Math.round(mtimeMs), base, sha256, ...told });
	}
	const next = Math.max(0, ...names.map(numberOf)) + 1;
	return { file: '', next, revisions, pending: null, refused: null };
}

/** What a process left which is no more, and what is not needed any more; what cannot be removed stays. */
async function sweep(folder: string, isLeft: (name: string) => boolean, files: Files): Promise<void> {
	const names = await files.list(folder).catch(() => []);
	for (const name of names.filter(isLeft)) await files.remove(join(folder, name)).catch(() => {});
}

/** A file beside another one, with its mode and owner, to be renamed to it. @throws Failure file-unwritable */
async function writeBeside(target: string, text: string, files: Files): Promise<string> {
	const fresh = unfinished(resolve(target));
	try {
		const owned = await files.ownedBy(target);
		// A folder would let us replace what nobody may write to.
		await files.assertWritable(target);
		await writeThrough(fresh, text, PRIVATE, files);
		await files.own(fresh, owned);
		await files.flush(fresh);
		return fresh;
	} catch (thrown) {
		await files.remove(fresh).catch(() => {});
		throw fileUnwritable(target, thrown);
	}
}

/** Of a file that stood there when it was read. */
const OF_A_STANDING_FILE = {
	EBUSY: 'it is mounted by itself, and cannot be replaced',
	ENOENT: 'it is gone',
};

function fileUnwritable(file: string, thrown: unknown): Failure {
	const { code = '' } = thrown as NodeJS.ErrnoException;
	return new Failure(
		'file-unwritable',
		`Cannot write configuration "${file}": ${fileState(thrown, OF_A_STANDING_FILE)}`,
		code === 'EROFS'
			? 'Keep it in a folder that can be written to (docs/install.md, "A root that can only be read"), or change the file where its image is made.'
			: 'The file and its folder must be writable for the user of the daemon.',
	);
}
