import { createServer, type ServerResponse } from 'node:http';
import { encodeJpeg } from '../../src/opencv/picture.js';
import { clockPicture, machineMs } from './clock.js';

/**
 * A camera that speaks MJPEG over HTTP, as cheap network cameras do, in a process of its own because opening a camera blocks
 * the thread of the one that opens. Told { jpegs, fps } first (without pictures it shows a clock, of so many rows), then 'stall' or 'hang up'.
 */
type Show = { readonly jpegs: readonly Uint8Array[]; readonly fps: number; readonly rows?: number };

const clients = new Set<ServerResponse>();
let stalled = false;

function hangUp(): void {
	for (const client of clients) client.destroy();
}

function serve({ jpegs, fps, rows }: Show): void {
	let index = 0;
	const server = createServer((_, response) => {
		response.writeHead(200, { 'Content-Type': 'multipart/x-mixed-replace; boundary=frame' });
		clients.add(response);
		response.on('close', () => clients.delete(response));
	});
	setInterval(() => {
		const jpeg = jpegs[index++ % jpegs.length] ?? encodeJpeg(clockPicture(machineMs(), rows), 90);
		if (stalled) return;
		for (const client of clients) {
			client.write(`--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${jpeg.length}\r\n\r\n`);
			client.write(jpeg);
			client.write('\r\n');
		}
	}, 1000 / fps);
	server.listen(0, '127.0.0.1', () => process.send?.((server.address() as { port: number }).port));
}

process.on('message', (message: Show | 'stall' | 'hang up') => {
	if (message === 'stall') stalled = true;
	else if (message === 'hang up') hangUp();
	else serve(message);
});
process.on('disconnect', () => process.exit());
