import { createServer, type ServerResponse } from 'node:http';
import { encodeJpeg } from '../../src/opencv/picture.js';
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

/** `freeze`: the same picture again and again; `garble`: pictures that are none; `resize`: of another size; `lag`: those of a while ago; `vanish`: nobody answers at its address. */
export type Fate = 'stall' | 'hang up' | 'freeze' | 'garble' | 'resize' | 'lag' | 'vanish' | 'go on';

const clients = new Set<ServerResponse>();
let fate: Fate = 'go on';
let become = (_: Fate): void => {};

function hangUp(): void {
	for (const client of clients) client.destroy();
}

function serve({ jpegs, fps, rows }: Show): void {
	let index = -1;
	const server = createServer((_, response) => {
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
		const jpeg = fate === 'garble' ? Buffer.alloc(whole.length, 0x5a) : whole;
		for (const client of clients) {
			client.write(`--frame\r\nContent-Type: image/jpeg\r\nX-Timestamp: ${stamp}\r\n`);
			client.write(`Content-Length: ${jpeg.length}\r\n\r\n`);
			client.write(jpeg);
			client.write('\r\n');
		}
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
