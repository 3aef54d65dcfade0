import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import type { PictureUp } from '../../src/protocol/picture-messages.js';
import { createPictures } from '../../src/station/pictures.js';
import type { Camera, Frame, Wanted } from '../../src/vision/frame.js';
import { failureOf } from '../failure-of.js';
import { clock, greyFrame } from '../inspect/inspection.js';

const pictures = suite('pictures beside inspecting');

type Read = Wanted & { give(frame: Frame | undefined): void; fail(reason: unknown): void };

/** A camera whose reads the test answers, and what was said of pictures. */
async function shown(live: boolean) {
	const time = clock();
	const said: PictureUp[] = [];
	const reads: Read[] = [];
	const made = createPictures({
		send: async (message) => void said.push(message),
		encodeJpeg: () => new Uint8Array([1]),
		encodePng: async () => new Uint8Array([2]),
		now: time.now,
	});
	let released = 0;
	const camera: Camera = {
		live,
		dropped: 3,
		read: (wanted) =>
			new Promise((give, fail) => {
				reads.push({ ...wanted, give, fail });
				wanted.signal.addEventListener('abort', () => fail(wanted.signal.reason));
			}),
		close: async () => {},
	};
	const opened = await made.opened(async () => camera);
	return {
		...time,
		said,
		reads,
		pictures: made,
		camera: opened,
		frame: () => {
			time.wait(1);
			return greyFrame(undefined, time.now(), () => {
				released += 1;
			});
		},
		released: () => released,
		look: (id: number) =>
			made.ask({ kind: 'picture', id, wanted: { of: 'now', longestSide: 32, quality: 80 } }),
		settle: () => new Promise((resolve) => setImmediate(resolve)),
	};
}

const { signal } = new AbortController();

const kinds = (said: readonly PictureUp[]) => said.map(({ kind, id }) => `${kind} ${id}`);

for (const live of [true, false]) {
	pictures(`are of a frame that passes, drawn when its part is done with it (live: ${live})`, async () => {
		const { camera, reads, look, frame, said, released, wait, settle } = await shown(live);
		const reading = camera.read({ after: 0, signal });
		await settle();
		const early = frame();
		wait(1);
		look(1);
		reads[0]!.give(early);
		(await reading)!.release();
		assert.equal(said, []);
		const next = camera.read({ after: 0, signal });
		await settle();
		reads.at(-1)!.give(frame());
		const part = (await next)!;
		assert.equal(said, []);
		part.release();
		await settle();
		assert.equal(kinds(said), ['picture 1']);
		assert.is(released(), 2);
		assert.is(camera.dropped, 3);
	});
}

pictures('of a folder swallow no part: without a part there is none', async () => {
	const { camera, reads, look, said } = await shown(false);
	look(1);
	assert.is(reads.length, 0);
	await camera.close();
	assert.equal(said, [
		{ kind: 'no-picture', id: 1, code: 'camera-unavailable', message: 'the camera is not open' },
	]);
});

pictures('of a live camera that no part waits for are read for, and nobody misses the frame', async () => {
	const { camera, reads, look, frame, said, released, settle, now } = await shown(true);
	look(1);
	assert.is(reads.length, 1);
	assert.is(reads[0]!.after, now());
	reads[0]!.give(frame());
	await settle();
	assert.equal(kinds(said), ['picture 1']);
	assert.is(released(), 1);
	const part = camera.read({ after: 0, signal });
	await settle();
	reads[1]!.give(frame());
	assert.ok(await part);
});

pictures('give way at once to whoever reads for a part, and are of that frame', async () => {
	const { camera, reads, look, frame, said, released, settle, now } = await shown(true);
	look(1);
	const part = camera.read({ after: now() + 50, signal });
	await settle();
	assert.equal(
		reads.map(({ after, signal: over }) => [after, over.aborted]),
		[
			[now(), true],
			[now() + 50, false],
		],
	);
	const both = frame();
	reads[1]!.give(both);
	const got = (await part)!;
	assert.is(got.taken, both.taken);
	assert.equal([said.length, released()], [0, 0]);
	got.release();
	await settle();
	assert.equal([kinds(said), released(), reads.length], [['picture 1'], 1, 2]);
});

