import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure } from '../base/failure.js';
import { fileState } from '../base/file-state.js';
import { flush, UNFINISHED, unfinished, writeThrough } from './file.js';

/** As UNFINISHED, for a folder that gives way to another one. */
const REPLACED = '.replaced-';

/**
 * Fills a folder beside its place, to the disk's surface, and puts it there by a rename: it appears whole or not at all.
 * Disposing without a commit removes what was written; what a writer left that was killed goes with the next one.
 */
export class FolderWriter implements AsyncDisposable {
	readonly #place: string;
	readonly #fresh: string;
	#done = false;

	private constructor(place: string, fresh: string) {
		this.#place = place;
		this.#fresh = fresh;
	}

	/** @throws Failure file-unwritable */
	static async open(dir: string): Promise<FolderWriter> {
		const place = resolve(dir);
		return attempt(place, async () => {
			await mkdir(dirname(place), { recursive: true });
			await sweep(place);
			// Not mkdtemp(), whose folders only their owner may read: the daemon is somebody else.
			const fresh = unfinished(place);
			await mkdir(fresh);
			return new FolderWriter(place, fresh);
		});
	}

	/** @throws Failure file-unwritable */
	async write(path: string, content: Uint8Array | string): Promise<void> {
		await attempt(this.#place, async () => {
			const target = join(this.#fresh, path);
			await mkdir(dirname(target), { recursive: true });
			await writeThrough(target, content);
		});
	}

	/** Where a file is until the folder is put in its place, for a program that writes it itself; `taken` then makes it last. */
	at(path: string): string {
		return join(this.#fresh, path);
	}

	/** A file that another program wrote, to the disk's surface. @throws Failure file-unwritable */
	async taken(path: string): Promise<void> {
		await attempt(this.#place, () => flush(this.at(path)));
	}

	/** Replaces what stands there. @throws Failure file-unwritable; then the old folder still stands */
	async commit(): Promise<void> {
		await attempt(this.#place, async () => {
			await flush(this.#fresh);
			await swap(this.#fresh, this.#place);
			await flush(dirname(this.#place));
		});
		this.#done = true;
	}

	/** Puts it beside its place, under a name that nothing has. @throws Failure file-unwritable, also when something has it */
	async commitBeside(name: string): Promise<void> {
		const parent = dirname(this.#place);
		await attempt(join(parent, name), async () => {
			await flush(this.#fresh);
			await rename(this.#fresh, join(parent, name));
			await flush(parent);
		});
		this.#done = true;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		if (!this.#done) await rm(this.#fresh, { recursive: true, force: true });
	}
}

/**
 * Refuses a place that holds something that is not ours: nothing there, an empty folder, or one with the file `marker` may be replaced.
 * @throws Failure file-unwritable
 */
export async function assertReplaceable(dir: string, marker: string): Promise<void> {
	const names = await attempt(dir, () => readdir(dir).catch(absentIsEmpty));
	if (names.length === 0 || names.includes(marker)) return;
	throw unwritable(dir, 'the folder holds something else');
}

function absentIsEmpty(thrown: NodeJS.ErrnoException): string[] {
	if (thrown.code === 'ENOENT') return [];
	throw thrown;
}

async function swap(fresh: string, place: string): Promise<void> {
	const old = place + REPLACED + process.pid;
	const stands = await exists(place);
	if (stands) await rename(place, old);
	try {
		await rename(fresh, place);
	} catch (thrown) {
		if (stands) await rename(old, place);
		throw thrown;
	}
	if (stands) await rm(old, { recursive: true, force: true });
}

/** Removes what writers of a place left that run no more; a folder that was moved aside when the machine stopped comes back. */
export async function sweep(place: string): Promise<void> {
	const [parent, name] = [dirname(place), basename(place)];
	for (const entry of await readdir(parent)) {
		const path = join(parent, entry);
		const replaced = entry.startsWith(name + REPLACED);
		if (replaced && !(await exists(place))) await rename(path, place);
		else if (
			replaced ||
			(entry.startsWith(name + UNFINISHED) &&
				!runs(Number.parseInt(entry.slice((name + UNFINISHED).length), 10)))
		)
			await rm(path, { recursive: true, force: true });
	}
}

/** Whether a process runs: another one may be writing to the same place. */
function runs(pid: number): boolean {
	if (!(pid > 0)) return false;
	try {
		return process.kill(pid, 0);
	} catch (thrown) {
		return (thrown as NodeJS.ErrnoException).code === 'EPERM';
	}
}

function exists(path: string): Promise<boolean> {
	return stat(path).then(
		() => true,
		() => false,
	);
}

async function attempt<T>(dir: string, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (thrown) {
		throw unwritable(dir, fileState(thrown));
	}
}

function unwritable(dir: string, state: string): Failure {
	return new Failure(
		'file-unwritable',
		`Cannot write folder "${dir}": ${state}`,
		'Choose a new or empty folder on a disk with room.',
	);
}
