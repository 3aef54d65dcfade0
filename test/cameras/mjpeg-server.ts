import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Fate } from './mjpeg-process.js';

/** Starts the MJPEG camera; `befall`: from now on. */
export async function startMjpegServer(
	jpegs: readonly Uint8Array[],
	fps: number,
	rows?: number,
): Promise<
	AsyncDisposable & { readonly url: string; stall(): void; hangUp(): void; befall(fate: Fate): void }
> {
	const child = fork(fileURLToPath(new URL('./mjpeg-process.js', import.meta.url)), {
		serialization: 'advanced',
	});
	child.send({ jpegs, fps, rows });
	const port = await new Promise<number>((resolve) =>
		child.once('message', (message) => resolve(message as number)),
	);
	return {
		url: `http://127.0.0.1:${port}/stream.mjpg`,
		stall: () => child.send('stall'),
		hangUp: () => child.send('hang up'),
		befall: (fate) => child.send(fate),
		[Symbol.asyncDispose]: async () => {
			const exited = new Promise((resolve) => child.once('exit', resolve));
			child.kill('SIGKILL');
			await exited;
		},
	};
}
