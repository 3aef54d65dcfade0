import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { symlink } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { openCamera } from '../../src/opencv/camera.js';
import { deviceFault } from '../../src/opencv/cameras/device.js';
import { rtspFault } from '../../src/opencv/cameras/rtsp.js';
import { encodeJpeg } from '../../src/opencv/picture.js';
import type { Camera } from '../../src/vision/frame.js';
import { parseSource } from '../../src/vision/source.js';
import { asPerformance, clockIn, clockPicture, machineMs } from '../cameras/clock.js';
import { hasRtspServer, startRtspServer } from '../cameras/rtsp-server.js';
import { freePort } from '../free-port.js';
import { temporaryFolder } from '../tiny-bundle.js';

const reasons = suite('a camera that does not open');
const snapshots = suite('a camera of snapshots');

const open = (source: string, timeoutMs = 5000, latencyMs = 0): Promise<Camera> =>
	openCamera(parseSource(source), {
		timeoutMs,
		latencyMs,
		mostLagMs: 1000,
		loop: false,
		listImages: async () => [],
	});

async function failureOf(work: Promise<unknown>): Promise<Failure> {
	const thrown = await work.then(
		() => undefined,
		(failure: unknown) => failure,
	);
	assert.instance(thrown, Failure);
	return thrown as Failure;
}

type Listening = AsyncDisposable & { readonly host: string };

async function listening(server: Server): Promise<Listening> {
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	return {
		host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
		[Symbol.asyncDispose]: async () => {
			server.close();
		},
	};
}

const http = (answer: RequestListener): Promise<Listening> =>
	listening(
		createServer((request, response) => {
			response.setHeader('connection', 'close');
			answer(request, response);
		}),
	);

const statuses: readonly (readonly [status: number, state: RegExp])[] = [
	[204, /has no picture to give/],
	[302, /answers with status 302/],
	[401, /does not accept the user or the password/],
	[403, /forbids/],
	[404, /knows no such address/],
	[410, /knows no such address/],
	[429, /no room for another viewer/],
	[500, /a fault of its own/],
	[503, /is busy/],
	[418, /answers with status 418/],
];

for (const [status, state] of statuses) {
	for (const kind of ['', 'snapshot: ']) {
		reasons(`says what ${status} means (${kind || 'stream'})`, async () => {
			await using server = await http((_, response) => response.writeHead(status).end());
			const { code, message, advice } = await failureOf(open(`${kind}http://me:geheim7@${server.host}/x`));
			assert.is(code, 'camera-unavailable');
			assert.match(message, state);
			assert.not.match(message, /geheim7/);
			assert.ok(advice);
		});
	}
}

reasons('says that a user and a password are wanted', async () => {
	await using server = await http((_, response) =>
		response.writeHead(401, { 'www-authenticate': 'Digest realm="x", nonce="1", qop="auth"' }).end(),
	);
	const { message, advice } = await failureOf(open(`http://${server.host}/x`));
	assert.match(message, /wants a user and a password/);
	assert.match(advice!, /before the host of the address/);
});

reasons('says that an address shows a page', async () => {
	await using server = await http((_, response) =>
		response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>log in</html>'),
	);
	assert.match((await failureOf(open(`http://${server.host}/`))).message, /a page \(text\/html\)/);
	assert.match((await failureOf(open(`snapshot: http://${server.host}/`))).message, /not with a picture/);
});

reasons('says what is wrong on the way', async () => {
	await using silent = await listening(createTcpServer(() => {}));
	await using other = await listening(createTcpServer((socket) => socket.end('SSH-2.0-x\r\n')));
	await using plain = await http((_, response) => response.end());
	const closed = `127.0.0.1:${await freePort()}`;
	const cases: readonly (readonly [source: string, state: RegExp])[] = [
		[`http://${closed}/`, /connection refused/],
		['http://no-such-camera.invalid/', /host is unknown/],
		[`http://${silent.host}/`, /no answer within 300 ms/],
		[`http://${other.host}/`, /not HTTP|hung up/],
		[`snapshot: https://${plain.host}/`, /does not speak TLS/],
	];
	for (const [source, state] of cases)
		assert.match((await failureOf(open(source, 300))).message, state, source);
});

/** A camera that speaks RTSP as far as its refusal. */
const rtsp = (answer: (request: string) => string): Promise<Listening> =>
	listening(createTcpServer((socket) => socket.on('data', (data) => socket.write(answer(data.toString())))));

