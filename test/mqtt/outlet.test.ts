import mqttPacket from 'mqtt-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { propertiesOf } from '../../src/mqtt/connection.js';
import {
	createOutlet,
	type Limits,
	NO_LIMITS,
	type Outgoing,
	type Packet,
	type Properties,
	publishSize,
	type Refusal,
	topicFilter,
} from '../../src/mqtt/outlet.js';
import { createRetained } from '../../src/mqtt/retained.js';
import { Outbox } from './outbox.js';

const outlet = suite('the outlet');

/** What a simulated broker does with a packet: a reason code; 'end' or a code in an array ends the connection. */
type Deed = number | 'end' | readonly [code: number];
type Broker = {
	readonly version?: 4 | 5;
	readonly limits?: Partial<Limits>;
	readonly treat: (packet: Packet, world: { readonly nowMs: number; readonly taken: number }) => Deed;
	/** Ends a connection by itself after so long. */
	readonly spanMs?: () => number;
};

type Outcome = {
	readonly taken: Packet[];
	readonly refused: Refusal[];
	readonly lacking: string[];
	readonly connections: number;
	readonly sent: number;
	readonly most: number;
	readonly ms: number;
};

const verdict = (i: number, bytes = 10): Outgoing => ({
	topic: 'inspectord/t/s/verdict',
	payload: Buffer.from(`${i}`.padEnd(bytes)),
	kind: 'verdict',
});
const picture = (i: number, bytes = 100): Outgoing => ({
	topic: `inspectord/t/s/heatmap/r-${i}/0`,
	payload: Buffer.from(`${i}`.padEnd(bytes)),
	kind: 'heatmap',
});
const number = ({ message }: Packet) => Number(Buffer.from(message.payload).toString());

/**
 * Runs the real outlet against a simulated broker, in simulated time, until nothing waits. A packet is answered after 1 to 20 ms,
 * in order; what was on its way when a connection ends is not answered. Between connections lie 500 ms.
 */
function simulate(
	seed: number,
	messages: readonly Outgoing[],
	broker: Broker,
	states: readonly [topic: string, payload: string][] = [],
	limitMs = 600_000,
): Outcome {
	const random = randomFrom(seed);
	const outbox = new Outbox({ messages: 10_000, bytes: 1e9 });
	const retained = createRetained();
	const refused: Refusal[] = [];
	const lacking: string[] = [];
	const outgoing = createOutlet('inspectord', [retained, outbox], random.uniform, {
		onRefused: (refusal) => refused.push(refusal),
		onTaken: () => {},
		onLacking: (what) => lacking.push(what),
	});
	for (const message of messages) outbox.put(message);
	for (const [topic, payload] of states) retained.set(topic, Buffer.from(payload));
	const taken: Packet[] = [];
	let nowMs = 0;
	let connections = 0;
	let sent = 0;
	let most = 0;
	const waiting = () => outbox.length > 0 || !retained.settled;
	while (waiting()) {
		connections += 1;
		assert.ok(connections < 500, `seed ${seed}: ${connections} connections, ${outbox.length} wait`);
		retained.sayAgain();
		// As the link does: the state says when it was said.
		if (states[0]) retained.set(states[0][0], Buffer.from(`${states[0][1]} ${connections}`));
		outgoing.opened(broker.version ?? 5, { ...NO_LIMITS, ...broker.limits }, nowMs);
		const endMs = nowMs + (broker.spanMs?.() ?? Number.POSITIVE_INFINITY);
		const queue: { packet: Packet; atMs: number }[] = [];
		let ended: number | undefined | 'open' = 'open';
		while (ended === 'open' && waiting()) {
			assert.ok(nowMs < limitMs, `seed ${seed}: not done after ${nowMs} ms, ${outbox.length} wait`);
			let step = outgoing.next(nowMs);
			for (; step && 'send' in step; step = outgoing.next(nowMs)) {
				sent += 1;
				const last = queue.at(-1)?.atMs ?? nowMs;
				queue.push({ packet: step.send, atMs: Math.max(last, nowMs + 1 + random.below(20)) });
				most = Math.max(most, queue.length);
			}
			if (!waiting()) break;
			const answerMs = queue[0]?.atMs ?? Number.POSITIVE_INFINITY;
			const againMs = step ? nowMs + step.againInMs : Number.POSITIVE_INFINITY;
			nowMs = Math.min(answerMs, againMs, endMs);
			assert.ok(Number.isFinite(nowMs), `seed ${seed}: nothing moves and ${outbox.length} wait`);
			if (nowMs === endMs) ended = undefined;
			else if (nowMs === answerMs) {
				const { packet } = queue.shift()!;
				const deed = broker.treat(packet, { nowMs, taken: taken.length });
				if (deed === 'end') ended = undefined;
				else if (typeof deed !== 'number') ended = deed[0];
				else {
					if (deed < 128) taken.push(packet);
					outgoing.answered(packet, deed, nowMs);
				}
			}
		}
		if (ended !== 'open') outgoing.ended(ended, nowMs);
		nowMs += 500;
	}
	return { taken, refused, lacking, connections, sent, most, ms: nowMs };
}

