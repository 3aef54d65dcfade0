import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { threadsHere, threadsWords } from '../../src/model/threads.js';

const threads = suite('threads of a recipe');

const manifest = {
	threads: { a: { cores: 4, threads: 2, medianMs: { 1: 80, 2: 45, 4: 60 } } },
	precision: { runs: 'int8', gates: {} },
} as const;

for (const [what, asked, processor, expected, words] of [
	[
		'as many as it says',
		{ threads: 3, precision: 'int8' },
		{ name: 'a', cores: 4 },
		[3, 'recipe'],
		'3 threads',
	],
	[
		'what its bundle found the fastest here',
		{ threads: 0, precision: 'int8' },
		{ name: 'a', cores: 4 },
		[2, 'bundle'],
		"2 threads, the fastest by the bundle's figures for this processor",
	],
	[
		'one a core on another processor',
		{ threads: 0, precision: 'int8' },
		{ name: 'b', cores: 4 },
		[0, 'default'],
		'one thread a core',
	],
	[
		'one a core where there are more or fewer',
		{ threads: 0, precision: 'int8' },
		{ name: 'a', cores: 2 },
		[0, 'default'],
		'one thread a core',
	],
	[
		'one a core in another precision',
		{ threads: 0, precision: 'fp32' },
		{ name: 'a', cores: 4 },
		[0, 'default'],
		'one thread a core',
	],
	[
		'one a core on a processor that is called like something else',
		{ threads: 0, precision: 'int8' },
		{ name: 'constructor', cores: 4 },
		[0, 'default'],
		'one thread a core',
	],
] as const) {
	threads(`are ${what}`, () => {
		const here = threadsHere(manifest, asked, processor, 0);
		assert.equal([here.threads, here.by], expected);
		assert.is(threadsWords(here), words);
	});
}

for (const [what, asked, name, share, expected] of [
	['its share, where that is less than what was the fastest', 0, 'a', 1, [1, 'share']],
	['what was the fastest, where its share is more', 0, 'a', 3, [2, 'bundle']],
	['its share, where nothing was measured', 0, 'b', 2, [2, 'share']],
	['as many as it says, whatever the share', 4, 'a', 1, [4, 'recipe']],
] as const) {
	threads(`are, where stations share the cores, ${what}`, () => {
		const here = threadsHere(manifest, { threads: asked, precision: 'int8' }, { name, cores: 4 }, share);
		assert.equal([here.threads, here.by], expected);
	});
}

threads('that are a share are called so', () => {
	assert.is(threadsWords({ threads: 1, by: 'share' }), '1 thread, its share of the cores');
});

threads.run();
