import { createPrivateKey } from 'node:crypto';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { publicKeyFault } from '../../src/config/public-key.js';
import { canonicalJson } from '../../src/protocol/canonical.js';
import {
	isSignedBy,
	newKey,
	privateKeyIn,
	publicHalf,
	type Signed,
	signatureOf,
	signatureSchema,
} from '../../src/protocol/signature.js';

const signatures = suite('signatures of requests');

const spellings: readonly (readonly [json: string, canonical: string])[] = [
	['{ "b": 1, "a": [ true, null ] }', '{"a":[true,null],"b":1}'],
	[
		'[1e21, 1E-7, 333333333.33333329, 4.50, 2e-3, 0.000000000000000000000000001, -0]',
		'[1e+21,1e-7,333333333.3333333,4.5,0.002,1e-27,0]',
	],
	['"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/"', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'],
	// RFC 8785, section 3.2.3: by UTF-16 code units.
	[
		'{"\\u20ac":1,"\\r":2,"\\ufb33":3,"1":4,"\\ud83d\\ude00":5,"\\u0080":6,"\\u00f6":7}',
		'{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
	],
	['{"10":1,"9":2,"__proto__":3,"":4}', '{"":4,"10":1,"9":2,"__proto__":3}'],
	['"\\ud800"', '"\\ud800"'],
];

for (const [json, canonical] of spellings)
	signatures(`${json} is spelled ${canonical}`, () => assert.is(canonicalJson(JSON.parse(json)), canonical));

signatures('have one spelling of equal values, and another one of others', () => {
	fc.assert(
		fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
			const [one, other] = [canonicalJson(a), canonicalJson(b)];
			assert.equal(JSON.parse(one), JSON.parse(JSON.stringify(a)));
			assert.is(canonicalJson(JSON.parse(one)), one);
			if (one === other) assert.equal(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)));
		}),
	);
});

const signed: Signed = {
	box: 'press-7',
	name: 'config',
	ask: { patch: { recipes: { lid: { threshold: 0.7 } } }, baseRev: '3' },
	id: 'desk-1',
	key: 'alice',
	at: '2026-11-25T12:00:00.000Z',
	nonce: 'abcdefghijklmnop',
};

signatures('are for one box, request, id, key, time and nonce', () => {
	const { privatePem, publicKey } = newKey();
	const value = signatureOf(signed, privateKeyIn(privatePem)!);
	assert.ok(signatureSchema.safeParse({ key: 'alice', at: signed.at, nonce: signed.nonce, value }).success);
	assert.ok(isSignedBy(publicKey, signed, value));
	const ask = { baseRev: '3', patch: { recipes: { lid: { threshold: 0.7 } } } };
	assert.ok(isSignedBy(publicKey, { ...signed, ask }, value), 'the order of names says nothing');
	for (const other of [
		{ box: 'press-8' },
		{ name: 'threshold' },
		{ ask: { ...ask, dryRun: true } },
		{ ask: { ...ask, baseRev: 3 } },
		{ ask: { patch: { recipes: { lid: { threshold: 0.70001 } } }, baseRev: '3' } },
		{ id: 'desk-2' },
		{ key: 'bob' },
		{ at: '2026-11-25T12:00:00.001Z' },
		{ nonce: 'abcdefghijklmnoq' },
		// What stands in one field says nothing in another.
		{ box: 'press-7","name":"config' },
	])
		assert.not.ok(isSignedBy(publicKey, { ...signed, ...other }, value), JSON.stringify(other));
	assert.not.ok(isSignedBy(newKey().publicKey, signed, value));
	const flipped = `${value[0] === 'A' ? 'B' : 'A'}${value.slice(1)}`;
	for (const wrong of [flipped, 'A'.repeat(86), '', value.slice(0, -4)])
		assert.not.ok(isSignedBy(publicKey, signed, wrong), wrong);
});

signatures('are those of RFC 8032', () => {
	// Section 7.1, test 1: the secret key behind the prefix of PKCS #8 (RFC 8410).
	const secret = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
	const der = Buffer.from(`302e020100300506032b657004220420${secret}`, 'hex');
	const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
	assert.is(
		Buffer.from(publicHalf(key), 'base64').toString('hex'),
		'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
	);
});

signatures('need a private key of Ed25519', () => {
	const { privatePem } = newKey();
	assert.ok(privateKeyIn(privatePem));
	assert.ok(privateKeyIn(`a note\n${privatePem.replaceAll('\n', '\r\n')}`));
	for (const wrong of ['', 'x', privatePem.slice(0, 60), privatePem.replaceAll('PRIVATE', 'PUBLIC')])
		assert.is(privateKeyIn(wrong), undefined);
});

/** Keys of small order: y without the sign, as in RFC 8032 the lowest byte first. */
const weak = [
	'0000000000000000000000000000000000000000000000000000000000000000',
	'0100000000000000000000000000000000000000000000000000000000000000',
	'26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
	'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
	'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
];

/** R is the neutral point, S is 0: right for every key of small order and some texts. */
const forged = Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]).toString('base64url');
const canForge = (publicKey: string) =>
	Array.from({ length: 200 }, (_, i) => isSignedBy(publicKey, { ...signed, id: `${i}` }, forged)).some(
		Boolean,
	);

for (const hex of weak)
	for (const sign of [0, 0x80])
		signatures(`by ${hex.slice(0, 8)}… ${sign} can be made by everybody, so it is no key`, () => {
			const bytes = Buffer.from(hex, 'hex');
			bytes[31]! |= sign;
			const key = bytes.toString('base64');
			assert.is(publicKeyFault(key), 'is a key with which everybody can sign');
			if (sign === 0) assert.ok(canForge(key), 'the list is right');
		});

signatures('by a key as it is made cannot be forged so', () => {
	const { publicKey } = newKey();
	assert.is(publicKeyFault(publicKey), undefined);
	assert.not.ok(canForge(publicKey));
	for (const wrong of [
		'',
		'alice',
		publicKey.slice(0, -1),
		`${publicKey} `,
		publicKey.replace(/=$/, ''),
		Buffer.from('x'.repeat(31)).toString('base64'),
		Buffer.from('x'.repeat(33)).toString('base64'),
	])
		assert.match(publicKeyFault(wrong) ?? '', /no public key/, wrong);
});

signatures.run();