const inOrder = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);
const distinct = (numbers: readonly number[]) => [...new Set(numbers)];

outlet('whatever messages end the connection, all others arrive in order, and connections are few', () => {
	for (let seed = 1; seed <= 200; seed += 1) {
		const random = randomFrom(seed);
		const count = 1 + random.below(120);
		const share = random.uniform() ** 2 * 0.3;
		const poisonous = new Set(
			Array.from({ length: count }, (_, i) => i).filter(() => random.uniform() < share),
		);
		const reason = ([undefined, 0x95, 0x90, 0x99, 0x81] as const)[random.below(5)];
		const bytes = 20 + random.below(3000);
		const { taken, refused, connections } = simulate(
			seed,
			Array.from({ length: count }, (_, i) => verdict(i, poisonous.has(i) ? bytes + 3000 : bytes)),
			{
				version: reason === undefined ? 4 : 5,
				treat: (packet) => (poisonous.has(number(packet)) ? (reason === undefined ? 'end' : [reason]) : 0),
			},
			[['inspectord/t/state', 'online']],
			3_600_000,
		);
		const arrived = taken.filter(({ message }) => message.kind === 'verdict').map(number);
		const good = Array.from({ length: count }, (_, i) => i).filter((i) => !poisonous.has(i));
		assert.equal(distinct(arrived), good, `seed ${seed}: ${poisonous.size} of ${count} end the connection`);
		assert.is(refused.length, poisonous.size, `seed ${seed}`);
		assert.ok(
			connections <= 2 + 4 * poisonous.size,
			`seed ${seed}: ${connections} connections for ${poisonous.size} poisonous messages`,
		);
	}
});

outlet('a topic that ends the connection as it is not authorised is given up; those beside it go on', () => {
	for (let seed = 1; seed <= 50; seed += 1) {
		const random = randomFrom(seed);
		const messages = Array.from({ length: 100 }, (_, i) => ({
			...verdict(i),
			topic: `inspectord/t/s${random.below(4)}/verdict`,
		}));
		const bad = ({ message }: Packet) => message.topic.includes('/s2/');
		const { taken, refused, connections } = simulate(seed, messages, {
			treat: (packet) => (bad(packet) ? [0x87] : 0),
		});
		const good = messages.map((_, i) => i).filter((i) => !messages[i]!.topic.includes('/s2/'));
		assert.equal(distinct(taken.map(number)), good);
		assert.is(refused.length, 100 - good.length);
		assert.ok(connections <= 6, `seed ${seed}: ${connections} connections`);
	}
});

outlet('a broker that ends connections at any time loses no message and gets none refused', () => {
	for (let seed = 1; seed <= 200; seed += 1) {
		const random = randomFrom(1000 + seed);
		const count = 1 + random.below(200);
		const longest = 30 + random.below(3000);
		const { taken, refused } = simulate(
			seed,
			Array.from({ length: count }, (_, i) => verdict(i)),
			{
				version: random.uniform() < 0.5 ? 4 : 5,
				treat: () => 0,
				// Some never last long enough for a single answer; now and then one does.
				spanMs: () => random.uniform() * longest + (random.uniform() < 0.3 ? 4000 : 0),
			},
		);
		assert.equal(refused, [], `seed ${seed}`);
		assert.equal(
			inOrder(distinct(taken.map(number))),
			Array.from({ length: count }, (_, i) => i),
		);
	}
});

