import { join } from 'node:path';
import { connect, type IPublishPacket } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Config, configSchema } from '../../src/config/schema.js';
import { type BrokerService, openBroker } from '../../src/daemon/broker.js';
import { createRecorder, type Recorder } from '../../src/daemon/record.js';
import type { Verdict, VerdictMessage } from '../../src/protocol/verdict.js';
import { type StationVerdict, unjudged, unknownClock } from '../../src/protocol/verdict.js';
import type { Journal } from '../../src/sqlite/journal.js';
import { eventually, freePort } from '../free-port.js';
import { type Heard, hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { origin } from '../origin.js';
import { program } from '../program.js';
import { journalIn } from '../sqlite/journals.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { breaches } from '../wire.js';

const brokers = suite('what the broker hears of the journal');

const jpeg = (i: number) => Buffer.concat([Buffer.from([0xff, 0xd8]), Buffer.alloc(3000, i)]);

/** The i-th verdict of a station: each fifth is a reject with a picture. */
function judged(station: string, i: number): { readonly verdict: StationVerdict; readonly jpegs: Buffer[] } {
	const part = {
		runSequence: i,
		frame: `${i}.png`,
		part: null,
		trigger: null,
		taken: { wallMs: Date.now(), monotonicMs: i },
	};
	const verdict: Verdict = i % 5 === 0 ? 'reject' : 'accept';
	const jpegs = verdict === 'reject' ? [jpeg(i)] : [];
	const box = { x: 1, y: 2, width: 3, height: 4 };
	const heatmaps = jpegs.map(({ length }) => ({ box, peak: 1, bytes: length, sha256: '0'.repeat(64) }));
	return {
		verdict: { ...unjudged({ ...origin, station }, part), verdict, score: i / 1000, heatmaps },
		jpegs,
	};
}

type Box = AsyncDisposable & {
	readonly journal: Journal;
	readonly record: Recorder;
	readonly lines: string[];
	readonly broker: BrokerService;
	tell(from: number, to: number, station?: string): Promise<void>;
};

/** A box `t` without stations: its journal in `folder`, and what it says to the broker at `url`. */
async function boxIn(
	folder: string,
	url: string,
	more: Readonly<Record<string, unknown>> = {},
): Promise<Box> {
	const lines: string[] = [];
	const journal = await journalIn(join(folder, 'journal'), {}, lines);
	const log = (level: string, about: string, message: string) => lines.push(`${level} ${about} ${message}`);
	const now = () => performance.now();
	const record = createRecorder({ journal, secrets: [], clock: () => unknownClock, now, log });
	await record.settleOwed();
	const { mqtt }: Config = configSchema.parse({
		box: 't',
		mqtt: { url, ...more },
		stations: { s: { camera: { source: '0' }, recipe: 'r' } },
		recipes: { r: { model: 'm' } },
	});
	const settings = { box: 't', mqtt, stations: ['s'] };
	const broker = await openBroker(settings, {
		folder: join(folder, 'journal'),
		version: '0',
		env: {},
		log,
		journal,
		record,
		conceal: () => {},
	});
	return {
		journal,
		record,
		lines,
		broker,
		tell: async (from, to, station = 's') => {
			const told: Promise<unknown>[] = [];
			for (let i = from; i <= to; i += 1) {
				const { verdict, jpegs } = judged(station, i);
				told.push(record.verdict(verdict, jpegs));
			}
			await Promise.all(told);
		},
		[Symbol.asyncDispose]: async () => {
			await broker[Symbol.asyncDispose]();
			await journal[Symbol.asyncDispose]();
		},
	};
}

const verdictsOf = (heard: readonly Heard[]) =>
	heard
		.filter(({ topic }) => topic.endsWith('/verdict'))
		.map(({ payload }) => JSON.parse(payload.toString()) as VerdictMessage);
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
const sequences = (heard: readonly Heard[]) => verdictsOf(heard).map(({ sequence }) => sequence);
const distinct = (numbers: readonly number[]) => [...new Set(numbers)].sort((a, b) => a - b);

brokers('every verdict, numbered without a hole, and its pictures by their topics', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	await using mosquitto = await startMosquitto(await freePort(), folder.path);
	await using subscriber = await listen(mosquitto.url);
	await using box = await boxIn(folder.path, mosquitto.url);
	await box.tell(1, 40);
	await box.tell(1, 10, 'other');
	await eventually('all verdicts arrive', () => verdictsOf(subscriber.heard).length === 50);
	const pictures = () => subscriber.heard.filter(({ topic }) => topic.includes('/heatmap/'));
	await eventually('all pictures arrive', () => pictures().length === 10);
	const ofS = verdictsOf(subscriber.heard).filter(({ station }) => station === 's');
	assert.equal(
		ofS.map(({ sequence }) => sequence),
		upTo(40),
	);
	for (const { id, late, verdict, heatmaps, score, frame, latency } of ofS) {
		assert.is(late, false);
		assert.is(id.slice(0, 13), `${box.journal.series}-`);
		assert.ok(latency.recordMs !== null && latency.publishMs !== null);
		const i = Math.round(score! * 1000);
		assert.is(frame, `${i}.png`);
		assert.is(verdict, i % 5 === 0 ? 'reject' : 'accept');
		for (const { topic } of heatmaps) {
			const picture = pictures().find((one) => one.topic === topic);
			assert.equal(picture?.payload, jpeg(i));
		}
	}
	await eventually('nothing waits', () => box.broker.backlog.verdicts === 0);
	assert.equal(breaches(subscriber.heard), []);
});