pictures('that fail are said to have failed, and parts are read for as ever', async () => {
	for (const [thrown, code, message] of [
		[new Failure('camera-silent', 'nothing came'), 'camera-silent', 'nothing came'],
		['OpenCV: a string', 'image-unreadable', 'OpenCV: a string'],
	] as const) {
		const { camera, reads, look, frame, said, settle } = await shown(true);
		look(1);
		reads[0]!.fail(thrown);
		await settle();
		assert.equal(said, [{ kind: 'no-picture', id: 1, code, message }]);
		const part = camera.read({ after: 0, signal });
		await settle();
		reads[1]!.give(frame());
		assert.ok(await part);
	}
});

pictures('end with their camera', async () => {
	const { camera, reads, look, said, settle } = await shown(true);
	look(1);
	await camera.close();
	await settle();
	assert.ok(reads[0]!.signal.aborted);
	assert.equal(kinds(said), ['no-picture 1']);
});

pictures('that cannot be made are no reason not to inspect', async () => {
	const { camera, reads, look, frame, said } = await shown(true);
	look(1);
	reads[0]!.give({
		...frame(),
		crop: () => {
			throw 'OpenCV: a string';
		},
	});
	const part = camera.read({ after: 0, signal });
	await new Promise((resolve) => setImmediate(resolve));
	reads[1]?.give(frame());
	(await part)!.release();
	await new Promise((resolve) => setImmediate(resolve));
	assert.equal(said, [{ kind: 'no-picture', id: 1, code: 'image-unreadable', message: 'OpenCV: a string' }]);
});

pictures('say why there is no camera', async () => {
	const said: PictureUp[] = [];
	const made = createPictures({
		send: async (message) => void said.push(message),
		encodeJpeg: () => new Uint8Array(),
		encodePng: async () => new Uint8Array(),
		now: () => 0,
	});
	const failure = await failureOf(
		made.opened(async () => {
			throw new Failure('camera-unavailable', 'it is unplugged');
		}),
	);
	assert.is(failure.message, 'it is unplugged');
	made.ask({ kind: 'picture', id: 1, wanted: { of: 'now', longestSide: 32, quality: 80 } });
	assert.equal(said, [{ kind: 'no-picture', id: 1, code: 'camera-unavailable', message: 'it is unplugged' }]);
});

pictures('of parts are those of the next ones that were judged, each one once', async () => {
	const { pictures: made, frame, said, settle } = await shown(true);
	const judge = (verdict: 'accept' | 'reject' | 'error', score: number | null) =>
		made.judged(frame(), { verdict, score });
	const ask = (id: number) => made.ask({ kind: 'picture', id, wanted: { of: 'part' } });
	judge('accept', 0.1);
	ask(1);
	ask(2);
	judge('error', null);
	judge('reject', 0.7);
	judge('accept', 0.2);
	judge('accept', 0.3);
	await settle();
	assert.equal(
		said.map((message) => (message.kind === 'picture' ? [message.id, message.picture.score] : message)),
		[
			[1, 0.7],
			[2, 0.2],
		],
	);
	assert.equal(said[0], {
		kind: 'picture',
		id: 1,
		picture: { bytes: new Uint8Array([2]), width: 64, height: 64, takenMs: 1_700_000_000_000, score: 0.7 },
	});
	for (let id = 3; id < 10; id += 1) ask(id);
	for (let i = 0; i < 9; i += 1) judge('accept', 0.4);
	await settle();
	assert.equal(kinds(said.slice(2)), ['picture 6', 'picture 7', 'picture 8', 'picture 9']);
});

pictures.run();
