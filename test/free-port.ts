import { createServer } from 'node:net';

/** A TCP port on loopback that nobody uses now. */
export function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.once('error', reject);
		server.listen(0, '127.0.0.1', () => {
			const address = server.address();
			server.close(() =>
				typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
			);
		});
	});
}

/** Waits until `look` finds something. @throws Error when it has not after `limitMs` */
export async function eventually<T>(
	what: string,
	look: () => T | undefined | false | Promise<T | undefined | false>,
	limitMs = 30_000,
): Promise<T> {
	const end = performance.now() + limitMs;
	while (performance.now() < end) {
		const found = await look();
		if (found !== undefined && found !== false) return found;
		await new Promise((resolve) => setTimeout(resolve, 25));
	}
	throw new Error(`waited ${limitMs} ms in vain: ${what}`);
}
