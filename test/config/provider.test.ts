import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../src/config/parse.js';
import { patched } from '../../src/config/patch.js';
import { candidatesOf, wishOf } from '../../src/config/provider.js';
import type { RecipeConfig } from '../../src/config/schema.js';

const providers = suite("a recipe's provider");

const cases: readonly (readonly [
	setting: RecipeConfig['provider'],
	wish: ReturnType<typeof wishOf>,
	candidates: readonly string[],
])[] = [
	['auto', { how: 'auto' }, ['tensorrt', 'cuda', 'cpu']],
	['cpu', { how: 'require', provider: 'cpu' }, ['cpu']],
	['webgpu', { how: 'require', provider: 'webgpu' }, ['webgpu']],
	[{ require: 'tensorrt' }, { how: 'require', provider: 'tensorrt' }, ['tensorrt']],
	[{ prefer: 'tensorrt' }, { how: 'prefer', provider: 'tensorrt' }, ['tensorrt', 'cuda', 'cpu']],
	[{ prefer: 'cuda' }, { how: 'prefer', provider: 'cuda' }, ['cuda', 'cpu']],
	[{ prefer: 'webgpu' }, { how: 'prefer', provider: 'webgpu' }, ['webgpu', 'cuda', 'cpu']],
	[{ prefer: 'cpu' }, { how: 'prefer', provider: 'cpu' }, ['cpu']],
];

for (const [setting, wish, candidates] of cases)
	providers(`is tried in order: ${JSON.stringify(setting)}`, () => {
		assert.equal(wishOf(setting), wish);
		assert.equal(candidatesOf(wish), candidates);
	});

/** What a patch makes of `before`: the setting, or the fault. */
function after(before: unknown, patch: unknown): unknown {
	const config = (provider: unknown) => ({
		box: 'b',
		stations: { s: { camera: { source: '0' }, recipe: 'r' } },
		recipes: { r: { model: 'm', provider } },
	});
	const parsed = parseConfig(
		JSON.stringify(patched(config(before), { recipes: { r: { provider: patch } } })),
	);
	return 'config' in parsed ? parsed.config.recipes.r!.provider : parsed.faults[0]?.path;
}

providers('is changed by a patch whole, and not to two wishes at once', () => {
	assert.equal(after('cpu', { require: 'tensorrt' }), { require: 'tensorrt' });
	assert.equal(after({ require: 'tensorrt' }, 'auto'), 'auto');
	assert.equal(after({ require: 'tensorrt' }, null), 'auto');
	assert.equal(after({ require: 'tensorrt' }, { prefer: 'cuda' }), 'recipes.r.provider.prefer');
	assert.equal(after({ require: 'tensorrt' }, { require: null, prefer: 'cuda' }), { prefer: 'cuda' });
	assert.equal(after({ prefer: 'cuda' }, { prefer: null }), 'recipes.r.provider');
});

providers.run();