for (const code of [0x80, 0x83, 0x91, 0x97, 0x96, 0xc3]) {
	outlet(`waits out 0x${code.toString(16)}, longer each time, and loses neither message nor order`, () => {
		const asked: number[] = [];
		const { taken, refused, sent } = simulate(
			code,
			Array.from({ length: 100 }, (_, i) => verdict(i)),
			{
				treat: (_, { nowMs }) => {
					if (nowMs > 60_000) return 0;
					asked.push(nowMs);
					return code;
				},
			},
		);
		assert.is(refused.length, 0);
		const arrived = taken.map(number);
		assert.is(distinct(arrived).length, 100);
		const overtaken = arrived.filter((n, i) => i > 0 && n < arrived[i - 1]!).length;
		assert.ok(overtaken <= 2, `order was lost ${overtaken} times: ${arrived.slice(0, 20)}`);
		assert.ok(sent < 100 + 64 + 40, `${sent} were sent in a minute of refusals`);
		const late = asked.slice(64);
		const waits = late.slice(1).map((at, i) => at - late[i]!);
		assert.ok(waits.at(-1)! > 2500, `the last wait was ${waits.at(-1)} ms`);
	});
}

outlet('finds how many at a time a broker bears that does not tell it', () => {
	for (const code of [undefined, 0x93] as const) {
		const outbox = new Outbox({ messages: 10_000, bytes: 1e9 });
		const refused: Refusal[] = [];
		const outgoing = createOutlet('inspectord', [outbox], () => 0, {
			onRefused: (refusal) => refused.push(refusal),
			onTaken: () => {},
			onLacking: () => {},
		});
		for (let i = 0; i < 3000; i += 1) outbox.put(verdict(i));
		let connections = 0;
		for (let nowMs = 0; outbox.length > 0; nowMs += 1000) {
			connections += 1;
			outgoing.opened(code === undefined ? 4 : 5, NO_LIMITS, nowMs);
			for (let open: Packet[] = []; open.length <= 10; ) {
				for (let step = outgoing.next(nowMs); step && 'send' in step; step = outgoing.next(nowMs))
					open.push(step.send);
				if (open.length === 0) break;
				if (open.length > 10) continue;
				for (const packet of open) outgoing.answered(packet, 0, nowMs);
				open = [];
			}
			outgoing.ended(code, nowMs);
		}
		assert.equal(refused, []);
		assert.ok(connections <= 12, `${connections} connections`);
	}
});

outlet('a verdict that was on its way when authorisation ended for the whole connection is not lost', () => {
	let ended = false;
	const { taken, refused } = simulate(1, [verdict(0)], {
		treat: () => {
			if (ended) return 0;
			ended = true;
			return [0x87];
		},
	});
	assert.equal(refused, []);
	assert.equal(taken.map(number), [0]);
});

outlet('at the end, what was put off is tried at once', () => {
	const outbox = new Outbox({ messages: 10, bytes: 1000 });
	const outgoing = createOutlet('inspectord', [outbox], () => 0, {
		onRefused: () => {},
		onTaken: () => {},
		onLacking: () => {},
	});
	outbox.put(verdict(0));
	outgoing.opened(5, NO_LIMITS, 0);
	for (let nowMs = 0; nowMs < 10_000; ) {
		const step = outgoing.next(nowMs)!;
		if ('send' in step) outgoing.answered(step.send, 0x97, nowMs);
		else nowMs += step.againInMs;
	}
	assert.ok('againInMs' in outgoing.next(10_000)!);
	outgoing.hurry();
	assert.ok('send' in outgoing.next(10_000)!);
});

