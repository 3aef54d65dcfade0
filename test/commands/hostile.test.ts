import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePng } from '../../src/opencv/picture.js';
import type { Health } from '../../src/protocol/health.js';
import type { VerdictMessage } from '../../src/protocol/verdict.js';
import { drawPart } from '../../src/sim/line.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { start } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';
import { breaches } from '../wire.js';

const hostile = suite('a daemon among strangers');

const MB = 1_000_000;

/** What is no receipt, for where the box listens. */
const garbage: readonly Buffer[] = [
	'',
	'{"station":"s"',
	'{"station":"s","sequence":-1}',
	'{"station":"s","sequence":1e308}',
	'{"station":"s","sequence":1,"file":"/etc/passwd"}',
	'{"station":"__proto__","sequence":1}',
	'{"__proto__":{"station":"s"},"sequence":1}',
	'["s",1]',
	'null',
	'"'.repeat(1000),
	'['.repeat(100_000),
	'{"a":'.repeat(50_000),
	JSON.stringify({ station: 'x'.repeat(10_000), sequence: 1 }),
	JSON.stringify({ station: 's', sequence: 1, more: 'x'.repeat(5 * MB) }),
]
	.map((text) => Buffer.from(text))
	.concat([Buffer.alloc(5 * MB, 0xff), Buffer.from([0xff, 0xd8, 0x00]), Buffer.from([0xc3, 0x28])]);

hostile('inspects on and keeps its memory, whatever is sent to where it listens', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const pictures = join(folder.path, 'pictures');
	await mkdir(pictures);
	await writeFile(join(pictures, '0.png'), encodePng(drawPart(1, 0, undefined, 96).image));
	await tinyBundle(join(folder.path, 'bundle'));
	await using broker = await startMosquitto(await freePort(), folder.path);
	await using subscriber = await listen(broker.url, 'inspectord/t/#');
	const file = join(folder.path, 'line.yaml');
	await writeFile(
		file,
		`box: t\nhealth: { everyMs: 1000 }\nmqtt: { url: "${broker.url}", receipts: true }\nstations:\n  s: { camera: { source: pictures, loop: true }, recipe: r }\nrecipes:\n  r: { model: bundle, trigger: { everyMs: 50 } }\n`,
	);
	await using daemon = start('run', '--config', file);
	const own = () => subscriber.heard.filter(({ topic }) => topic !== 'inspectord/t/ack');
	const verdicts = () =>
		own()
			.filter(({ topic }) => topic.endsWith('/verdict'))
			.map(({ payload }): VerdictMessage => JSON.parse(payload.toString()));
	const health = () =>
		own()
			.filter(({ topic }) => topic.endsWith('/health'))
			.map(({ payload }): Health => JSON.parse(payload.toString()));
	const next = async (): Promise<Health> => {
		const before = health().length;
		return eventually('its health is told again', () => health()[before]);
	};
	await eventually('it inspects', () => verdicts().length > 3);
	const before = await next();
	const { client } = subscriber;
	for (let round = 0; round < 5; round += 1)
		for (const payload of garbage) await client.publishAsync('inspectord/t/ack', payload, { qos: 1 });
	for (let i = 0; i < 3000; i += 1)
		client.publish('inspectord/t/ack', `{"station":"s","sequence":${i + 1e6}}`);
	const told = verdicts().length;
	await eventually('it inspects on', () => verdicts().length > told + 10);
	const after = await next();
	await eventually(
		'its memory is as it was',
		() => health().at(-1)!.memoryBytes! < before.memoryBytes! + 60 * MB,
	);
	assert.is(after.reconnects, 0);
	assert.is(after.stations[0]!.restarts, 0);
	assert.ok(after.outbox.verdicts >= told, 'nothing was taken for a receipt');
	const receive = ({ station, sequence }: VerdictMessage) =>
		client.publish('inspectord/t/ack', JSON.stringify({ station, sequence }));
	for (const verdict of verdicts()) receive(verdict);
	client.on('message', (topic, payload) => {
		if (topic.endsWith('/verdict')) receive(JSON.parse(payload.toString()));
	});
	await eventually(
		'true receipts are heard',
		() => health().at(-1)!.outbox.verdicts < after.outbox.verdicts / 2,
	);
	assert.not.match(daemon.err(), /TypeError|RangeError|passwd/);
	daemon.child.kill('SIGTERM');
	const { code, err } = await daemon.ended;
	assert.is(code, 0, err);
	assert.equal(breaches(own()), []);
});

hostile.run();
