import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { brokerAddressFault } from '../../src/config/address.js';
import { parseConfig } from '../../src/config/parse.js';
import { topicRootFault } from '../../src/config/topic-root.js';
import { type Decoded, decodeFrom } from '../../src/protocol/decode.js';
import { jsonTopics } from '../../src/protocol/json-schemas.js';
import { parseTopic, topicOf, topics } from '../../src/protocol/topics.js';

const hostile = suite('whatever a peer sends');

const limits = { bytes: 20_000, depth: 8 };
const RUNS = { numRuns: 300, seed: 7 } as const;

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Values that are no message, but look like JSON. */
const json = fc.json({ maxDepth: 12, stringUnit: 'binary' }).map(bytesOf);

/** What was once a message: bytes of it changed, lost or doubled. */
const spoiled = (text: string) =>
	fc
		.array(
			fc.record({
				at: fc.nat(text.length),
				remove: fc.nat(3),
				insert: fc.uint8Array({ maxLength: 3 }),
			}),
			{ maxLength: 4 },
		)
		.map((edits) => {
			let sent = bytesOf(text);
			for (const { at, remove, insert } of edits)
				sent = Uint8Array.of(...sent.subarray(0, at), ...insert, ...sent.subarray(at + remove));
			return sent;
		});

/** A message of the right fields with values of any kind. */
const dressed = fc
	.record({ station: fc.jsonValue({ maxDepth: 10 }), sequence: fc.jsonValue(), schema: fc.jsonValue() })
	.map((value) => bytesOf(JSON.stringify(value)));

const isDecoded = (decoded: Decoded<unknown>): boolean => {
	if ('refusal' in decoded) return decoded.refusal.length > 0 && decoded.refusal.length <= 200;
	return decoded.value !== undefined;
};

for (const name of jsonTopics) {
	const { payload } = topics[name];
	if (typeof payload === 'string') continue;
	hostile(`as ${name} is a value or refused in words`, () => {
		const sent = fc.oneof(
			fc.uint8Array({ maxLength: 300 }),
			json,
			spoiled('{"station":"s","sequence":1}'),
			dressed,
		);
		fc.assert(
			fc.property(sent, (bytes) => isDecoded(decodeFrom(payload, bytes, limits))),
			RUNS,
		);
	});
}

const monsters: readonly (readonly [what: string, bytes: Uint8Array])[] = [
	['lists in lists', bytesOf('['.repeat(20_000))],
	['objects in objects', bytesOf('{"a":'.repeat(4000))],
	['closed brackets', bytesOf(']'.repeat(20_000))],
	['quotes that are never closed', bytesOf(`"${'\\"'.repeat(9000)}`)],
	['a name of 10 kB', bytesOf(JSON.stringify({ station: 'x'.repeat(10_000), sequence: 1 }))],
	['a field of 10 kB', bytesOf(JSON.stringify({ ['x'.repeat(10_000)]: 1 }))],
	[
		'thousands of fields',
		bytesOf(JSON.stringify(Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`k${i}`, i])))),
	],
	['a field twice', bytesOf('{"station":"s","sequence":1,"sequence":0}')],
	['a number of 10 kB', bytesOf(`{"station":"s","sequence":${'9'.repeat(10_000)}}`)],
	['a hundred megabytes', new Uint8Array(100_000_000).fill(0x5b)],
];

for (const [what, bytes] of monsters) {
	hostile(`is refused in few words when it is ${what}`, () => {
		for (const name of jsonTopics) {
			const { payload } = topics[name];
			if (typeof payload === 'string') continue;
			const decoded = decodeFrom(payload, bytes, limits);
			assert.ok('refusal' in decoded && decoded.refusal.length <= 200);
		}
	});
}

hostile('on a topic that is none of ours is passed over, and on one of ours is known', () => {
	const level = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('/'));
	fc.assert(
		fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (topic) => {
			const found = parseTopic('inspectord', topic);
			return found === undefined || topicOf(found.name, found.parameters as never) === topic;
		}),
		RUNS,
	);
	fc.assert(
		fc.property(level, level, level, (root, box, station) => {
			const found = parseTopic(root, topicOf('verdict', { root, box, station }));
			return found?.parameters.box === box && found.parameters.station === station;
		}),
		RUNS,
	);
	assert.is(parseTopic('inspectord', `inspectord/${'x/'.repeat(100_000)}`), undefined);
	assert.is(parseTopic('inspectord', `inspectord/${'x'.repeat(10_000)}/state`)?.name, 'boxState');
});

hostile('as a root for topics is one that a broker takes, or refused in words', () => {
	fc.assert(
		fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (root) => {
			if (topicRootFault(root) !== undefined) return true;
			return (
				root !== '' &&
				!/[+#\0]|^\/|\/$|\/\/|^\$/.test(root) &&
				new TextDecoder().decode(bytesOf(root)) === root
			);
		}),
		{ ...RUNS, numRuns: 2000 },
	);
});

hostile('as an address of a broker is one, or refused in words that hold no password', () => {
	const text = fc.string({ unit: 'binary', maxLength: 12 });
	const address = fc.oneof(
		text,
		fc.webUrl(),
		fc.tuple(text, text, text).map(([user, more, host]) => `mqtt://${user}:hunter2${more}@${host}`),
	);
	fc.assert(
		fc.property(address, (url) => {
			const fault = brokerAddressFault(url);
			return fault === undefined ? URL.canParse(url) : !fault.includes('hunter2');
		}),
		{ ...RUNS, numRuns: 3000 },
	);
});

hostile('as a configuration is one, or has faults with their lines', () => {
	const words = [
		'box: b',
		'stations:',
		'  s:',
		'    camera: {source: "0"}',
		'    recipe: r',
		'recipes:',
		'  r: {model: m}',
	];
	const yaml = fc.oneof(
		fc.string({ unit: 'binary', maxLength: 200 }),
		fc.json({ maxDepth: 8 }),
		fc
			.shuffledSubarray([
				...words,
				'- x',
				'&a [*a]',
				'? {}',
				'<<: *a',
				'!!binary x',
				'\t',
				'"',
				'%YAML 9',
				'---',
			])
			.map((lines) => lines.join('\n')),
	);
	fc.assert(
		fc.property(yaml, (text) => {
			const parsed = parseConfig(text);
			return 'config' in parsed || parsed.faults.length > 0;
		}),
		RUNS,
	);
});

hostile.run();
