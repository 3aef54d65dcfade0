import { basename } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../../src/base/failure.js';
import { Refusal } from '../../../src/control/answer.js';
import { bundlesRequest } from '../../../src/control/requests/bundles.js';
import type { Manifest } from '../../../src/model/manifest.js';
import { type Ask, REQUESTS } from '../../../src/protocol/requests.js';
import { editorOf } from '../editor.js';
import { refusalOf, work } from '../working.js';

const bundles = suite('the request "bundles"');

const CONFIG = `
box: t
stations:
  a: { camera: { source: x }, recipe: lid }
  b: { camera: { source: x }, recipe: lid }
recipes:
  lid: { model: bundles/lid@aaaaaaaa }
  cap: { model: /box/bundles/cap }
  far: { model: /elsewhere/far@dddddddd }
`;

const manifest = (name: string, day: number): Manifest =>
	({
		name,
		createdAt: `2026-11-0${day}T00:00:00Z`,
		calibration: { threshold: 0.5 },
		precision: { runs: 'int8' },
		training: { images: 40 },
	}) as Manifest;

const DAMAGED = new Failure('bundle-invalid', 'Cannot use bundle "x": its manifest is no JSON');

/** By their places. */
const disk: Readonly<Record<string, readonly [name: string, sha256: string, day: number]>> = {
	'/box/bundles/lid@aaaaaaaa': ['lid', 'a'.repeat(64), 1],
	'/box/bundles/lid@bbbbbbbb': ['lid', 'b'.repeat(64), 3],
	'/box/bundles/cap': ['cap', 'c'.repeat(64), 2],
};

function world(more: Readonly<Record<string, readonly string[]>> = {}) {
	const editor = editorOf(CONFIG);
	const folders: Readonly<Record<string, readonly string[]>> = {
		'/box/bundles': [...Object.keys(disk), '/box/bundles/lid@eeeeeeee'],
		...more,
	};
	const handler = bundlesRequest({
		editor: () => editor,
		folders: () => Object.keys(folders),
		bundlesIn: async (folder) => folders[folder] ?? [],
		look: async (place) => {
			const found = disk[place];
			if (!found) throw DAMAGED;
			const [name, sha256, day] = found;
			const lacks = day === 2 ? new Failure('bundle-invalid', 'it has no file "model.onnx"') : null;
			return {
				id: `${name}@${sha256.slice(0, 8)}`,
				sha256,
				manifest: manifest(name, day),
				lacks,
			};
		},
		placeOf: async (model) =>
			Object.keys(disk).find((place) => place === model || model === `${place}@cccccccc`) ?? model,
	});
	const ask = async (asked: Partial<Ask<'bundles'>>) => {
		const { text, result } = await handler({ action: 'list', ...asked }, work);
		assert.ok(REQUESTS.bundles.result.safeParse(result).success);
		return { text, result };
	};
	return { editor, ask };
}

bundles(
	'are listed, the one that was taught last first, with who uses them and what is wrong with them',
	async () => {
		const { text, result } = await world().ask({});
		assert.is(text, '4 bundles');
		assert.equal(
			result.bundles.map(({ bundle, complete, recipes }) => [bundle, complete, recipes]),
			[
				['lid@bbbbbbbb', true, []],
				['cap@cccccccc', false, ['cap']],
				['lid@aaaaaaaa', true, ['lid']],
				['lid@eeeeeeee', false, []],
			],
		);
		assert.is(result.bundles[1]!.fault, 'it has no file "model.onnx"');
		assert.equal(result.bundles[3], {
			...{ bundle: 'lid@eeeeeeee', at: null, threshold: null, precision: null, pictures: null },
			...{ complete: false, fault: DAMAGED.message, recipes: [] },
		});
		assert.equal(result.bundles[0], {
			...{ bundle: 'lid@bbbbbbbb', at: '2026-11-03T00:00:00.000Z', threshold: 0.5, precision: 'int8' },
			...{ pictures: 40, complete: true, fault: null, recipes: [] },
		});
	},
);

bundles('are listed as far as an answer holds them, and beside a recipe on demand', async () => {
	const many = Array.from({ length: 150 }, (_, i) => `/more/x${i}`);
	const { ask } = world({ '/more': many });
	const { text, result } = await ask({});
	assert.equal([text, result.bundles.length, result.isMore], ['100 bundles and more', 100, true]);
	assert.is((await ask({ recipe: 'lid' })).result.bundles.length, 4);
	assert.is((await ask({ recipe: 'far' })).result.bundles.length, 0);
});

