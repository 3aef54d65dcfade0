import { createServer, connect as dial, type Socket } from 'node:net';

/** A line to a broker: what goes over it comes later, at a rate, or never. */
export type Line = AsyncDisposable & {
	readonly url: string;
	/** From now on nothing passes, and nobody is told: as when a cable is pulled. */
	swallow(isSwallowing: boolean): void;
	/** Ends all connections. */
	cut(): void;
	/** Bytes that the box has sent. */
	readonly sent: number;
};

export type LineSettings = {
	/** There and back, in milliseconds. */
	readonly roundTripMs?: number;
	/** Of both directions and all connections together. */
	readonly bytesPerSecond?: number;
};

/** A real TCP proxy on loopback before `port`. Small buffers: what waits for the line waits at its sender. */
export async function lineTo(
	port: number,
	{ roundTripMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY }: LineSettings = {},
): Promise<Line> {
	const sockets = new Set<Socket>();
	let swallowing = false;
	let sent = 0;
	/** Until when the line is busy with what was sent before. */
	let busyMs = 0;
	const carry = (from: Socket, to: Socket, isUp: boolean): void => {
		const onTheLine: { readonly atMs: number; readonly chunk: Buffer }[] = [];
		const arrive = (): void => {
			for (let first = onTheLine[0]; first && first.atMs <= performance.now(); first = onTheLine[0]) {
				onTheLine.shift();
				if (!swallowing && !to.destroyed) to.write(first.chunk);
			}
			const next = onTheLine[0];
			if (next) setTimeout(arrive, Math.max(1, next.atMs - performance.now()));
		};
		from.on('data', (chunk: Buffer) => {
			if (isUp) sent += chunk.length;
			const now = performance.now();
			busyMs = Math.max(busyMs, now) + (chunk.length / bytesPerSecond) * 1000;
			// A line takes the next bytes when these are on it, from whoever is ready: that is how connections share it.
			if (busyMs > now + 1) {
				from.pause();
				setTimeout(() => from.resume(), busyMs - now);
			}
			onTheLine.push({ atMs: busyMs + roundTripMs / 2, chunk });
			if (onTheLine.length === 1) setTimeout(arrive, busyMs + roundTripMs / 2 - now);
		});
		from.on('error', () => {});
		from.once('close', () => {
			sockets.delete(from);
			if (!swallowing) to.destroy();
		});
	};
	const server = createServer({ noDelay: true, highWaterMark: 4096 }, (near) => {
		const far = dial({ port, host: '127.0.0.1', noDelay: true });
		for (const socket of [near, far]) sockets.add(socket);
		carry(near, far, true);
		carry(far, near, false);
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const address = server.address();
	if (typeof address !== 'object' || !address) throw new Error('no port');
	const cut = () => {
		for (const socket of sockets) socket.destroy();
	};
	return {
		url: `mqtt://127.0.0.1:${address.port}`,
		swallow: (isSwallowing) => {
			swallowing = isSwallowing;
		},
		cut,
		get sent() {
			return sent;
		},
		[Symbol.asyncDispose]: async () => {
			cut();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}
