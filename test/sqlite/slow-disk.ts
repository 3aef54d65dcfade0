import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../../../test/sqlite/slow-disk.c', import.meta.url));

/** A library to be preloaded, by which a disk is slow or fails (slow-disk.c says how); without a compiler undefined, and says so. */
export function slowDisk(folder: string): string | undefined {
	const library = join(folder, 'slow-disk.so');
	const { status } = spawnSync('cc', ['-shared', '-fPIC', '-o', library, SOURCE]);
	if (status === 0) return library;
	console.log('skipped: there is no C compiler');
	return undefined;
}
