import { createServer, type ServerResponse } from 'node:http';
import { encodeJpeg } from '../../src/opencv/picture.js';
import { pictureFile } from '../../src/vision/formats/picture-file.js';
import { clockPicture, machineMs } from './clock.js';

/**
 * A camera that speaks MJPEG over HTTP, as cheap network cameras do, in a process of its own because opening a camera blocks
 * the thread of the one that opens. Told { jpegs, fps } first (without pictures it shows a clock, of so many rows), then what befalls it.
 * It stamps its pictures by a clock of its own, which is an hour off.
 */
type Show = { readonly jpegs: readonly Uint8Array[]; readonly fps: number; readonly rows?: number };

const OFF_MS = 3_600_000;

/** What it sends is so old, once it is late. */
const LATE_MS = 5000;

/** `drip`: a byte at a time; `freeze`: the same picture again and again; `blacken`: black ones; `garble`: pictures that are none; `resize`: of another size; `lag`: those of a while ago; `vanish`: nobody answers at its address. */
export type Fate =
	| 'stall'
	| 'drip'
	| 'hang up'
	| 'freeze'
	| 'blacken'
	| 'garble'
	| 'resize'
	| 'lag'
	| 'vanish'
	| 'go on';

const clients = new Set<ServerResponse>();
let fate: Fate = 'go on';
let become = (_: Fate): void => {};

function hangUp(): void {
	for (const client of clients) client.destroy();
}

/** A black picture of the same size, with a little noise, as a sensor has in the dark. */
function blackened(jpeg: Uint8Array): Buffer {
	const file = pictureFile(jpeg);
	if ('state' in file) throw new Error(file.state);
	const { width, height } = file.size;
	const data = Uint8Array.from({ length: width * height * 3 }, () => Math.random() * 6);
	return Buffer.from(encodeJpeg({ width, height, channels: 3, data }, 90));
}

function serve({ jpegs, fps, rows }: Show): void {
	let index = -1;
	/** What is left of the picture that drips. */
	let dripping: Buffer | undefined;
	const send = (bytes: Uint8Array | string): void => {
		for (const client of clients) client.write(bytes);
	};
	let last: Uint8Array = Buffer.alloc(0);
	const server = createServer(({ url }, response) => {
		if (url === '/still.jpg') {
			if (fate !== 'stall') response.writeHead(200, { 'Content-Type': 'image/jpeg' }).end(last);
			return;
		}
		response.writeHead(200, { 'Content-Type': 'multipart/x-mixed-replace; boundary=frame' });
		clients.add(response);
		response.on('close', () => clients.delete(response));
	});
	setInterval(() => {
		if (fate !== 'freeze') index += 1;
		const shown = fate === 'resize' ? undefined : jpegs[index % jpegs.length];
		const agoMs = fate === 'lag' ? LATE_MS : 0;
		const whole = shown ?? encodeJpeg(clockPicture(machineMs() - agoMs, rows), 90);
		const stamp = ((Date.now() + OFF_MS - agoMs) / 1000).toFixed(3);
		if (fate === 'stall') return;
		if (dripping) {
			const some = fate === 'drip' ? 1 : dripping.length;
			send(dripping.subarray(0, some));
			dripping = some < dripping.length ? dripping.subarray(some) : undefined;
			return;
		}
		const jpeg =
			fate === 'garble'
				? Buffer.alloc(whole.length, 0x5a)
				: fate === 'blacken'
					? blackened(whole)
					: Buffer.from(whole);
		last = jpeg;
		send(`--frame\r\nContent-Type: image/jpeg\r\nX-Timestamp: ${stamp}\r\n`);
		send(`Content-Length: ${jpeg.length}\r\n\r\n`);
		const rest = Buffer.concat([jpeg, Buffer.from('\r\n')]);
		if (fate === 'drip') dripping = rest;
		else send(rest);
	}, 1000 / fps);
	let port = 0;
	server.listen(0, '127.0.0.1', () => {
		({ port } = server.address() as { port: number });
		process.send?.(port);
	});
	become = (next) => {
		if (next === 'vanish') server.close();
		else if (fate === 'vanish') server.listen(port, '127.0.0.1');
		if (next === 'vanish' || next === 'hang up') hangUp();
		if (next !== 'hang up') fate = next;
	};
}

process.on('message', (message: Show | Fate) => {
	if (typeof message !== 'string') return serve(message);
	become(message);
	process.send?.('so it is');
});
process.on('disconnect', () => process.exit());
