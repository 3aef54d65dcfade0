import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeFrom } from '../../src/protocol/decode.js';
import { receiptSchema } from '../../src/protocol/receipt.js';

const decoding = suite('a message of a peer');

const limits = { bytes: 200, depth: 3 };
const read = (sent: string | Uint8Array) =>
	decodeFrom(receiptSchema, typeof sent === 'string' ? new TextEncoder().encode(sent) : sent, limits);

decoding('is a value when it is what the schema says', () => {
	assert.equal(read('{"station":"lid","sequence":7}'), { value: { station: 'lid', sequence: 7 } });
	assert.equal(read(' { "sequence" : 7e0, "station" : "[[[[{{{{\\"[" } '), {
		value: { station: '[[[[{{{{"[', sequence: 7 },
	});
});

const refused: readonly (readonly [title: string, sent: string | Uint8Array, refusal: RegExp])[] = [
	['nothing', '', /no JSON/],
	['no JSON', '{"station":', /no JSON/],
	['a JPEG', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), /no JSON/],
	['no UTF-8', Uint8Array.of(0x22, 0xc3, 0x28, 0x22), /no JSON/],
	['a mark of byte order', '\ufeff{"station":"lid","sequence":7}', /no JSON/],
	['too large', `{"station":"${'x'.repeat(200)}","sequence":7}`, /at most 200 are taken/],
	['too deep', '[[[[]]]]', /deeper than 3/],
	['too deep and never closed', '['.repeat(199), /deeper than 3/],
	['of another kind', '[]', /expected object/],
	['null', 'null', /expected object/],
	['without a field', '{"station":"lid"}', /^sequence: /],
	[
		'with another field',
		'{"station":"lid","sequence":7,"secret":1}',
		/^it has a key that is not known here$/,
	],
	['with a prototype', '{"station":"lid","sequence":7,"__proto__":{"x":1}}', /not known here/],
	['with a number that is too large', '{"station":"lid","sequence":1e300}', /^sequence: /],
	['with a number that is none', '{"station":"lid","sequence":"7"}', /^sequence: /],
	['with part of a number', '{"station":"lid","sequence":7.5}', /^sequence: /],
	['with a long name', `{"station":"${'x'.repeat(65)}","sequence":7}`, /^station: /],
];

for (const [title, sent, refusal] of refused) {
	decoding(`is refused in words when it is ${title}`, () => {
		const decoded = read(sent);
		assert.ok('refusal' in decoded);
		assert.match(decoded.refusal, refusal);
		assert.ok(decoded.refusal.length < 200);
	});
}

decoding.run();
