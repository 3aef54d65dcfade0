import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { eventually, freePort } from '../free-port.js';
import { type Heard, hasMosquitto, listen, type Mosquitto, startMosquitto } from '../mosquitto.js';
import { startStrictBroker } from '../strict-broker.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { together } from '../together.js';
import { numbersOf, openLink } from './opened-link.js';

const all = suite('what a broker refuses');
const refusals = together(all);

const STATE = 'inspectord/t/state';
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);
const told = (state: string, troubles: unknown) => JSON.stringify({ state, ...(troubles as object) });

type World = AsyncDisposable & { readonly broker: Mosquitto; readonly heard: readonly Heard[] };

/** A mosquitto with such lines in its configuration, and a subscriber; `acl` is what anonymous clients may do. */
async function mosquitto(more: readonly string[], acl?: string): Promise<World> {
	const folder = await temporaryFolder();
	const lines = [...more];
	if (acl !== undefined) {
		const file = join(folder.path, 'acl');
		await writeFile(file, `${acl}\ntopic read #\n`);
		await chmod(file, 0o600);
		lines.push(`acl_file ${file}`);
	}
	const broker = await startMosquitto(await freePort(), folder.path, lines);
	const subscriber = await listen(broker.url);
	return {
		broker,
		heard: subscriber.heard,
		[Symbol.asyncDispose]: async () => {
			await subscriber[Symbol.asyncDispose]();
			await broker[Symbol.asyncDispose]();
			await folder[Symbol.asyncDispose]();
		},
	};
}

