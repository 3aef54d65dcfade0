import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MOST_SIGNAL_BYTES, signalIn } from '../../src/protocol/signal.js';

const signals = suite('what a signal in a file says');

const plain: readonly (readonly [content: string, part: string | null, metadata?: object])[] = [
	['', null],
	['\n', null],
	['\r\n', null],
	['P-17', 'P-17'],
	['P-17\n', 'P-17'],
	['P-17\r\n', 'P-17'],
	['\ufeffP-17', 'P-17'],
	['Schräg/日本 🔩', 'Schräg/日本 🔩'],
	[' ', ' '],
	['x'.repeat(256), 'x'.repeat(256)],
	['[1]', '[1]'],
	['{}', null],
	['{"part":"P"}\n', 'P'],
	['{"metadata":{"a":1,"b":null}}', null, { a: 1, b: null }],
	['{"part":"{","metadata":{"text":"ä"}}', '{', { text: 'ä' }],
];

for (const [content, part, metadata = {}] of plain)
	signals(`reads ${JSON.stringify(content.slice(0, 40))}`, () => {
		assert.equal(signalIn(Buffer.from(content)), { part, metadata });
	});

const refused: readonly (readonly [content: string | Uint8Array, why: RegExp])[] = [
	['x'.repeat(257), /256 letters/],
	['P-17\nP-18', /one line/],
	['P\t17', /one line/],
	['\n\n', /one line/],
	[Buffer.from([0xff, 0xfe, 0x41]), /no text in UTF-8/],
	['{', /no JSON/],
	['{"part":7}', /part/],
	['{"part":""}', /part/],
	['{"prat":"P"}', /not known/],
	['{"metadata":{"deep":{}}}', /deeper/],
	[`{"metadata":{"text":"${'ä'.repeat(520)}"}}`, /1024 bytes/],
	['{}'.padEnd(MOST_SIGNAL_BYTES + 1), /4096 bytes/],
];

for (const [content, why] of refused)
	signals(`refuses ${JSON.stringify(Buffer.from(content).toString('latin1').slice(0, 40))}`, () => {
		const read = signalIn(Buffer.from(content));
		assert.ok('refusal' in read);
		assert.match(read.refusal, why);
	});

signals.run();
