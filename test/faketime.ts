import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A wall clock that a test moves, for processes with its environment; their monotonic clock is the machine's. */
export type FakeClock = { readonly env: NodeJS.ProcessEnv; jump(by: string): Promise<void> };

/** By libfaketime of this machine's processor; without it undefined, and says so. */
export async function fakeClock(folder: string): Promise<FakeClock | undefined> {
	const folders = ['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu/faketime/libfaketime.so.1`);
	const library = folders.find((path) => existsSync(path));
	if (library === undefined) {
		console.log('skipped: libfaketime is not installed');
		return undefined;
	}
	const file = join(folder, 'clock');
	const jump = (by: string) => writeFile(file, by);
	await jump('+0d');
	const env = {
		LD_PRELOAD: library,
		DONT_FAKE_MONOTONIC: '1',
		FAKETIME_NO_CACHE: '1',
		FAKETIME_TIMESTAMP_FILE: file,
	};
	return { env, jump };
}