reasons('says what an RTSP camera answers', async () => {
	for (const [status, state] of [
		...statuses.filter(([status]) => status < 500),
		[453, /no room/],
		[454, /no such session/],
	] as const) {
		await using server = await rtsp(() => `RTSP/1.0 ${status} x\r\nCSeq: 1\r\n\r\n`);
		const failure = await rtspFault(`rtsp://me:geheim7@${server.host}/x`);
		assert.match(failure!.message, state);
		assert.not.match(failure!.message, /geheim7/);
	}
	await using http = await rtsp(() => 'HTTP/1.1 400 Bad Request\r\n\r\n');
	assert.match((await rtspFault(`rtsp://${http.host}/x`))!.message, /answers is not|not HTTP/);
	assert.match((await rtspFault(`rtsp://127.0.0.1:${await freePort()}/x`))!.message, /connection refused/);
	const sdp = 'v=0\r\nm=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n';
	await using sound = await rtsp(
		() => `RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: ${sdp.length}\r\n\r\n${sdp}`,
	);
	assert.match((await rtspFault(`rtsp://${sound.host}/x`))!.message, /sends no video/);
});

reasons('gives up an RTSP camera that talks without end, or too slowly', async () => {
	for (const [head, more, everyMs] of [
		['RTSP/1.0 200 OK\r\n', 'X-Word: word\r\n', 100],
		['RTSP/1.0 200 OK\r\nContent-Length: 1000000000\r\n\r\n', 'x'.repeat(50_000), 10],
	] as const) {
		await using server = await listening(
			createTcpServer((socket) => {
				socket.write(head);
				const timer = setInterval(() => socket.write(more), everyMs);
				socket.on('close', () => clearInterval(timer)).on('error', () => {});
			}),
		);
		const told = rtspFault(`rtsp://${server.host}/x`);
		const late = new Promise<undefined>((resolve) => setTimeout(resolve, 30_000, undefined).unref());
		assert.match((await Promise.race([told, late]))?.message ?? 'nothing', /no answer|is not/);
	}
});