brokers('what was recorded without a broker, by a box that was there before, is said late', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const port = await freePort();
	const url = `mqtt://127.0.0.1:${port}`;
	{
		await using before = await boxIn(folder.path, url);
		await before.tell(1, 300);
		assert.is(before.broker.backlog.verdicts, 300);
	}
	await using mosquitto = await startMosquitto(port, folder.path);
	await using subscriber = await listen(mosquitto.url);
	{
		await using after = await boxIn(folder.path, url);
		assert.is(after.broker.backlog.verdicts, 300);
		await after.tell(301, 310);
		await eventually('all arrive', () => distinct(sequences(subscriber.heard)).length === 310);
		await eventually('all pictures arrive', () =>
			subscriber.heard.some(({ topic }) => topic.includes(`/heatmap/${after.journal.series}-310/`)),
		);
	}
	assert.equal(distinct(sequences(subscriber.heard)), upTo(310));
	for (const { sequence, late } of verdictsOf(subscriber.heard)) assert.is(late, sequence <= 300);
	assert.equal(breaches(subscriber.heard), []);
	await using last = await boxIn(folder.path, url);
	assert.is(last.broker.backlog.verdicts, 0);
});

brokers(
	'with receipts a verdict is settled when somebody has it, and nothing that is sent there does harm',
	async () => {
		if (!hasMosquitto()) return;
		await using folder = await temporaryFolder();
		await using mosquitto = await startMosquitto(await freePort(), folder.path);
		await using subscriber = await listen(mosquitto.url);
		const peer = connect(mosquitto.url);
		const ack = 'inspectord/t/ack';
		{
			await using box = await boxIn(folder.path, mosquitto.url, { receipts: true });
			await box.tell(1, 5);
			await eventually('all arrive', () => sequences(subscriber.heard).length === 5);
			const harm = [
				'',
				'null',
				'[]',
				'{',
				'{"station":"s"}',
				'{"station":"s","sequence":"1"}',
				'{"station":"s","sequence":1e999}',
				'{"station":"__proto__","sequence":1}',
				'{"station":"s","sequence":1,"more":1}',
				'['.repeat(100_000),
				`{"station":"${'s'.repeat(10_000)}","sequence":1}`,
				Buffer.from([0xff, 0xfe, 0x00, 0x80]),
				Buffer.alloc(1_000_000, 0x5b),
			];
			for (const payload of harm) await peer.publishAsync(ack, payload, { qos: 1 });
			await peer.publishAsync(ack, '{"station":"s","sequence":5}', { qos: 1, retain: true });
			for (const sequence of [2, 4, 4])
				await peer.publishAsync(ack, JSON.stringify({ station: 's', sequence }), { qos: 1 });
			await eventually('two are settled', () => box.broker.backlog.verdicts <= 3);
			await new Promise((resolve) => setTimeout(resolve, 200));
			assert.is(box.broker.backlog.verdicts, 2);
		}
		await peer.publishAsync(ack, '', { qos: 1, retain: true });
		subscriber.heard.length = 0;
		await using box = await boxIn(folder.path, mosquitto.url, { receipts: true });
		await eventually('the others come again', () => sequences(subscriber.heard).length === 2);
		assert.equal(sequences(subscriber.heard), [1, 3]);
		assert.ok(box.broker.connected);
		await peer.endAsync();
	},
);