outlet('what one broker does not take is tried with another, and not again with the same', () => {
	const outbox = new Outbox({ messages: 100, bytes: 1e6 });
	const refused: string[] = [];
	const outgoing = createOutlet('inspectord', [outbox], () => 0, {
		onRefused: ({ reason }) => refused.push(reason),
		onTaken: () => {},
		onLacking: () => {},
	});
	let nowMs = 0;
	const offer = (i: number): 'sent' | 'refused' | 'nothing' => {
		outbox.put(picture(i, 5000));
		const before = refused.length;
		const step = outgoing.next(nowMs);
		return step && 'send' in step ? 'sent' : refused.length > before ? 'refused' : 'nothing';
	};
	outgoing.opened(5, NO_LIMITS, nowMs, 'one');
	assert.is(offer(0), 'sent');
	outgoing.ended(0x95, nowMs);
	nowMs += 10_000;
	outgoing.opened(5, NO_LIMITS, nowMs, 'one');
	assert.is(offer(1), 'refused');
	outgoing.ended(undefined, nowMs);
	outgoing.opened(5, NO_LIMITS, nowMs, 'two');
	assert.is(offer(2), 'sent');
});

outlet('in trouble no verdict waits for a picture', () => {
	const messages = Array.from({ length: 20 }, (_, i) => [picture(i, 5000), verdict(i)]).flat();
	const { taken } = simulate(1, messages, {
		version: 4,
		treat: ({ message }) => (message.kind === 'heatmap' ? 'end' : 0),
	});
	assert.equal(
		taken.slice(0, 20).map(number),
		Array.from({ length: 20 }, (_, i) => i),
	);
});

outlet('one message that is always answered "later" does not keep the others back', () => {
	const { taken, ms } = simulate(
		1,
		Array.from({ length: 300 }, (_, i) => verdict(i)),
		{ treat: (packet, { taken }) => (number(packet) === 5 && taken < 299 ? 0x80 : 0) },
	);
	assert.equal(
		inOrder(taken.map(number)),
		Array.from({ length: 300 }, (_, i) => i),
	);
	assert.is(number(taken.at(-1)!), 5);
	assert.ok(ms < 60_000, `${ms} ms`);
});

for (const code of [0x87, 0x90, 0x99]) {
	outlet(`takes 0x${code.toString(16)} as the last word on a message, and goes on`, () => {
		const { taken, refused, sent, connections } = simulate(
			1,
			[verdict(0), picture(1), verdict(2), picture(3)],
			{ treat: ({ message }) => (message.kind === 'heatmap' ? code : 0) },
		);
		assert.equal(taken.map(number), [0, 2]);
		assert.equal(
			refused.map(({ topic }) => topic),
			['inspectord/t/s/heatmap/+/+', 'inspectord/t/s/heatmap/+/+'],
		);
		assert.equal([sent, connections], [4, 1]);
	});
}

outlet('keeps within the limits that the broker announces', () => {
	const states: [string, string][] = [['inspectord/t/state', 'online']];
	const messages = [
		...Array.from({ length: 30 }, (_, i) => verdict(i)),
		picture(30, 5000),
		verdict(31, 6000),
	];
	const limits = {
		receiveMaximum: 3,
		maximumPacketSize: 2000,
		maximumQos: 0,
		retainAvailable: false,
	} as const;
	const { taken, refused, most, connections } = simulate(1, messages, { limits, treat: () => 0 }, states);
	assert.ok(taken.every(({ qos, retain }) => qos === 0 && !retain));
	assert.is(taken.length, 31);
	assert.is(most, 3);
	assert.is(connections, 1);
	assert.equal(
		refused.map(({ kind }) => kind),
		['heatmap', 'verdict'],
	);
	assert.match(refused[0]!.reason, /too large \(0x95\), 50\d\d bytes, it takes 2000/);
});

outlet('learns from ended connections that a 3.1.1 broker retains nothing, or knows QoS 0 alone', () => {
	const states: [string, string][] = [
		['inspectord/t/state', 'online'],
		['inspectord/t/s/state', 'running'],
	];
	const messages = Array.from({ length: 20 }, (_, i) => verdict(i));
	for (const [what, bad] of [
		[['unretained'], ({ retain }: Packet) => retain],
		[['qos0'], ({ qos }: Packet) => qos === 1],
		[['unretained', 'qos0'], ({ qos, retain }: Packet) => qos === 1 || retain],
	] as const) {
		const { taken, refused, lacking, connections } = simulate(
			1,
			messages,
			{ version: 4, treat: (packet) => (bad(packet) ? 'end' : 0) },
			states,
		);
		assert.equal(refused, []);
		assert.equal(lacking, what);
		assert.equal(distinct(taken.filter(({ message }) => message.kind === 'verdict').map(number)).length, 20);
		assert.ok(connections <= 8, `${connections} connections`);
	}
});

