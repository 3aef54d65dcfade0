import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Fate } from './mjpeg-process.js';

/** Starts the MJPEG camera; `befall`: from when it resolves. */
export async function startMjpegServer(
	jpegs: readonly Uint8Array[],
	fps: number,
	rows?: number,
): Promise<
	AsyncDisposable & { readonly url: string; stall(): void; hangUp(): void; befall(fate: Fate): Promise<void> }
> {
	const child = fork(fileURLToPath(new URL('./mjpeg-process.js', import.meta.url)), {
		serialization: 'advanced',
	});
	child.send({ jpegs, fps, rows });
	const port = await new Promise<number>((resolve) =>
		child.once('message', (message) => resolve(message as number)),
	);
	const befall = async (fate: Fate): Promise<void> => {
		const isSo = once(child, 'message');
		child.send(fate);
		await isSo;
	};
	return {
		url: `http://127.0.0.1:${port}/stream.mjpg`,
		stall: () => void befall('stall'),
		hangUp: () => void befall('hang up'),
		befall,
		[Symbol.asyncDispose]: async () => {
			const exited = new Promise((resolve) => child.once('exit', resolve));
			child.kill('SIGKILL');
			await exited;
		},
	};
}