brokers('what it refuses for good is a dead letter, and the next ones go on', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	await using mosquitto = await startMosquitto(await freePort(), folder.path, ['max_packet_size 2000']);
	await using subscriber = await listen(mosquitto.url);
	await using box = await boxIn(folder.path, mosquitto.url);
	await box.tell(1, 4);
	await box.record.verdict({ ...judged('s', 5).verdict, frame: 'x'.repeat(3000) }, [jpeg(5)]);
	await box.tell(6, 9);
	await eventually('the others arrive', () => distinct(sequences(subscriber.heard)).length === 8);
	assert.equal(distinct(sequences(subscriber.heard)), [1, 2, 3, 4, 6, 7, 8, 9]);
	const letters = await box.journal.deadLetters();
	assert.is(letters.length, 1);
	assert.match(letters[0]!.reason, /too large/);
	const gap = await eventually('the gap is told', () =>
		subscriber.heard.find(({ topic }) => topic === 'inspectord/t/s/gap'),
	);
	const { from, to, reason } = JSON.parse(gap.payload.toString());
	assert.equal({ from, to, reason }, { from: 5, to: 5, reason: 'refused' });
	await eventually('the state tells', () =>
		subscriber.heard.some(
			({ topic, payload }) =>
				topic === 'inspectord/t/state' && /"dropped":\{"verdicts":1,"heatmaps":1/.test(payload.toString()),
		),
	);
});

brokers('dead letters are sent again when somebody wishes it, and the broker takes them now', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const port = await freePort();
	const strict = await startMosquitto(port, folder.path, ['max_packet_size 2000']);
	await using subscriber = await listen(strict.url);
	await using box = await boxIn(folder.path, strict.url);
	await box.tell(1, 2);
	for (const i of [3, 4])
		await box.record.verdict({ ...judged('s', i).verdict, frame: 'x'.repeat(3000) }, []);
	await box.tell(5, 5);
	await eventually('two are refused', async () => (await box.journal.deadLetters()).length === 2);
	const journal = join(folder.path, 'journal');
	const listed = await program('letters', '--state', journal, '--json');
	const told = listed.out
		.trim()
		.split('\n')
		.map((line) => JSON.parse(line) as { readonly sequence: number; readonly reason: string });
	assert.equal(
		told.map(({ sequence }) => sequence),
		[3, 4],
	);
	assert.match(told[0]!.reason, /too large/);
	await strict.kill('SIGTERM');
	await using _generous = await startMosquitto(port, folder.path);
	const again = await program('letters', '--state', journal, '--again');
	assert.match(again.err, /2 will be sent again/);
	await eventually('they arrive', () => distinct(sequences(subscriber.heard)).length === 5, 60_000);
	assert.ok(verdictsOf(subscriber.heard).some(({ sequence, late }) => sequence === 3 && late));
	await eventually('nothing waits', () => box.broker.backlog.verdicts === 0);
	assert.equal(await box.journal.deadLetters(), []);
	assert.match((await program('letters', '--state', journal)).err, /refused nothing/);
});

brokers('properties of MQTT 5: what it is, whose, and for how long a broker keeps it', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	await using mosquitto = await startMosquitto(await freePort(), folder.path);
	const client = connect(mosquitto.url, { protocolVersion: 5 });
	await using _client = { [Symbol.asyncDispose]: () => client.endAsync(true) };
	const heard: IPublishPacket[] = [];
	client.on('message', (_topic, _payload, packet) => heard.push(packet));
	await client.subscribeAsync('inspectord/t/#', { qos: 1 });
	for (const expiryS of [604_800, 0]) {
		await using box = await boxIn(join(folder.path, `${expiryS}`), mosquitto.url, { expiryS });
		await box.tell(5, 5);
		for (const [kind, contentType] of [
			['verdict', 'application/json'],
			['heatmap', 'image/jpeg'],
		] as const) {
			const { properties } = await eventually(`a ${kind} arrives`, () =>
				heard.find(({ topic }) => topic.includes(`/${kind}`)),
			);
			assert.is(properties?.contentType, contentType);
			assert.equal(Object.keys(properties?.userProperties ?? {}), ['id', 'sequence']);
			assert.is((properties?.messageExpiryInterval ?? 0) > 604_000, expiryS > 0);
		}
		// What is true until it is said anew does not expire.
		const state = heard.find(({ topic }) => topic === 'inspectord/t/state');
		assert.is(state?.properties?.messageExpiryInterval, undefined);
		heard.length = 0;
	}
});

brokers.run();
