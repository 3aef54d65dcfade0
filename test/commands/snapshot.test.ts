import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodePicture, encodeJpeg } from '../../src/opencv/picture.js';
import type { Result } from '../../src/protocol/requests.js';
import { drawPart } from '../../src/sim/line.js';
import { toldBy } from '../answer-of.js';
import { startMjpegServer } from '../cameras/mjpeg-server.js';
import { childrenOf } from '../children-of.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { type Line, line } from './line.js';

const snapshots = suite('a snapshot');

const NOBODY = 'mqtt: { url: "mqtt://127.0.0.1:9" }';

const take = async (here: Line, ...words: string[]) => {
	const asked = await here.ask('snapshot', ...words, '--json');
	assert.ok(asked.out !== '', asked.err);
	return JSON.parse(asked.out);
};

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

snapshots('is a file on the box without a broker, small, bounded, and no part is lost to it', async () => {
	await using here = await line(NOBODY, {
		a: 'camera: { source: pictures, loop: true }',
		b: 'camera: { source: pictures, loop: true }',
	});
	here.box();
	await here.ready();
	const { code, result, text } = await take(here, 'station=a', 'longestSide=64');
	assert.is(code, 'ok', text);
	const bytes = await readFile(result.file);
	assert.equal([hashOf(bytes), bytes.length, result.topic], [result.sha256, result.bytes, null]);
	const { width, height, release } = await decodePicture(bytes, 'x');
	release();
	assert.equal([width, height, Math.max(width, height)], [result.width, result.height, 64]);
	assert.is(dirname(result.file), join(here.path, 't-state/snapshots'));
	const folder = dirname(result.file);
	for (let i = 0; i < 25; i += 1)
		assert.is((await here.answer('snapshot', { station: 'ab'[i % 2] })).code, 'ok');
	const kept = await readdir(folder);
	assert.is(kept.length, 20);
	assert.not(kept.includes(basename(result.file)));
	// The pictures of a folder in a loop come in their order, each as a part.
	const frames = await eventually('b has gone on', async () => {
		const { events } = (await here.answer('events', { station: 'b', limit: 60 })).result as Result<'events'>;
		const seen = events.flatMap(({ body }) => (body as { readonly frame?: string }).frame ?? []);
		return seen.length > 20 && seen;
	});
	for (const [i, frame] of frames.entries())
		if (i > 0) assert.is(Number.parseInt(frame, 10), (Number.parseInt(frames[i - 1]!, 10) + 1) % 4);
});

snapshots('is refused in words: of no station, too large, of one that is taken already', async () => {
	await using here = await line(NOBODY, {
		a: 'camera: { source: "sim:?fps=0.2" }',
		b: 'camera: { source: "nowhere.mp4" }',
	});
	here.box();
	const isDown = async () =>
		JSON.stringify((await toldBy(join(here.path, 't-state'))) ?? '').includes('nowhere.mp4');
	await eventually('one is down', isDown, 60_000);
	const none = await here.ask('snapshot', 'station=aa');
	assert.is(none.code, 2);
	assert.match(none.err, /there is no station "aa", did you mean "a"\?/);
	assert.is((await here.ask('snapshot', 'station=a', 'longestSide=100000')).code, 2);
	assert.is((await here.ask('snapshot')).code, 2);
	const [first, second] = await Promise.all([take(here, 'station=a'), take(here, 'station=a')]);
	assert.equal([first.code, second.code].sort(), ['busy', 'ok']);
	const down = await take(here, 'station=b');
	assert.is(down.code, 'failed');
	assert.match(down.text, /Cannot get a picture of station "b": .*nowhere\.mp4/);
});

snapshots('stands on the broker, beside verdicts, with the hash that the answer tells', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	await using broker = await startMosquitto(await freePort(), folder.path);
	await using here = await line(`mqtt: { url: "${broker.url}" }\ncontrol: { remote: operator }`, {
		a: 'camera: { source: pictures, loop: true }',
		b: 'camera: { source: pictures, loop: true }',
	});
	await using subscriber = await listen(broker.url);
	const box = here.box();
	await here.ready();
	const said = (id: string) => {
		const found = subscriber.heard.find(
			({ topic, payload }) => topic === 'inspectord/t/answer/desk' && payload.includes(`"${id}"`),
		);
		return found && JSON.parse(found.payload.toString());
	};
	const ask = (role: string, id: string, station: string) =>
		subscriber.client.publishAsync(
			`inspectord/t/request/${role}/snapshot`,
			JSON.stringify({ id, client: 'desk', station }),
			{ qos: 1 },
		);
	await ask('operator', 'one', 'a');
	await ask('viewer', 'two', 'a');
	const { code, result, text } = await eventually('an answer', () => said('one'));
	assert.is(code, 'ok', text);
	assert.is(result.file, null);
	const picture = await eventually('it', () => subscriber.heard.find(({ topic }) => topic === result.topic));
	assert.equal([hashOf(picture.payload), picture.payload.length], [result.sha256, result.bytes]);
	assert.match(result.topic, /^inspectord\/t\/a\/snapshot\/[0-9a-f]{8}$/);
	assert.is((await eventually('a refusal', () => said('two'))).code, 'denied');

	// A station that hangs: it is said in time, and the others go on.
	const stations = await Promise.all(
		['a', 'b'].map(async (name) => {
			const { stations: told } = JSON.parse((await here.ask('diagnostics')).out);
			return told.find((one: { station: string }) => one.station === name).pid as number;
		}),
	);
	assert.equal((await childrenOf(box.child.pid!)).filter((pid) => stations.includes(pid)).length, 2);
	process.kill(stations[0]!, 'SIGSTOP');
	try {
		await ask('operator', 'three', 'a');
		await ask('operator', 'four', 'b');
		assert.is((await eventually('the other', () => said('four'))).code, 'ok');
		const hung = await eventually('the hung one', () => said('three'), 30_000);
		assert.is(hung.code, 'failed');
		assert.match(hung.text, /no frame came within 10 s/);
	} finally {
		process.kill(stations[0]!, 'SIGCONT');
	}
	await ask('operator', 'five', 'a');
	assert.is((await eventually('it again', () => said('five'))).code, 'ok');
});

snapshots('of a live camera keeps no part from its frame, and comes also while no part is due', async () => {
	const jpegs = [0, 1, 2].map((i) => encodeJpeg(drawPart(1, i, undefined, 96).image, 90));
	await using camera = await startMjpegServer(jpegs, 20);
	await using here = await line(NOBODY, { s: `camera: { source: "${camera.url}" }` }, '{ mode: request }');
	here.box();
	await here.ready();
	const idle = await here.answer('snapshot', { station: 's' });
	assert.is(idle.code, 'ok', idle.text);
	const taken: string[] = [];
	const parts = Array.from({ length: 15 }, (_, i) => `P-${i}`);
	const verdicts: unknown[] = [];
	for (const part of parts) {
		const [picture, triggered] = await Promise.all([
			here.answer('snapshot', { station: 's' }),
			here.answer('trigger', { station: 's', part, wait: true }),
		]);
		taken.push(picture.code);
		verdicts.push((triggered.result as Result<'trigger'> | null)?.verdict?.reason ?? triggered.code);
	}
	assert.equal([...new Set(taken)], ['ok']);
	assert.equal(
		verdicts.filter((reason) => reason !== 'ok'),
		[],
	);
	// Nothing was inspected but what was due.
	const { events } = (await here.answer('events', { station: 's', limit: 100 })).result as Result<'events'>;
	assert.is(events.filter(({ kind }) => kind === 'verdict').length, parts.length);
});

snapshots.run();
