import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../../src/base/failure.js';
import { Refusal } from '../../../src/control/answer.js';
import { type ThresholdWorld, thresholdRequest } from '../../../src/control/requests/threshold.js';
import { tally } from '../../../src/measure/thresholds.js';
import type { Manifest } from '../../../src/model/manifest.js';
import { examples } from '../../../src/protocol/examples.js';
import { type Ask, REQUESTS } from '../../../src/protocol/requests.js';
import { editorOf } from '../editor.js';
import { refusalOf, work } from '../working.js';

const thresholds = suite('the request "threshold"');

const CONFIG = `
box: t
stations:
  a: { camera: { source: x }, recipe: lid }
  b: { camera: { source: x }, recipe: lid }
  c: { camera: { source: x }, recipe: cap }
recipes:
  lid: { model: lid, threshold: 0.6 }
  cap: { model: cap }
  new: { model: new, precision: fp16 }
`;

const MODELS = { fp32: 'f'.repeat(64), fp16: '6'.repeat(64), int8: '8'.repeat(64) };

const manifest = {
	calibration: { threshold: 0.5, scores: [0.1, 0.2, 0.5] },
	precision: { runs: 'int8' },
	files: { models: MODELS },
} as unknown as Manifest;

/** `runs`: the hash of the model on station a. */
function world(runs: string | null = MODELS.int8) {
	const editor = editorOf(CONFIG);
	const queries: Parameters<ThresholdWorld['scores']>[0][] = [];
	const handler = thresholdRequest({
		editor: () => editor,
		states: () => {
			const { model } = examples.stationState;
			return [
				{ ...examples.stationState, station: 'a', recipe: 'lid', model: runs && { ...model, sha256: runs } },
			] as never;
		},
		look: async (model) => {
			if (model.endsWith('cap')) throw new Failure('bundle-invalid', 'Cannot use bundle');
			return { id: 'lid@1c947c1d', sha256: '', manifest, lacks: null };
		},
		scores: async (query, tried) => {
			queries.push(query);
			const decided = { scores: Float64Array.of(0.3, 0.55, 0.9), accepted: Uint8Array.of(1, 1, 0) };
			return { ...tally(decided, tried), fromMs: 0, toMs: 1000, isMore: false };
		},
	});
	const ask = async (asked: Ask<'threshold'>) => {
		const { text, result } = await handler(asked, work);
		assert.equal(REQUESTS.threshold.result.safeParse(result).error, undefined);
		return { text, result };
	};
	return { editor, queries, ask };
}

thresholds(
	'are tried on the parts of the model that runs: that which stands, and that which was taught',
	async () => {
		const { ask, queries, editor } = world();
		const { text, result } = await ask({ recipe: 'lid' });
		assert.is(text, '3 parts of recipe lid, on a, b');
		assert.equal(queries, [
			{ recipe: 'lid', model: MODELS.int8, station: undefined, sinceMs: undefined, limit: 100_000 },
		]);
		assert.equal(
			result.values.map(({ threshold, newRejects, goodRejects }) => [threshold, newRejects, goodRejects]),
			[
				[0.6, 0, 0],
				[0.5, 1, 0],
			],
		);
		assert.equal([result.threshold, result.taught, result.good, result.edited], [0.6, 0.5, 3, null]);
		assert.equal([result.from, result.to], ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:01.000Z']);
		assert.is(editor.edits.length, 0);
		const asked = await ask({ station: 'b', values: [0.15, 0.15, 0.3], since: '2026-11-25T00:00:00.000Z' });
		assert.equal(
			asked.result.values.map(({ threshold, goodRejects }) => [threshold, goodRejects]),
			[
				[0.15, 2],
				[0.3, 1],
			],
		);
		assert.equal([queries[1]!.station, queries[1]!.sinceMs], ['b', Date.UTC(2026, 10, 25)]);
	},
);

thresholds('of a recipe that nobody runs are those of the model that it would run', async () => {
	const { ask, queries } = world();
	const { result } = await ask({ recipe: 'new' });
	assert.equal([queries[0]!.model, result.stations, result.bundle], [MODELS.fp16, [], 'lid@1c947c1d']);
});

thresholds('say nothing of good pictures that another model scored', async () => {
	const { result } = await world('0'.repeat(64)).ask({ recipe: 'lid' });
	assert.equal([result.good, result.values[0]!.goodRejects], [null, null]);
});

thresholds('are applied as an edit of the recipe, for all stations that run it', async () => {
	const { ask, editor } = world();
	const { text, result } = await ask({ station: 'a', apply: 0.7 });
	assert.is(text, 'the threshold of recipe lid is 0.7 now, on a, b');
	assert.equal(editor.edits[0]!.change, { patch: { recipes: { lid: { threshold: 0.7 } } } });
	assert.is(editor.edits[0]!.by, work.by);
	assert.equal([result.threshold, result.edited?.rev, result.values.at(-1)!.threshold], [0.7, '2-x', 0.7]);
	assert.is(
		(await ask({ recipe: 'lid', apply: 0.7 })).text,
		'the threshold of recipe lid is 0.7 already, on a, b',
	);
	assert.is(editor.edits.length, 1);
	await ask({ recipe: 'lid', apply: 'bundle' });
	assert.is(editor.current().config.recipes.lid!.threshold, 'bundle');
	editor.refuse(new Refusal('failed', 'no'));
	assert.is((await refusalOf(ask({ recipe: 'lid', apply: 0.7 }))).code, 'failed');
});

const wrong: readonly (readonly [asked: Ask<'threshold'>, text: RegExp])[] = [
	[{}, /^recipe: is missing: name a station or a recipe, of lid, cap, new$/],
	[{ station: 'd' }, /^station: there is no station "d", did you mean "a"\?$/],
	[{ recipe: 'lib' }, /^recipe: there is no recipe "lib", did you mean "lid"\?$/],
	[{ station: 'a', recipe: 'cap' }, /^recipe: station "a" runs "lid"$/],
	[{ recipe: 'constructor', apply: 0.5 }, /^recipe: there is no recipe "constructor"/],
];

for (const [asked, text] of wrong)
	thresholds(`are not tried for ${JSON.stringify(asked)}`, async () => {
		const { ask, editor } = world();
		const refusal = await refusalOf(ask(asked));
		assert.is(refusal.code, 'invalid');
		assert.match(refusal.message, text);
		assert.is(editor.edits.length, 0);
	});

thresholds('of a bundle that cannot be read are not told', async () => {
	const thrown = await world()
		.ask({ station: 'c' })
		.catch((reason) => reason);
	assert.instance(thrown, Failure);
});

thresholds.run();