for (const version of ['5', '3.1.1'] as const) {
	refusals(
		`a picture that is too large is refused once, and every verdict arrives (${version})`,
		async () => {
			if (!hasMosquitto()) return;
			await using world = await mosquitto(['max_packet_size 3000']);
			await using box = openLink(world.broker.url, { version, payload: told });
			for (const i of upTo(8)) {
				box.verdicts([i], 600);
				box.heatmaps(1, 4000 + 10 * i);
			}
			await eventually('all verdicts arrive', () => numbersOf(world.heard).length === 8, 60_000);
			await eventually('nothing waits', () => box.outbox.length === 0, 60_000);
			assert.equal(numbersOf(world.heard), upTo(8));
			assert.equal(box.outbox.dropped, { verdicts: 0, heatmaps: 8 });
			assert.is(box.lines('refuses "inspectord/t/s/heatmap/+/+"').length, 1, box.said.join('\n'));
			assert.is(box.lines(/refuses "(?!.*heatmap)/).length, 0, box.said.join('\n'));
			assert.ok(box.lines('connected to').length <= 8, box.said.join('\n'));
			await eventually('the state tells', () =>
				world.heard.some(({ topic, payload }) => topic === STATE && payload.includes('"degraded"')),
			);
		},
	);
}

refusals('a verdict that is too large is counted and said, and the next one arrives', async () => {
	if (!hasMosquitto()) return;
	await using world = await mosquitto(['max_packet_size 2000']);
	await using box = openLink(world.broker.url);
	box.verdicts([0]);
	box.verdicts([1], 2000);
	box.verdicts([2]);
	await eventually('the others arrive', () => numbersOf(world.heard).length === 2);
	assert.equal(numbersOf(world.heard), [0, 2]);
	assert.equal(box.outbox.dropped, { verdicts: 1, heatmaps: 0 });
	assert.match(
		box.lines('refuses').join('\n'),
		/^error mqtt .* refuses "inspectord\/t\/s\/verdict": message too large \(0x95\), 20\d\d bytes, it takes 2000; these verdicts are lost$/,
	);
});

refusals(
	'an ACL that allows verdicts alone: one line for each kind of topic, and verdicts arrive',
	async () => {
		if (!hasMosquitto()) return;
		await using world = await mosquitto([], 'topic write inspectord/t/+/verdict');
		await using box = openLink(world.broker.url);
		box.link.retain('inspectord/t/s/state', Buffer.from('running'));
		box.verdicts([0, 1]);
		box.heatmaps(5, 100);
		box.verdicts([2]);
		await eventually('verdicts arrive', () => numbersOf(world.heard).length === 3);
		await eventually('nothing waits', () => box.outbox.length === 0);
		for (const topic of ['inspectord/t/state', 'inspectord/t/s/state', 'inspectord/t/s/heatmap/+/+'])
			assert.is(box.lines(`refuses "${topic}": not authorised (0x87)`).length, 1, box.said.join('\n'));
		assert.is(box.lines('refuses').length, 3);
		assert.equal(box.outbox.dropped, { verdicts: 0, heatmaps: 5 });
	},
);

refusals('an ACL without pictures: the state is degraded and tells it without another verdict', async () => {
	if (!hasMosquitto()) return;
	const acl = ['state', '+/state', '+/verdict'].map((topic) => `topic write inspectord/t/${topic}`);
	await using world = await mosquitto([], acl.join('\n'));
	await using box = openLink(world.broker.url, { payload: told });
	box.heatmaps(3, 100);
	const degraded = await eventually('the state tells', () =>
		world.heard.find(({ topic, payload }) => topic === STATE && payload.includes('"messages":3')),
	);
	assert.equal(JSON.parse(degraded.payload.toString()), {
		state: 'degraded',
		refused: [{ topic: 'inspectord/t/s/heatmap/+/+', reason: 'not authorised (0x87)', messages: 3 }],
		broker: world.broker.url,
		lacks: [],
	});
});

for (const version of ['5', '3.1.1'] as const) {
	refusals(`a broker without retained messages gets everything else (${version})`, async () => {
		if (!hasMosquitto()) return;
		await using world = await mosquitto(['retain_available false']);
		await using box = openLink(world.broker.url, { version, payload: told });
		box.verdicts(upTo(5));
		await eventually('verdicts arrive', () => numbersOf(world.heard).length === 5, 90_000);
		await eventually('the state tells', () =>
			world.heard.some(({ topic, payload }) => topic === STATE && payload.includes('"lacks":["retain"')),
		);
		assert.is(box.lines('keeps no retained messages').length, 1, box.said.join('\n'));
		assert.equal(box.outbox.dropped, { verdicts: 0, heatmaps: 0 });
	});
	refusals(`a broker that takes QoS 0 alone gets everything (${version})`, async () => {
		if (!hasMosquitto()) return;
		await using world = await mosquitto(['max_qos 0']);
		await using box = openLink(world.broker.url, { version });
		box.verdicts(upTo(100));
		await eventually('verdicts arrive', () => numbersOf(world.heard).length === 100, 90_000);
		await eventually('nothing waits', () => box.outbox.length === 0);
		assert.is(box.lines('takes QoS 0 at most').length, 1, box.said.join('\n'));
		assert.equal(box.outbox.dropped, { verdicts: 0, heatmaps: 0 });
	});
}

refusals('keeps to Receive Maximum', async () => {
	await using broker = await startStrictBroker({ receiveMaximum: 3, ackMs: 5 });
	await using box = openLink(broker.url);
	box.verdicts(upTo(60));
	await eventually('all arrive', () => box.outbox.length === 0);
	assert.equal(numbersOf(broker.taken), upTo(60));
	assert.is(broker.mostOpen(), 3);
	assert.is(broker.ended(), 0);
});

refusals('speaks as often as the broker wants to hear it', async () => {
	await using broker = await startStrictBroker({ serverKeepAlive: 1 });
	await using box = openLink(broker.url);
	await eventually('it is online', () => broker.retained.get(STATE) === 'online');
	await new Promise((resolve) => setTimeout(resolve, 4000));
	assert.ok(box.link.connected);
	assert.equal([broker.connects.length, broker.ended()], [1, 0]);
});

refusals('topics after which the broker ends the connection are named with its reason', async () => {
	await using broker = await startStrictBroker({
		treat: ({ topic }) => (topic.includes('heatmap') ? [0x87] : 0),
	});
	await using box = openLink(broker.url);
	for (const i of upTo(4)) {
		box.verdicts([i]);
		box.heatmaps(2, 100);
	}
	await eventually('nothing waits', () => box.outbox.length === 0);
	assert.equal(numbersOf(broker.taken), upTo(4));
	assert.equal(box.outbox.dropped, { verdicts: 0, heatmaps: 8 });
	assert.is(box.lines('refuses "inspectord/t/s/heatmap/+/+": not authorised (0x87)').length, 1);
	assert.ok(broker.connects.length <= 4, `${broker.connects.length} connections`);
});

for (const [code, what] of [
	[0x80, 'an unspecified error'],
	[0x83, 'an error of its own'],
	[0x91, 'a packet identifier in use'],
	[0x97, 'a quota'],
] as const) {
	refusals(`${what} is waited out: nothing is lost`, async () => {
		await using broker = await startStrictBroker({ treat: (_, nth) => (nth <= 8 ? code : 0) });
		await using box = openLink(broker.url);
		box.verdicts(upTo(6));
		await eventually('all arrive', () => box.outbox.length === 0);
		assert.equal([...numbersOf(broker.taken)].sort(), upTo(6));
		assert.equal(box.outbox.dropped, { verdicts: 0, heatmaps: 0 });
		assert.is(broker.connects.length, 1);
	});
}

for (const [code, what] of [
	[0x87, 'not authorised'],
	[0x90, 'topic name invalid'],
	[0x99, 'payload format invalid'],
] as const) {
	refusals(`"${what}" is final: counted, said once, and the next go on`, async () => {
		await using broker = await startStrictBroker({
			treat: ({ topic, payload }) => (topic.endsWith('verdict') && Number(payload) < 3 ? code : 0),
		});
		await using box = openLink(broker.url);
		box.verdicts(upTo(6));
		await eventually('nothing waits', () => box.outbox.length === 0);
		assert.equal(numbersOf(broker.taken), [3, 4, 5]);
		assert.equal(box.outbox.dropped, { verdicts: 3, heatmaps: 0 });
		assert.is(box.lines(`refuses "inspectord/t/s/verdict": ${what}`).length, 1, box.said.join('\n'));
	});
}

refusals('a broker that accepts and drops is asked ever less often, and nothing is given up', async () => {
	await using broker = await startStrictBroker({ spanMs: 0, silent: true });
	await using box = openLink(broker.url);
	box.verdicts(upTo(3));
	await new Promise((resolve) => setTimeout(resolve, 6000));
	const gaps = broker.connects.slice(1).map(({ atMs }, i) => atMs - broker.connects[i]!.atMs);
	assert.ok(broker.connects.length >= 2 && broker.connects.length <= 9, `${broker.connects.length}`);
	assert.ok(gaps.at(-1)! > 1000, `the last wait was ${gaps.at(-1)} ms`);
	assert.equal(box.outbox.dropped, { verdicts: 0, heatmaps: 0 });
});

for (const version of ['5', '3.1.1'] as const) {
	refusals(`two boxes with one client id are told so (${version})`, async () => {
		if (!hasMosquitto()) return;
		await using world = await mosquitto([]);
		await using one = openLink(world.broker.url, { version, clientId: 'twin' });
		await eventually('the first is connected', () => one.link.connected);
		await using other = openLink(world.broker.url, { version, clientId: 'twin' });
		const line = /Another client took .* client id "twin"|does another client use .* "twin"\?/;
		await eventually(
			'one of them says it',
			() => one.lines(line).length + other.lines(line).length > 0,
			60_000,
		);
		assert.ok(
			one.lines('connected to').length < 12 && other.lines('connected to').length < 12,
			one.said.join('\n'),
		);
	});
}

refusals('a session that was taken over is said by its reason', async () => {
	await using broker = await startStrictBroker();
	await using one = openLink(broker.url, { clientId: 'twin' });
	await eventually('the first is connected', () => one.link.connected);
	await using other = openLink(broker.url, { clientId: 'twin' });
	await eventually('it is said', () => one.lines(/^error .*Another client took .* "twin"/).length > 0);
	assert.ok(other.said.length > 0);
});

refusals('wrong credentials are said in words, and tried again with a growing wait', async () => {
	for (const [version, code, line] of [
		['5', 0x86, /no connection to broker .*: bad user name or password \(0x86\)/],
		['5', 0x8a, /no connection to broker .*: this client is banned \(0x8a\)/],
		['5', 0x89, /no connection to broker .*: too busy \(0x89\)/],
		['5', 0x9d, /no connection to broker .*: the server moved \(0x9d\)/],
		['3.1.1', 4, /no connection to broker .*: bad user name or password \(0x86\)/],
		['3.1.1', 3, /no connection to broker .*: not available \(0x88\)/],
	] as const) {
		let refusing = true;
		await using broker = await startStrictBroker({ admit: () => (refusing ? code : 0) });
		await using box = openLink(broker.url, { version, username: 'u', password: 'wrong' });
		box.verdicts([1]);
		await eventually('it says why', () => box.lines(line).length === 1);
		await eventually('it tries again', () => broker.connects.length >= 3);
		assert.is(box.lines(line).length, 1);
		refusing = false;
		await eventually('it arrives', () => numbersOf(broker.taken).length === 1);
	}
});

refusals('a last will that is not allowed is left out, and that is said', async () => {
	for (const version of ['5', '3.1.1'] as const) {
		await using broker = await startStrictBroker({
			admit: ({ will }) => (will ? (version === '5' ? 0x87 : 5) : 0),
		});
		await using box = openLink(broker.url, { version, payload: told });
		box.verdicts([1]);
		await eventually('it arrives', () => numbersOf(broker.taken).length === 1);
		assert.is(box.lines('takes no last will').length, 1);
		await eventually('the state tells', () => broker.retained.get(STATE)?.includes('"will"'));
	}
});

refusals('credentials that become right again bring the last will back', async () => {
	for (const failures of [1, 2, 3]) {
		await using broker = await startStrictBroker({
			admit: () => (broker.connects.length <= failures ? 0x87 : 0),
		});
		await using box = openLink(broker.url);
		await eventually('it is online', () => broker.retained.get(STATE) === 'online');
		assert.ok(broker.connects.at(-1)!.will, `${failures} failures`);
		assert.is(box.lines('takes no last will').length, 0);
	}
});

refusals('a broker that closes without a word gets less and an older version, until it answers', async () => {
	await using broker = await startStrictBroker({
		admit: ({ protocolVersion, will }) => (protocolVersion === 5 || will ? 'close' : 0),
	});
	await using box = openLink(broker.url);
	box.verdicts([1]);
	await eventually('it arrives', () => numbersOf(broker.taken).length === 1);
	assert.is(box.lines('does not speak MQTT 5').length, 1);
	assert.is(box.lines('takes no last will').length, 1);
});

refusals('the last word stays true when a refusal comes while it is said', async () => {
	await using broker = await startStrictBroker({
		ackMs: 30,
		treat: ({ topic }) => (topic.includes('heatmap') ? 0x87 : 0),
	});
	{
		await using box = openLink(broker.url, { payload: told });
		await eventually('it is online', () => broker.retained.get(STATE)?.includes('online'));
		box.heatmaps(20, 100);
		box.verdicts(upTo(20));
		box.link.retain('inspectord/t/s/state', Buffer.from('stopped'));
	}
	const last = JSON.parse(broker.retained.get(STATE)!) as { state: string; refused: { messages: number }[] };
	assert.is(last.state, 'offline');
	assert.is(last.refused[0]!.messages, 20);
	assert.is(broker.retained.get('inspectord/t/s/state'), 'stopped');
	assert.equal(numbersOf(broker.taken), upTo(20));
});

for (const [what, deed] of [
	['not answered', 'nothing'],
	['refused', 0x87],
	['put off', 0x97],
] as const) {
	refusals(`a last word that is ${what} is left to the will`, async () => {
		await using broker = await startStrictBroker({
			treat: ({ topic, payload }) => (topic === STATE && payload.toString() === 'offline' ? deed : 0),
		});
		{
			await using box = openLink(broker.url);
			await eventually('it is online', () => broker.retained.get(STATE) === 'online');
			assert.ok(box.link.connected);
		}
		await eventually('the will is said', () => broker.retained.get(STATE) === 'offline');
	});
}

refusals('what a lost connection held is still delivered at the end, when there is time', async () => {
	let dropped = false;
	await using broker = await startStrictBroker({
		treat: ({ topic }) => {
			if (dropped || !topic.endsWith('verdict')) return 0;
			dropped = true;
			return [0x8b];
		},
	});
	{
		await using box = openLink(broker.url);
		await eventually('it is online', () => broker.retained.get(STATE) === 'online');
		box.verdicts(upTo(5));
	}
	assert.equal(numbersOf(broker.taken), upTo(5));
	assert.is(broker.retained.get(STATE), 'offline');
});

all.run();
