import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { signatureSchema } from '../../src/protocol/signature.js';
import { openToWrite } from '../../src/sqlite/database.js';
import { type Line, lineWith } from '../line.js';
import { program } from '../program.js';
import { temporaryFolder } from '../tiny-bundle.js';

const signing = suite('requests that must be signed, and the trail of edits');

signing('a key is made once, for its owner alone', async () => {
	await using folder = await temporaryFolder();
	const file = join(folder.path, 'alice.pem');
	const made = await program('key', 'alice', '--out', file);
	assert.is(made.code, 0, made.err);
	assert.match(made.out, /^alice: [A-Za-z0-9+/]{43}=\n$/);
	assert.is((await stat(file)).mode & 0o777, 0o600);
	const pem = await readFile(file, 'utf8');
	assert.match(pem, /^-----BEGIN PRIVATE KEY-----\n/);
	const again = await program('key', 'alice', '--out', file);
	assert.is(again.code, 1);
	assert.match(again.err, /there is a file already/);
	assert.is(await readFile(file, 'utf8'), pem);
	assert.is((await program('key', '../alice')).code, 2);
});

signing('a request is signed for a box that is not reached, and never shows a password', async () => {
	await using folder = await temporaryFolder();
	const file = join(folder.path, 'alice.pem');
	await program('key', 'alice', '--out', file);
	const sign = (...words: string[]) => program('sign', '--box', 'b', '--key', file, ...words);
	const signed = await sign('redeliver', 'letters=[1]', '--id', 'one');
	const { id, letters, signature } = JSON.parse(signed.out);
	assert.equal([id, letters, signature.key], ['one', [1], 'alice']);
	assert.ok(signatureSchema.safeParse(signature).success);
	const secret = '{ "patch": { "stations": { "s": { "camera": { "source": "rtsp://u:geheim@h/" } } } } }';
	const refused = await sign('config', secret);
	assert.is(refused.code, 2);
	assert.not.match(refused.out + refused.err, /geheim/);
	const out = join(folder.path, 'request.json');
	assert.is((await sign('config', secret, '--out', out)).code, 0);
	assert.match(await readFile(out, 'utf8'), /geheim/);
	assert.is((await stat(out)).mode & 0o777, 0o600);
	for (const [words, message] of [
		[['stat'], /did you mean "state"/i],
		[['redeliver', 'lettres=[1]'], /did you mean "letters"/],
		[['state', '--signer', 'a b'], /no name of a key/],
		[['state', '--key', out], /no private key/],
	] as const) {
		const wrong = await sign(...words);
		assert.is(wrong.code, 2, wrong.err);
		assert.match(wrong.err, message);
	}
});

/** A box that runs, at which alice signs what changes a threshold. */
async function guarded(folder: string): Promise<Line> {
	const file = join(folder, 'alice.pem');
	const { out } = await program('key', 'alice', '--out', file);
	const keys = `keys: { ${out.trim()} }`;
	const line = await lineWith(
		`mqtt: { url: "mqtt://127.0.0.1:9" }\ncontrol: { signed: { settings: [threshold], ${keys} } }`,
	);
	line.box();
	await line.ready();
	return line;
}

signing(
	'an edit of what is guarded is done when it is signed, once, and all of it stands in the trail',
	async () => {
		await using folder = await temporaryFolder();
		await using here = await guarded(folder.path);
		const key = join(folder.path, 'alice.pem');
		const patch = '{ "patch": { "recipes": { "r": { "threshold": 0.25, "deadlineMs": 4000 } } } }';
		const unsigned = await here.ask('config', patch);
		assert.is(unsigned.code, 1);
		assert.match(unsigned.err, /denied: recipes\.r\.threshold: .*signed request/);
		assert.not.match(unsigned.err, /deadlineMs/);
		assert.is(
			(await here.ask('config', '{ "patch": { "recipes": { "r": { "deadlineMs": 4500 } } } }')).code,
			0,
		);
		const signed = await here.ask('config', patch, '--sign', key);
		assert.is(signed.code, 0, signed.err);
		assert.equal(JSON.parse(signed.out).changed.sort(), ['recipes.r.deadlineMs', 'recipes.r.threshold']);
		const elsewhere = await here.ask('config', patch, '--sign', key, '--box', 'other');
		assert.match(elsewhere.err, /denied: signature\.value/);
		const unknown = await here.ask('config', patch, '--sign', key, '--signer', 'alise');
		assert.match(unknown.err, /did you mean "alice"/);

		const trail = await program('audit', '--config', here.config, '--json');
		const entries = trail.out
			.trim()
			.split('\n')
			.map((text) => JSON.parse(text));
		assert.equal(
			entries.map(({ code, by, what }) => [code, by.key, what]),
			[
				['ok', null, 'the first revision of this trail'],
				['denied', null, 'recipes.r.threshold: bundle → 0.25, recipes.r.deadlineMs: 5000 → 4000'],
				['ok', null, 'recipes.r.deadlineMs: 5000 → 4500'],
				['ok', 'alice', 'recipes.r.threshold: bundle → 0.25, recipes.r.deadlineMs: 4500 → 4000'],
				['denied', 'alice', 'request "config"'],
				['denied', 'alise', 'request "config"'],
			],
		);
		assert.equal(entries[3].changes[0], { path: 'recipes.r.threshold', before: 'bundle', after: 0.25 });
		assert.is(entries[3].rev, JSON.parse(signed.out).rev);
		const lines = await program('audit', '--config', here.config, '--since', '1h', '--limit', '1');
		assert.match(
			lines.out,
			/^\S+ {2}#6 {2}engineer local signed by alise {2}request "config" {2}denied {2}signature\.key/,
		);

		const whole = await program('audit', 'verify', '--config', here.config);
		assert.is(whole.code, 0, whole.err);
		assert.match(whole.out, /^6 whole; the last one is 6:[0-9a-f]{64}$/m);
		const held = /6:[0-9a-f]{64}/.exec(whole.out)![0];
		assert.is((await program('audit', 'verify', '--config', here.config, '--holds', held)).code, 0);
		const other = `${held.slice(0, -1)}${held.endsWith('0') ? '1' : '0'}`;
		assert.is((await program('audit', 'verify', '--config', here.config, '--holds', other)).code, 1);
		const database = openToWrite(join(here.path, 't-state/journal.db'));
		database.exec(`UPDATE trail SET body = replace(body, '"alice"', '"bob"') WHERE id = 4`);
		database.close();
		const broken = await program('audit', 'verify', '--config', here.config);
		assert.is(broken.code, 1);
		assert.match(broken.err, /not what was written: entry 4 is not what was written\nOf its entries 5 fit/);
	},
);

signing('what changed while nobody ran is found in the trail', async () => {
	await using folder = await temporaryFolder();
	await using here = await guarded(folder.path);
	const first = (await here.stop()).code;
	assert.is(first, 0);
	await here.rewrite((text) => text.replace('threads: 1', 'threads: 1, threshold: 0.75'));
	here.box();
	await here.ready();
	const { out } = await program('audit', '--config', here.config);
	assert.match(out, /#2 {2}file {2}found at the start {2}ok {2}\S+ → \S+$/m);
});

for (const [words, message] of [
	[['audit', 'verfiy', '--state', '/x'], /Cannot understand "verfiy"/],
	[['audit'], /which journal/],
	[['audit', 'verify', '--state', '/x', '--holds', '1'], /--holds "1"/],
] as const)
	signing(`"${words.join(' ')}" says what is wrong`, async () => {
		const { code, err } = await program(...words);
		assert.is(code, 2);
		assert.match(err, message);
	});

signing.run();