bundles('are activated by an edit that pins them, written as the one before was', async () => {
	const { editor, ask } = world();
	for (const [recipe, bundle, written] of [
		['lid', 'lid@bbbbbbbb', 'bundles/lid@bbbbbbbb'],
		['lid', `lid@${'a'.repeat(12)}`, 'bundles/lid@aaaaaaaa'],
		['lid', 'LID@BBBBBBBB'.toLowerCase(), 'bundles/lid@bbbbbbbb'],
		['cap', 'lid@aaaaaaaa', '/box/bundles/lid@aaaaaaaa'],
		['far', 'cap@cccccccc', '/box/bundles/cap@cccccccc'],
		['lid', 'cap@cccccccc', 'bundles/cap@cccccccc'],
	] as const) {
		const { result } = await ask({ action: 'activate', recipe, bundle });
		const { change, by } = editor.edits.at(-1)!;
		assert.equal(change, { patch: { recipes: { [recipe]: { model: written } } } });
		assert.is(by, work.by);
		assert.is(result.edited?.recipe, recipe);
		assert.ok(result.bundles[0]!.recipes.includes(recipe) || recipe === 'far', recipe);
	}
	assert.equal((await ask({ action: 'activate', recipe: 'lid', bundle: 'lid@aaaaaaaa' })).result.edited, {
		...{ rev: '8-x', before: '7-x', changed: [] },
		...{ recipe: 'lid', stations: ['a', 'b'], was: 'cap@cccccccc' },
	});
});

bundles('that a recipe has already move nothing', async () => {
	const { editor, ask } = world();
	const { text, result } = await ask({ action: 'activate', recipe: 'lid', bundle: 'lid@aaaaaaaa' });
	assert.equal([text, result.edited], ['recipe lid inspects with lid@aaaaaaaa already', null]);
	assert.is(editor.edits.length, 0);
});

bundles(
	'are rolled back to the one that the recipe had before, also when other edits came between',
	async () => {
		const { editor, ask } = world();
		const none = await refusalOf(ask({ action: 'rollback', recipe: 'lid' }));
		assert.equal([none.code, editor.edits.length], ['conflict', 0]);
		await ask({ action: 'activate', recipe: 'lid', bundle: 'lid@bbbbbbbb' });
		await editor.edit(
			{ by: work.by, change: { patch: { recipes: { lid: { threshold: 0.7 } } } } },
			{ signal: work.signal, progress: () => {} },
		);
		const { text } = await ask({ action: 'rollback', recipe: 'lid' });
		assert.is(text, 'recipe lid inspects with lid@aaaaaaaa');
		const { model, threshold } = editor.current().config.recipes.lid!;
		assert.equal([basename(model), threshold], ['lid@aaaaaaaa', 0.7]);
		assert.is(
			(await ask({ action: 'rollback', recipe: 'lid' })).text,
			'recipe lid inspects with lid@bbbbbbbb',
		);
	},
);

bundles('that cannot be read are tried, and what the edit says is the answer', async () => {
	const { editor, ask } = world();
	editor.refuse(new Refusal('failed', 'Cannot use bundle'));
	const refused = await refusalOf(ask({ action: 'activate', recipe: 'lid', bundle: 'lid@eeeeeeee' }));
	assert.equal([refused.code, editor.edits.length], ['failed', 1]);
	assert.is(basename(editor.current().config.recipes.lid!.model), 'lid@aaaaaaaa');
});

const wrong: readonly (readonly [asked: Partial<Ask<'bundles'>>, code: string, text: RegExp])[] = [
	[{ action: 'activate', bundle: 'lid@bbbbbbbb' }, 'invalid', /^recipe: is missing/],
	[{ action: 'activate', recipe: 'lid' }, 'invalid', /^bundle: is missing/],
	[{ action: 'rollback' }, 'invalid', /^recipe: is missing/],
	[{ action: 'rollback', recipe: 'lid', bundle: 'lid@bbbbbbbb' }, 'invalid', /^bundle: /],
	[{ action: 'list', bundle: 'lid@bbbbbbbb' }, 'invalid', /^bundle: /],
	[{ action: 'activate', recipe: 'lyd', bundle: 'x' }, 'invalid', /no recipe "lyd", did you mean "lid"\?/],
	[{ action: 'activate', recipe: '__proto__', bundle: 'x' }, 'invalid', /no recipe "__proto__": there are/],
	[{ action: 'activate', recipe: 'lid', bundle: 'lid@bbbbbbbc' }, 'conflict', /mean "lid@bbbbbbbb"\?/],
	[
		{ action: 'activate', recipe: 'lid', bundle: `lid@bbbbbbbb${'0'.repeat(8)}` },
		'conflict',
		/there are lid@/,
	],
	[{ action: 'activate', recipe: 'lid', bundle: 'lid' }, 'conflict', /there are lid@aaaaaaaa, lid@bbbbbbbb/],
	[
		{ action: 'activate', recipe: 'lid', bundle: 'l\u0456d@bbbbbbbb' },
		'conflict',
		/"l\\u0456d@bbbbbbbb", did/,
	],
	[{ action: 'activate', recipe: 'lid', bundle: '../bundles/lid@bbbbbbbb' }, 'conflict', /no bundle/],
	[{ action: 'activate', recipe: 'lid', bundle: '/box/bundles/lid@bbbbbbbb' }, 'conflict', /no bundle/],
	[{ action: 'activate', recipe: 'lid', bundle: '..' }, 'conflict', /no bundle/],
];

for (const [asked, code, text] of wrong)
	bundles(`are not moved for ${JSON.stringify(asked)}`, async () => {
		const { editor, ask } = world();
		const refusal = await refusalOf(ask(asked));
		assert.is(refusal.code, code);
		assert.match(refusal.message, text);
		assert.is(refusal.faults.length, 1);
		assert.is(editor.edits.length, 0);
	});

bundles.run();
