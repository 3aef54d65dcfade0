import { createServer, connect as dial, type Socket } from 'node:net';

/** A line to a broker: what goes over it comes later, at a rate, or never. */
export type Line = AsyncDisposable & {
	readonly url: string;
	/** From now on nothing passes, and nobody is told: as when a cable is pulled. */
	swallow(isSwallowing: boolean): void;
	/** From now on so many bytes a second pass in each direction. */
	throttle(bytesPerSecond: number): void;
	/** Ends all connections. */
	cut(): void;
	/** Bytes that the box has sent. */
	readonly sent: number;
};

export type LineSettings = {
	/** There and back, in milliseconds. */
	readonly roundTripMs?: number;
	/** Of each direction, for all connections together, which share it packet by packet. */
	readonly bytesPerSecond?: number;
};

const PACKET_BYTES = 1460;

/** Of each connection, before the line: what does not fit waits at its sender. */
const BUFFER_BYTES = 16_384;

type Direction = ReturnType<typeof direction>;

/** One direction of a line. */
function direction(delayMs: number, bytesPerSecond: () => number, isSwallowing: () => boolean) {
	const waiting: { readonly from: Socket; readonly to: Socket; bytes: Buffer }[] = [];
	const onTheLine: { readonly atMs: number; readonly to: Socket; readonly bytes: Buffer }[] = [];
	let busyMs = 0;
	let timer: NodeJS.Timeout | undefined;
	const run = (): void => {
		const now = performance.now();
		while (waiting.length > 0 && busyMs <= now) {
			const lane = waiting.shift()!;
			const packet = lane.bytes.subarray(0, PACKET_BYTES);
			lane.bytes = lane.bytes.subarray(packet.length);
			busyMs = Math.max(busyMs, now - 5) + (packet.length / bytesPerSecond()) * 1000;
			onTheLine.push({ atMs: busyMs + delayMs, to: lane.to, bytes: packet });
			if (lane.bytes.length > 0) waiting.push(lane);
			if (lane.bytes.length < BUFFER_BYTES) lane.from.resume();
		}
		for (let first = onTheLine[0]; first && first.atMs <= now; first = onTheLine[0]) {
			onTheLine.shift();
			if (!isSwallowing() && !first.to.destroyed) first.to.write(first.bytes);
		}
		clearTimeout(timer);
		const nextMs = Math.min(onTheLine[0]?.atMs ?? Infinity, waiting.length > 0 ? busyMs : Infinity);
		if (nextMs < Infinity) timer = setTimeout(run, Math.max(0, nextMs - now));
	};
	return (from: Socket, to: Socket): void => {
		from.on('data', (chunk: Buffer) => {
			const lane = waiting.find((one) => one.from === from);
			if (lane) lane.bytes = Buffer.concat([lane.bytes, chunk]);
			else waiting.push({ from, to, bytes: chunk });
			if ((lane?.bytes ?? chunk).length >= BUFFER_BYTES) from.pause();
			run();
		});
	};
}

/** A real TCP proxy on loopback before `port`. Small buffers: what waits for the line waits at its sender. */
export async function lineTo(
	port: number,
	{ roundTripMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY }: LineSettings = {},
): Promise<Line> {
	const sockets = new Set<Socket>();
	let swallowing = false;
	let rate = bytesPerSecond;
	let sent = 0;
	const [up, down] = [0, 1].map(() =>
		direction(
			roundTripMs / 2,
			() => rate,
			() => swallowing,
		),
	) as [Direction, Direction];
	const carry = (from: Socket, to: Socket, isUp: boolean): void => {
		if (isUp)
			from.on('data', (chunk: Buffer) => {
				sent += chunk.length;
			});
		(isUp ? up : down)(from, to);
		from.on('error', () => {});
		from.once('close', () => {
			sockets.delete(from);
			if (!swallowing) setTimeout(() => to.destroy(), roundTripMs / 2);
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
		throttle: (most) => {
			rate = most;
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
