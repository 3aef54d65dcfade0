import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StandInDoes } from './stand-in-options.js';

/** A STAND-IN for trtexec in `folder`, see stand-in-process.ts. @returns its path */
export async function standInTrtexec(
	folder: string,
	version: string,
	does: StandInDoes = 'builds',
): Promise<string> {
	const bin = join(folder, 'stand-in');
	await mkdir(bin, { recursive: true });
	const path = join(bin, 'trtexec');
	const script = fileURLToPath(new URL('./stand-in-process.js', import.meta.url));
	await writeFile(path, `#!/bin/sh\nexec "${process.execPath}" "${script}" ${version} ${does} "$@"\n`);
	await chmod(path, 0o755);
	return path;
}
