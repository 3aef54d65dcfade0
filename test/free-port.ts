import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** Below those that Linux gives to whoever connects or asks for any. */
const [LOWEST, HIGHEST] = [10_000, 32_000];

/** A TCP port on loopback that nobody uses now, nor gets from here while this run of the tests lasts. */
export async function freePort(): Promise<number> {
	for (;;) {
		const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
		if ((await isFree(port)) && (await isOurs(port))) return port;
	}
}

function isFree(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const server = createServer();
		server.once('error', () => resolve(false));
		server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
	});
}

/** Taken from the other files of the run, which go on beside this one. */
async function isOurs(port: number): Promise<boolean> {
	const run = process.env.INSPECTORD_TEST_RUN;
	if (run === undefined) return true;
	return writeFile(join(run, `port-${port}`), '', { flag: 'wx' }).then(
		() => true,
		() => false,
	);
}

/** Waits until `look` finds something. @throws Error when it has not after `limitMs` */
export async function eventually<T>(
	what: string,
	look: () => T | undefined | false | Promise<T | undefined | false>,
	limitMs = 60_000,
): Promise<T> {
	const end = performance.now() + limitMs;
	while (performance.now() < end) {
		const found = await look();
		if (found !== undefined && found !== false) return found;
		await new Promise((resolve) => setTimeout(resolve, 25));
	}
	throw new Error(`waited ${limitMs} ms in vain: ${what}`);
}