reasons('says what is no camera, no folder and no file', async () => {
	await using folder = await temporaryFolder();
	const link = join(folder.path, 'usb-camera');
	await symlink('/dev/null', link);
	assert.match((await failureOf(open(link))).message, /usb-camera": it is no camera/);
	const socket = join(folder.path, 'socket');
	const server = createTcpServer().listen(socket);
	await once(server, 'listening');
	assert.match((await failureOf(open(socket))).message, /socket": it is neither a folder nor a file/);
	server.close();
});

const devices: readonly (readonly [code: string, state: RegExp, advice: RegExp])[] = [
	['ENOENT', /unplugged, or has another name/, /by-id/],
	['EACCES', /this user may not open it/, /group "video"/],
	['EPERM', /this user may not open it/, /group "video"/],
	['EBUSY', /it is busy/, /Stop the program/],
	['ENODEV', /its camera is gone/, /Plug the camera in again/],
	['ENXIO', /its camera is gone/, /Plug the camera in again/],
	['EIO', /does not answer/, /supply/],
	['ENOSPC', /no bandwidth left/, /another controller/],
	['EFAULT', /what the system says/, /cable/],
];

// No device of Video4Linux is here: what the system would say is given.
for (const [code, state, advice] of devices) {
	reasons(`says what ${code} of a device means`, () => {
		const error = Object.assign(new Error('what the system says'), { code });
		const failure = deviceFault('/dev/video7', error);
		assert.is(failure.code, 'camera-unavailable');
		assert.match(failure.message, /^Cannot open camera "\/dev\/video7": /);
		assert.match(failure.message, state);
		assert.match(failure.advice!, advice);
	});
}

reasons('says that a camera known by a name that stays is unplugged', async () => {
	const name = '/dev/v4l/by-id/usb-nobody-video-index0';
	assert.match((await failureOf(open(name))).message, /index0": there is no such device: it is unplugged/);
});

reasons('says that a real RTSP server knows no such path', async () => {
	if (!hasRtspServer()) return;
	await using server = await startRtspServer(await freePort());
	const { message } = await failureOf(open(`${server.url}-of-nobody`));
	assert.match(message, /knows no such address \(404\)/);
});

const md5 = (text: string) => createHash('md5').update(text).digest('hex');

/** A camera that wants "me" and "p@ss w:rd" before it shows its clock. */
function guarded(scheme: 'Basic' | 'Digest'): RequestListener {
	let nonce = 0;
	return (request, response) => {
		const given = request.headers.authorization ?? '';
		const told = (name: string) => new RegExp(`\\b${name}="?([^",]+)`).exec(given)?.[1] ?? '';
		const right =
			scheme === 'Basic'
				? given === `Basic ${Buffer.from('me:p@ss w:rd').toString('base64')}`
				: told('nonce') === `n${nonce}` &&
					told('response') ===
						md5(
							[
								md5('me:a camera:p@ss w:rd'),
								`n${nonce}`,
								told('nc'),
								told('cnonce'),
								'auth',
								md5(`GET:${request.url}`),
							].join(':'),
						);
		if (!right) {
			nonce += 1;
			const digest = `Digest realm="a camera", nonce="n${nonce}", qop="auth,auth-int", algorithm=MD5`;
			const challenge = scheme === 'Basic' ? 'Basic realm="a camera"' : digest;
			response.writeHead(401, { 'www-authenticate': challenge }).end();
			return;
		}
		// Good for once, so that a later picture meets a stale one.
		if (nonce % 2 === 1 && scheme === 'Digest') nonce += 1;
		response.writeHead(200, { 'content-type': 'image/jpeg' });
		response.end(encodeJpeg(clockPicture(machineMs()), 90));
	};
}

const { signal } = new AbortController();
const still = encodeJpeg(clockPicture(1), 90);
const jpegType = { 'content-type': 'image/jpeg' };

for (const kind of ['', 'snapshot: ']) {
	snapshots(
		`goes where it is led, and logs in there if it is the same camera (${kind || 'stream'})`,
		async () => {
			const guard = guarded('Digest');
			let status = 301;
			await using server = await http((request, response) => {
				if (request.url === '/x') response.writeHead(status, { location: '/y?a=1' }).end();
				else guard(request, response);
			});
			for (status of [301, 302, 303, 307, 308]) {
				const camera = await open(`${kind}http://me:p%40ss%20w%3Ard@${server.host}/x`);
				(await camera.read({ after: 0, signal }))!.release();
				await camera.close();
			}
		},
	);

	snapshots(
		`says where it is led in vain, and tells nobody else the password (${kind || 'stream'})`,
		async () => {
			const heard: (string | undefined)[] = [];
			await using other = await http(({ headers }, response) => {
				heard.push(headers.authorization);
				response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
			});
			let place = '';
			const basic = { 'www-authenticate': 'Basic realm="x"' };
			await using server = await http(({ headers }, response) => {
				if (!headers.authorization) response.writeHead(401, basic).end();
				else response.writeHead(302, { location: place }).end();
			});
			for (const [location, state] of [
				[`http://${other.host}/z`, /it leads to "http:\/\/127[^"]*\/z": it wants a user and a password/],
				['/x', /it leads from address to address/],
				['rtsp://me:geheim7@127.0.0.1/x', /it leads to "rtsp:[^"]*", which is no address over HTTP/],
				['http://:::/', /which is no address over HTTP/],
				[`http://127.0.0.1:${await freePort()}/`, /it leads to "[^"]*": nothing listens there/],
			] as const) {
				place = location;
				const { code, message, advice } = await failureOf(open(`${kind}http://me:geheim7@${server.host}/x`));
				assert.is(code, 'camera-unavailable');
				assert.match(message, state);
				assert.not.match(message, /geheim7/);
				assert.ok(advice);
			}
			assert.equal(heard, [undefined]);
		},
	);

	snapshots(`says which login is wanted that is not spoken (${kind || 'stream'})`, async () => {
		await using server = await http((_, response) =>
			response.writeHead(401, { 'www-authenticate': 'Negotiate, NTLM' }).end(),
		);
		const { message } = await failureOf(open(`${kind}http://me:geheim7@${server.host}/x`));
		assert.match(message, /a login of the kind "Negotiate", which is not spoken/);
	});

	snapshots(
		`takes a picture without a type, and asks again when a kept connection is closed (${kind || 'stream'})`,
		async () => {
			const answer = Buffer.concat([
				Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${still.length}\r\n\r\n`),
				still,
			]);
			await using server = await listening(
				createTcpServer((socket) => {
					let asked = 0;
					socket.on('error', () => {});
					socket.on('data', () => {
						asked += 1;
						if (asked === 1) socket.write(answer);
						else socket.destroy();
					});
				}),
			);
			const camera = await open(`${kind}http://${server.host}/x`);
			for (let i = 0; i < 3; i += 1) {
				(await camera.read({ after: 0, signal }))!.release();
				await new Promise((resolve) => setTimeout(resolve, 50));
			}
			await camera.close();
		},
	);
}

snapshots('takes a stream without a type for what it begins with', async () => {
	await using server = await http((_, response) => {
		response.writeHead(200);
		const timer = setInterval(() => {
			response.write('--frame\nContent-Type: image/jpeg\n\n');
			response.write(encodeJpeg(clockPicture(machineMs()), 90));
		}, 40);
		response.on('close', () => clearInterval(timer));
	});
	const camera = await open(`http://${server.host}/x`);
	assert.is((await camera.read({ after: 0, signal }))!.format, 'JPEG');
	await camera.close();
});

snapshots('names what comes in place of a picture, with what to do about a camera', async () => {
	let body: Uint8Array | string = still;
	await using server = await http((_, response) => response.writeHead(200, jpegType).end(body));
	const camera = await open(`snapshot: http://${server.host}/x`);
	for (const [sent, state] of [
		['', /it is empty/],
		['<html>log in</html>', /it is a web page/],
		['{"error": "busy"}', /it is JSON/],
		[still.subarray(0, still.length >> 1), /the JPEG is cut off/],
	] as const) {
		body = sent;
		const { code, message, advice } = await failureOf(camera.read({ after: 0, signal }));
		assert.is(code, 'image-unreadable');
		assert.match(message, state);
		assert.match(advice!, /Open the address in a browser/);
	}
	body = still;
	(await camera.read({ after: 0, signal }))!.release();
	await camera.close();
});

for (const scheme of ['Basic', 'Digest'] as const) {
	for (const kind of ['', 'snapshot: ']) {
		snapshots(
			`logs in (${scheme}, ${kind || 'known by its answer'}) and takes each picture after it was asked for`,
			async () => {
				await using server = await http(guarded(scheme));
				const camera = await open(`${kind}http://me:p%40ss%20w%3Ard@${server.host}/cgi?a=1`);
				for (const ms of [0, 0, 300]) {
					await new Promise((resolve) => setTimeout(resolve, ms));
					const after = performance.now() + 50;
					const frame = await camera.read({ after, signal });
					const shown = asPerformance(clockIn(frame!));
					assert.ok(shown >= after - 2, `${shown - after}`);
					assert.ok(frame!.taken.monotonicMs >= after && frame!.taken.monotonicMs <= shown + 2);
					frame!.release();
				}
				await camera.close();
			},
		);
	}
}

snapshots('counts a picture that a camera keeps for a while as so much older', async () => {
	const KEPT_MS = 400;
	let kept: { readonly jpeg: Uint8Array; readonly untilMs: number } = { jpeg: new Uint8Array(), untilMs: 0 };
	await using server = await http((_, response) => {
		const now = performance.now();
		if (now >= kept.untilMs)
			kept = { jpeg: encodeJpeg(clockPicture(machineMs()), 90), untilMs: now + KEPT_MS };
		response.writeHead(200, { 'content-type': 'image/jpeg' }).end(kept.jpeg);
	});
	const camera = await open(`snapshot: http://${server.host}/`, 5000, KEPT_MS);
	for (const ms of [0, 150, 300, 100]) {
		await new Promise((resolve) => setTimeout(resolve, ms));
		const after = performance.now();
		const frame = await camera.read({ after, signal });
		const shown = asPerformance(clockIn(frame!));
		assert.ok(shown >= after - 2, `${shown - after}`);
		assert.ok(frame!.taken.monotonicMs >= after && frame!.taken.monotonicMs <= shown + 2);
		frame!.release();
	}
	await camera.close();
});

snapshots('gives no picture that its camera has kept for long, by its own clock', async () => {
	const jpeg = encodeJpeg(clockPicture(1), 90);
	const date = new Date('2001-01-01T00:01:00Z').toUTCString();
	let modified = date;
	await using server = await http((_, response) => {
		response.writeHead(200, { 'content-type': 'image/jpeg', date, 'last-modified': modified }).end(jpeg);
	});
	const camera = await open(`snapshot: http://${server.host}/`);
	const frame = await camera.read({ after: 0, signal });
	assert.is(frame!.format, 'JPEG, 8 bits');
	frame!.release();
	modified = new Date('2001-01-01T00:00:00Z').toUTCString();
	const { code, message } = await failureOf(camera.read({ after: 0, signal }));
	assert.is(code, 'camera-silent');
	assert.match(message, /by its own time its picture is 59 s old/);
	await camera.close();
});

snapshots('says what went wrong when it is read, and lets go of who is interrupted', async () => {
	let answer: 'picture' | 'damaged' | 'nothing' = 'picture';
	const jpeg = encodeJpeg(clockPicture(1), 90);
	await using server = await http((_, response) => {
		if (answer === 'nothing') return;
		response.writeHead(200, { 'content-type': 'image/jpeg' });
		response.end(answer === 'picture' ? jpeg : jpeg.subarray(0, 200));
	});
	const camera = await open(`snapshot: http://${server.host}/`, 500);
	const read = (stop = signal) => camera.read({ after: 0, signal: stop });
	answer = 'damaged';
	assert.is((await failureOf(read())).code, 'image-unreadable');
	answer = 'nothing';
	assert.match((await failureOf(read())).message, /no picture came within 500 ms|no answer within 500 ms/);
	const stop = new AbortController();
	setTimeout(() => stop.abort('stop'), 50);
	assert.is(await read(stop.signal).catch((reason) => reason), 'stop');
	await camera.close();
});

reasons.run();
snapshots.run();
