import { access, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';

/**
 * Fills a folder file by file beside its place and puts it there by `commit`; without that, disposing removes what was written.
 * `marker` is the file that says a folder is our own earlier work, which may be replaced.
 */
export class FolderWriter implements AsyncDisposable {
	readonly #place: string;
	readonly #fresh: string;
	readonly #marker: string;
	#done = false;

	private constructor(place: string, marker: string) {
		this.#place = place;
		this.#fresh = `${place}.unfinished`;
		this.#marker = marker;
	}

	/** @throws Failure file-unwritable when the place holds something else, or cannot be written */
	static async open(dir: string, marker: string): Promise<FolderWriter> {
		const writer = new FolderWriter(resolve(dir), marker);
		const names = await readdir(writer.#place).catch((thrown: NodeJS.ErrnoException) => {
			if (thrown.code === 'ENOENT') return [] as string[];
			throw writer.#failure(reasonOf(thrown));
		});
		if (names.length > 0 && !names.includes(marker)) throw writer.#failure('the folder holds something else');
		await writer.#attempt(async () => {
			await rm(writer.#fresh, { recursive: true, force: true });
			await mkdir(writer.#fresh, { recursive: true });
		});
		return writer;
	}

	async write(path: string, content: Uint8Array): Promise<void> {
		await this.#attempt(async () => {
			const target = join(this.#fresh, path);
			await mkdir(dirname(target), { recursive: true });
			await writeFile(target, content);
		});
	}

	/** The folder stands, with the marker in it. */
	async commit(marker: string): Promise<void> {
		await this.#attempt(async () => {
			await writeFile(join(this.#fresh, this.#marker), marker);
			await rm(this.#place, { recursive: true, force: true });
			await rename(this.#fresh, this.#place);
			await access(this.#place);
		});
		this.#done = true;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		if (!this.#done) await rm(this.#fresh, { recursive: true, force: true });
	}

	async #attempt(work: () => Promise<void>): Promise<void> {
		try {
			await work();
		} catch (thrown) {
			throw this.#failure(reasonOf(thrown));
		}
	}

	#failure(state: string): Failure {
		return new Failure(
			'file-unwritable',
			`Cannot write folder "${this.#place}": ${state}`,
			'Choose a new or empty folder.',
		);
	}
}
