import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { teachCommand } from '../../src/commands/teach.js';
import { type Config, configSchema } from '../../src/config/schema.js';
import { Refusal } from '../../src/control/answer.js';
import { requestFor } from '../../src/daemon/lesson-request.js';
import { FEWEST_IMAGES } from '../../src/learn/lesson.js';
import { architectures } from '../../src/model/architecture.js';
import { PRESETS, SCORINGS } from '../../src/model/manifest.js';
import {
	FEWEST_PARTS,
	gridOf,
	lessonDefaults,
	lessonOptions,
	planSchema,
} from '../../src/protocol/lesson.js';
import { temporaryFolder } from '../tiny-bundle.js';

const requests = suite('what a lesson may reach');

/** Pictures below `allowed`, others beside it, and links that lead here and there. */
async function box() {
	const folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	for (const name of [
		'allowed/good',
		'allowed/loop',
		'allowed/bad',
		'allowed/deep/er',
		'allowed/none',
		'secret',
	])
		await mkdir(at(name), { recursive: true });
	for (const name of ['allowed/good/1.png', 'allowed/loop/1.png', 'allowed/deep/er/1.png', 'secret/1.png'])
		await writeFile(at(name), '');
	await symlink(at('allowed/good'), at('allowed/loop/inside'));
	await symlink(at('allowed/loop'), at('allowed/loop/round'));
	await symlink(at('nowhere'), at('allowed/loop/dangling.png'));
	await symlink(at('secret/1.png'), at('allowed/bad/1.png'));
	await symlink(at('secret'), at('allowed/deep/er/others'));
	await symlink(at('secret'), at('allowed/way-out'));
	await symlink(at('allowed'), at('link-to-allowed'));
	await symlink(Buffer.concat([Buffer.from(at('allowed/deep'))]), at('allowed/to-deep'));
	const config = (
		allow: object = { pictures: at('allowed'), bundles: at('bundles') },
		models = ['a/lid'],
	): Config =>
		configSchema.parse({
			box: 't',
			stations: { s: { camera: { source: '0' }, recipe: 'r0' } },
			recipes: Object.fromEntries(models.map((model, i) => [`r${i}`, { model: at(model) }])),
			control: { allow },
		});
	return { at, config, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const codeOf = async (asked: Promise<unknown>): Promise<string> =>
	asked.then(
		() => 'ok',
		(thrown) => {
			if (thrown instanceof Refusal) return `${thrown.code}: ${thrown.message}`;
			assert.instance(thrown, Failure);
			return `failure: ${(thrown as Failure).message}`;
		},
	);

const folders: readonly (readonly [folder: string, answer: RegExp])[] = [
	['good', /^ok$/],
	['good/', /^ok$/],
	['./good', /^ok$/],
	['deep/../good', /^ok$/],
	['loop', /^ok$/],
	['none', /^failure: .*none/],
	['nowhere', /^invalid: folder: there is no such folder/],
	['good/1.png', /^failure: .*is not a folder/],
	['..', /^invalid: folder: leads out/],
	['../secret', /^invalid: folder: leads out/],
	['good/../../secret', /^invalid: folder: leads out/],
	['../allowed/good', /^ok$/],
	['way-out', /^invalid: folder: leads out/],
	['way-out/', /^invalid: folder: leads out/],
	['bad', /^invalid: folder: "bad\/1\.png" leads out/],
	['deep', /^invalid: folder: "deep\/er\/others" leads out/],
	['to-deep', /^invalid: folder: "deep\/er\/others" leads out/],
	['.', /^invalid: folder: ".*" leads out/],
	['/etc', /^invalid: folder: must be relative/],
	['good\0', /^invalid: folder: must be relative/],
	['good\n', /^invalid: folder: must be relative/],
	['x'.repeat(1024), /^invalid: folder: there is no such folder/],
];

for (const [folder, answer] of folders)
	requests(`is what the owner allows: folder ${JSON.stringify(folder.slice(0, 40))}`, async () => {
		await using here = await box();
		for (const allowed of ['allowed', 'link-to-allowed']) {
			const config = here.config({ pictures: here.at(allowed), bundles: here.at('bundles') });
			assert.match(await codeOf(requestFor({ name: 'lid', folder }, config, '/kept')), answer);
		}
	});

requests('is no folder where none is allowed', async () => {
	await using here = await box();
	const asked = requestFor({ name: 'lid', folder: 'good' }, here.config({ bundles: here.at('b') }), '/kept');
	assert.match(await codeOf(asked), /^conflict: .*control\.allow\.pictures/);
});

requests('is one folder for bundles: the one that is allowed, or that of the recipe, or of all', async () => {
	await using here = await box();
	const { at, config } = here;
	const plan = { name: 'lid', station: 's', parts: 8 };
	const folder = { name: 'lid', folder: 'good' };
	const pictures = at('allowed');
	const two = config({ pictures }, ['a/x@1c947c1d', 'b/y']);
	const outs: readonly (readonly [Config, typeof plan | typeof folder, string])[] = [
		[config(), plan, 'bundles/lid'],
		[two, plan, 'a/lid'],
		[config({ pictures }, ['a/x', 'a/y']), folder, 'a/lid'],
	];
	for (const [given, asked, out] of outs) assert.is((await requestFor(asked, given, '/kept')).out, at(out));
	assert.match(
		await codeOf(requestFor(folder, two, '/kept')),
		/^conflict: .*2 folders: control\.allow\.bundles/,
	);
});

requests('is no name that leads elsewhere', () => {
	for (const name of [
		'',
		'.',
		'..',
		'../lid',
		'a/b',
		'/lid',
		'lid@1c947c1d',
		'a b',
		'a\0',
		'-x',
		'.hidden',
		'x'.repeat(65),
		'lïd',
	])
		assert.not(planSchema.safeParse({ name, folder: 'good' }).success, JSON.stringify(name));
	for (const name of ['lid', 'Lid_2-b', '0', 'x'.repeat(64)])
		assert.ok(planSchema.safeParse({ name, folder: 'good' }).success, name);
});

requests('is what `inspectord teach` does by itself', () => {
	const options = teachCommand.options as Readonly<Record<string, { readonly fallback?: string }>>;
	for (const [key, value] of Object.entries(lessonDefaults))
		if (key !== 'backbone') assert.is(options[key]?.fallback, String(value), key);
	assert.equal(lessonOptions.backbone.options, Object.keys(architectures));
	assert.equal(lessonOptions.preset.options, [...PRESETS]);
	assert.equal(lessonOptions.scoring.options, ['auto', ...SCORINGS]);
	assert.is(FEWEST_PARTS, FEWEST_IMAGES);
	for (const tiles of ['0x1', '7x6', '100x1', '1x', 'x1', '2x2x2', 'AUTO', ''])
		assert.not(lessonOptions.tiles.safeParse(tiles).success, tiles);
	for (const [tiles, rows, columns] of [
		['6x6', 6, 6],
		['36x1', 36, 1],
		['auto', 1, 1],
	] as const) {
		assert.ok(lessonOptions.tiles.safeParse(tiles).success, tiles);
		assert.equal(gridOf(tiles), { rows, columns });
	}
});

requests.run();
