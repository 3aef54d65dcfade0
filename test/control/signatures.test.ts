import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Refusal, type SignedRequest } from '../../src/control/answer.js';
import { signatureCheck } from '../../src/control/signatures.js';
import { instantOf } from '../../src/protocol/fields.js';
import { newKey, privateKeyIn, signatureOf } from '../../src/protocol/signature.js';

const checks = suite('who has signed a request');

const NOW = Date.UTC(2026, 10, 25, 12);
const [alice, bob] = [newKey(), newKey()];
const pems = { alice: alice.privatePem, bob: bob.privatePem, mallory: newKey().privatePem } as const;

/** A request as `by` signs it under the name of `key`. */
function signed(
	more: { key?: string; by?: keyof typeof pems; atMs?: number; nonce?: string; box?: string } = {},
): SignedRequest {
	const { key = 'alice', by = 'alice', atMs = NOW, nonce = 'abcdefghijklmnop', box = 'press-7' } = more;
	const request = { name: 'redeliver', ask: { letters: [1] }, id: 'r1' } as const;
	const at = instantOf(atMs);
	const value = signatureOf({ box, ...request, key, at, nonce }, privateKeyIn(pems[by])!);
	return { ...request, signature: { key, at, nonce, value } };
}

function box(isSynchronised: boolean | null = true) {
	const used: string[] = [];
	const check = signatureCheck(
		{ keys: { alice: alice.publicKey, bob: bob.publicKey }, windowS: 300 },
		{
			box: 'press-7',
			wallClock: () => NOW,
			isSynchronised: () => isSynchronised,
			use: async ({ key, nonce }) => {
				const name = `${key} ${nonce}`;
				if (used.includes(name)) return false;
				used.push(name);
				return true;
			},
		},
	);
	return { used, check };
}

const refused: readonly (readonly [what: string, request: SignedRequest, field: string, message: RegExp])[] =
	[
		['a key that is none', signed({ key: 'alise', by: 'alice' }), 'key', /did you mean "alice"\?/],
		['a name that every object has', signed({ key: 'constructor' }), 'key', /no key "constructor"/],
		['another hand', signed({ by: 'mallory' }), 'value', /another key/],
		['the key of somebody else', signed({ key: 'bob', by: 'alice' }), 'value', /another key/],
		['another box', signed({ box: 'press-8' }), 'value', /box/],
		['another request', { ...signed(), name: 'state' }, 'value', /request/],
		['another thing that is asked', { ...signed(), ask: { letters: [2] } }, 'value', /request/],
		['another id', { ...signed(), id: 'r2' }, 'value', /id/],
		[
			'a time that is over',
			signed({ atMs: NOW - 300_001 }),
			'at',
			/more than 300 s from the clock of this box: 2026-11-25T12:00:00\.000Z/,
		],
		['a time that is to come', signed({ atMs: NOW + 300_001 }), 'at', /more than 300 s/],
		[
			'a time that there is not',
			{ ...signed(), signature: { ...signed().signature, at: '2026-13-45T99:00:00.000Z' } },
			'value',
			/fit/,
		],
	];

for (const [what, request, field, message] of refused)
	checks(`is not believed for ${what}`, async () => {
		const { check, used } = box();
		const thrown = await check(request).then(
			() => undefined,
			(refusal: unknown) => refusal,
		);
		assert.instance(thrown, Refusal);
		const { code, faults } = thrown as Refusal;
		assert.equal([code, faults[0]?.path], ['denied', `signature.${field}`]);
		assert.match(faults[0]?.message ?? '', message);
		assert.equal(used, [], 'and no nonce is used up');
	});

checks('is believed once, within the window on both sides', async () => {
	const { check, used } = box();
	await check(signed());
	for (const atMs of [NOW - 300_000, NOW + 300_000])
		await check(signed({ atMs, nonce: `at-${atMs}-0123456789` }));
	await check(signed({ key: 'bob', by: 'bob' }));
	assert.is(used.length, 4);
	const again = await check(signed()).catch((refusal: Refusal) => refusal.faults[0]);
	assert.match((again as { message: string }).message, /used before/);
});

checks('says when the clock of the box may be wrong', async () => {
	for (const [isSynchronised, isSaid] of [
		[false, true],
		[true, false],
		[null, false],
	] as const) {
		const late = await box(isSynchronised)
			.check(signed({ atMs: 0 }))
			.catch((refusal: Refusal) => refusal.message);
		assert.is(/which is not synchronised/.test(String(late)), isSaid);
	}
});

checks.run();
