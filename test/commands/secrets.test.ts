import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LEVELS, LOG_EVENTS } from '../../src/base/log.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { program, start } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const secrets = suite('a password in a configuration');

/** Every kind of source that can hold one, as far as a configuration takes it. */
const cameras = {
	rtsp: 'rtsp://operator:geheim7@127.0.0.1:1/stream',
	encoded: 'rtsp://operator:geheim7%23geheim7@127.0.0.1:1/stream',
	query: 'http://127.0.0.1:1/snap.jpg?user=operator&password=geheim7',
	pipeline:
		'gstreamer: rtspsrc location=rtsp://operator:geheim7@127.0.0.1:1/ user-id=operator user-pw=\\"geheim7\\" ! decodebin ! videoconvert ! appsink',
	broken: 'gstreamer: nosuchelement user-pw=geheim7 ! appsink',
	film: '/nowhere/film.mp4?password=geheim7',
	pictures: 'file:///nowhere/operator:geheim7@pictures',
};

const configuration = (broker: string, stations: Readonly<Record<string, string>>) =>
	`box: t\nmqtt: { url: "${broker}" }\nstations:\n${Object.entries(stations)
		.map(([name, source]) => `  ${name}: { camera: { source: "${source}", timeoutMs: 1000 }, recipe: r }`)
		.join('\n')}\nrecipes:\n  r: { model: bundle }\n`;

for (const json of [[], ['--json', '--log', 'json']]) {
	secrets(`is in no verdict, state, line or log of any camera ${json}`, async () => {
		if (!hasMosquitto()) return;
		await using folder = await temporaryFolder();
		await tinyBundle(join(folder.path, 'bundle'));
		await using broker = await startMosquitto(await freePort(), folder.path);
		await using subscriber = await listen(broker.url);
		const file = join(folder.path, 'c.yaml');
		await writeFile(file, configuration(broker.url.replace('//', '//box:geheim7@'), cameras));
		await using daemon = start('run', '--config', file, ...json);
		const troubled = () =>
			new Set(
				subscriber.heard
					.filter(({ topic, payload }) => topic.endsWith('/state') && payload.includes('"error":{'))
					.map(({ topic }) => topic),
			);
		await eventually(
			'every camera is in trouble',
			() => troubled().size === Object.keys(cameras).length,
			120_000,
		);
		daemon.child.kill('SIGTERM');
		const { out, err } = await daemon.ended;
		assert.match(err, /connected to/);
		for (const { topic, payload } of subscriber.heard) assert.not.match(`${topic} ${payload}`, /geheim/);
		assert.not.match(out + err, /geheim/);
		assert.match(err, /operator:\*\*\*@127\.0\.0\.1:1/);
		if (json.length === 0) return;
		for (const line of err.trim().split('\n')) {
			const { at, level, event, about, message } = JSON.parse(line) as Record<string, string>;
			assert.ok(event! in LOG_EVENTS && Date.parse(at!) > 0 && about && message, line);
			assert.ok(
				LEVELS.some((one) => one === level),
				line,
			);
		}
	});

	secrets(`is in nothing that check says ${json.slice(0, 1)}`, async () => {
		await using folder = await temporaryFolder();
		await tinyBundle(join(folder.path, 'bundle'));
		const file = join(folder.path, 'c.yaml');
		await writeFile(file, configuration('mqtt://box:geheim7@127.0.0.1:1', cameras));
		const { out, err } = await program('check', '--config', file, ...json.slice(0, 1));
		assert.match(out, /pipeline/);
		assert.not.match(out + err, /geheim/);
	});
}

secrets('is not shown where a camera works', async () => {
	await using folder = await temporaryFolder();
	await mkdir(join(folder.path, 'bundle'));
	const file = join(folder.path, 'c.yaml');
	await writeFile(
		file,
		configuration('mqtt://127.0.0.1:1', {
			s: 'gstreamer: videotestsrc num-buffers=30 name=geheimnis ! video/x-raw,width=64,height=64 ! videoconvert ! video/x-raw,format=BGR ! identity name=password=geheim7 ! appsink',
		}),
	);
	const { out, err } = await program('check', '--config', file);
	assert.not.match(out + err, /geheim7/);
});

const broken: readonly string[] = [
	'mqtt://box:geheim7#01@127.0.0.1:1883',
	'mqtt://box:50%geheim7@127.0.0.1:1883',
	'mqtt://box:geheim7@127.0.0.1:99999',
	'mqtt://box:ge heim7@127.0.0.1:1883',
	'mqtt:box:geheim7@127.0.0.1',
	'box:geheim7@127.0.0.1',
	'http://box:geheim7@127.0.0.1',
];
for (const address of broken) {
	secrets(`is not shown when the broker's address is ${address}`, async () => {
		await using folder = await temporaryFolder();
		const file = join(folder.path, 'c.yaml');
		await writeFile(file, configuration(address, { s: 'sim:' }));
		for (const command of ['check', 'run']) {
			const { code, out, err } = await program(command, '--config', file);
			assert.is(code, 1, err);
			assert.not.match(out + err, /geheim|heim7/);
		}
	});
}

for (const source of [
	'rtsp://op:geheim7#1@:h/s',
	'rtsp://op:ge heim7@[',
	'ftp://op:geheim7@h',
	'gstreamer: rtspsrc user-pw=geheim7',
	'sim:?password=geheim7',
]) {
	secrets(`is not shown when the camera's address is ${source}`, async () => {
		await using folder = await temporaryFolder();
		const file = join(folder.path, 'c.yaml');
		await writeFile(file, configuration('mqtt://127.0.0.1:1', { s: source }));
		const { code, out, err } = await program('check', '--config', file);
		assert.is(code, 1);
		assert.not.match(out + err, /geheim|heim7/);
	});
}

secrets.run();
