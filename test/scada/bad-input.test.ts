import { readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type MqttClient } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { examples } from '../../src/protocol/examples.js';
import { encodePayload, topicOf, topics } from '../../src/protocol/topics.js';
import { eventually } from '../free-port.js';
import { hasMosquitto, listen } from '../mosquitto.js';
import { type Plant, plant } from './plant.js';

const badInput = suite('bad input to a running box');

const ROUNDS = 60;
const EACH = 200;

/** Every topic that the box hears or says, its levels filled with names of ours, with foreign ones, and with very long ones. */
function targets(): string[] {
	const long = 'x'.repeat(10_000);
	const names = ['good', 'nobody', '__proto__', '..', long];
	return Object.keys(topics).flatMap((name) =>
		names.map((station) =>
			topicOf(name as keyof typeof topics, {
				root: 'inspectord',
				box: 't',
				station,
				id: station,
				index: '0',
				role: 'engineer',
				name: 'diagnostics',
				client: station,
			}),
		),
	);
}

/** What nobody should say there; `canary` is a file that nobody should open. */
function harm(canary: string): Buffer[] {
	const long = 'n'.repeat(10_000);
	const texts = [
		'null',
		'[]',
		'{',
		'"',
		'{"station":"good"}',
		'{"station":"good","sequence":1e999}',
		'{"station":"good","sequence":-1}',
		'{"station":"good","sequence":9007199254740993}',
		'{"station":"__proto__","sequence":1}',
		'{"__proto__":{"station":"good"},"constructor":{"prototype":{"sequence":1}}}',
		`{"station":"${canary}","sequence":1}`,
		`{"station":"good","sequence":1,"file":"file://${canary}"}`,
		canary,
		`{"station":"${long}","sequence":1}`,
		`{"${long}":1}`,
		'['.repeat(100_000),
		'{"a":'.repeat(50_000),
		`{"station":"good","sequence":${'9'.repeat(10_000)}}`,
	];
	const said = [encodePayload('verdict', examples.verdict), encodePayload('boxState', examples.boxState)];
	return [
		...texts.map((text) => Buffer.from(text)),
		...said.map((bytes) => Buffer.from(bytes)),
		Buffer.from([0xff, 0xfe, 0x00, 0x80]),
		Buffer.from([0xff, 0xd8, 0xff]),
		Buffer.alloc(1_000_000, 0x5b),
	];
}

async function memoryOf(pid: number): Promise<number> {
	const status = await readFile(`/proc/${pid}/status`, 'utf8');
	return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
}

/** Thousands a second, to every target, and what has a sequence to where receipts are heard. @returns how many */
async function attack(peer: MqttClient, canary: string): Promise<number> {
	const [all, messages] = [targets(), harm(canary)];
	let sent = 0;
	for (let round = 0; round < ROUNDS; round += 1) {
		const at = performance.now();
		for (let i = 0; i < EACH; i += 1) {
			const payload = messages[(round * EACH + i) % messages.length]!;
			// Large ones once a round: the line to the broker is not what is tried here.
			if (payload.length > 10_000 && i >= messages.length) continue;
			const topic = all[(round * 7 + i) % all.length]!;
			peer.publish(i % 2 === 0 ? 'inspectord/t/ack' : topic, payload, {
				qos: i % 3 === 0 ? 1 : 0,
				retain: i % 5 === 0,
			});
			sent += 1;
		}
		for (let i = 0; i < EACH; i += 1, sent += 1)
			peer.publish('inspectord/t/ack', `{"station":"good","sequence":${1e9 + round * EACH + i}}`);
		await new Promise((resolve) => setTimeout(resolve, Math.max(10, 100 - (performance.now() - at))));
	}
	return sent;
}

for (const version of ['5', '3.1.1']) {
	badInput(`verdicts keep coming, memory stays, and no file is read (MQTT ${version})`, async () => {
		if (!hasMosquitto()) return;
		await using line: Plant = await plant([], `, receipts: true, version: "${version}"`);
		const canary = join(line.path, 'canary');
		await writeFile(canary, 'x');
		await utimes(canary, new Date(0), new Date(0));
		await using subscriber = await listen(line.broker.url, 'inspectord/t/good/verdict');
		const peer = connect(line.broker.url, { protocolVersion: 5 });
		peer.on('error', () => {});
		const sequences = () =>
			subscriber.heard.flatMap(({ payload }) => {
				const sequence = /^\{"schema":1,"id":"[0-9a-f]{12}-\d+","box":"t".*?"sequence":(\d+)/.exec(
					payload.toString(),
				)?.[1];
				return sequence === undefined ? [] : [Number(sequence)];
			});
		const box = line.box();
		await eventually('it inspects', () => sequences().length > 40);
		const { pid } = box.child;
		const before = await memoryOf(pid!);
		const from = Math.max(...sequences());
		assert.ok((await attack(peer, canary)) > 10_000);
		const last = Math.max(...sequences());
		assert.ok(last > from, 'verdicts come meanwhile');
		await eventually('verdicts come afterwards', () => Math.max(...sequences()) > last + 40);
		const after = await memoryOf(pid!);
		assert.is(box.child.exitCode, null, box.err());
		const numbers = [...new Set(sequences())].sort((a, b) => a - b);
		assert.equal(
			numbers,
			numbers.map((_, i) => numbers[0]! + i),
			'no number is missing',
		);
		assert.ok(after < before + 100, `${before} MB before, ${after} MB after`);
		assert.is((await stat(canary)).atimeMs, 0, 'nobody has read the file');
		assert.not.match(box.err(), /\berror: (?!bad|good)/);
		await peer.endAsync(true);
	});
}

badInput.run();