outlet('gives pictures up before they are tried once a broker has ended connections over them', () => {
	const messages = Array.from({ length: 60 }, (_, i) => [
		verdict(i),
		picture(i, 4000 + ((i * 37) % 500)),
	]).flat();
	for (const treat of [
		({ message }: Packet) => (message.kind === 'heatmap' ? ('end' as const) : 0),
		({ message }: Packet) => (publishSize(message, 1, 4) > 3000 ? ('end' as const) : 0),
	]) {
		const { taken, refused, connections } = simulate(1, messages, { version: 4, treat });
		assert.is(distinct(taken.map(number)).length, 60);
		assert.is(refused.length, 60);
		assert.ok(connections <= 9, `${connections} connections`);
	}
	const told = simulate(1, messages, {
		treat: ({ message }) => (message.kind === 'heatmap' ? [0x87] : 0),
	});
	assert.is(told.taken.filter(({ message }) => message.kind === 'verdict').length >= 60, true);
	assert.ok(told.connections <= 3, `${told.connections} connections`);
});

outlet('knows the size of a packet to the byte', () => {
	const random = randomFrom(3);
	const told: readonly Properties[] = [
		{},
		{ expiryS: 3600 },
		{ contentType: 'image/jpeg', user: { id: 'ü'.repeat(60), sequence: '12' } },
	];
	for (const properties of told)
		for (const [bytes, qos, version] of [0, 1, 100, 90, 105, 16_350, 16_360, 2_097_100, 2_097_140].flatMap(
			(n) => [[n, 0, 4] as const, [n, 1, 4] as const, [n, 0, 5] as const, [n, 1, 5] as const],
		)) {
			const topic = `inspectord/${'ü'.repeat(1 + random.below(20))}/s/verdict`;
			const payload = Buffer.alloc(bytes);
			const fixed = { cmd: 'publish', qos, retain: false, dup: false, messageId: 7 } as const;
			const packet = { ...fixed, topic, payload, properties: propertiesOf(properties) };
			const message = { topic, payload, kind: 'verdict', ...(version === 5 && { properties }) } as const;
			assert.is(
				publishSize(message, qos, version),
				mqttPacket.generate(packet, { protocolVersion: version }).length,
			);
		}
});

outlet('names kinds of topic', () => {
	assert.is(topicFilter('inspectord', 'inspectord/t/s/heatmap/f-1/0'), 'inspectord/t/s/heatmap/+/+');
	assert.is(topicFilter('inspectord', 'inspectord/t/s/verdict'), 'inspectord/t/s/verdict');
	assert.is(topicFilter('inspectord', 'elsewhere'), 'elsewhere');
});

outlet('says of a state one value after another, also when one on its way is put off or refused', () => {
	for (const code of [0, 0x97, 0x87]) {
		const retained = createRetained();
		retained.set('a', Buffer.from('1'));
		const first = retained.next(() => false)!;
		retained.set('a', Buffer.from('2'));
		retained.set('a', Buffer.from('3'));
		assert.is(
			retained.next(() => false),
			undefined,
		);
		if (code === 0) retained.acknowledge(first);
		else if (code === 0x97) retained.postpone(first);
		else retained.refuse(first, 'no');
		assert.is(retained.settled, false);
		const between = retained.next(() => false)!;
		assert.is(Buffer.from(between.payload).toString(), '2');
		retained.acknowledge(between);
		assert.is(retained.settled, false);
		const last = retained.next(() => false)!;
		assert.is(Buffer.from(last.payload).toString(), '3');
		retained.acknowledge(last);
		assert.is(retained.settled, true);
		assert.is(
			retained.next(() => false),
			undefined,
		);
		retained.sayAgain();
		assert.is(
			retained.next(() => false),
			last,
		);
	}
});

outlet.run();
