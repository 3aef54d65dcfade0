import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Figures, Result } from '../../../bench/accuracy/results.js';
import { isBelow, isBeyondBound, meanOf, tableLines } from '../../../bench/accuracy/table.js';

const table = suite('the table of accuracy');

const figures: Figures = {
	...{ imageAuroc: 0.99, pixelAuroc: null, proRd4ad: null, aupro03: null },
	...{ good: 40, defective: 60, threshold: 1, falseRejects: 2, escapes: 6, falseRejectBound: 0.05 },
	falseRejectBound95: null,
	...{ steps: 50, seconds: 100, versions: {} },
};

function result(side: string, seed: number, found: Partial<Figures>, set = 'bottle'): Result {
	const made = { options: '', commit: 'abc', machine: 'a machine', at: '2026-11-30T00:00:00Z' };
	return { side, set, seed, ...made, figures: { ...figures, ...found } };
}

table('takes means with their standard errors, which one lesson has not', () => {
	assert.equal(meanOf([]), undefined);
	assert.equal(meanOf([null, 2]), { mean: 2, error: null, n: 1 });
	assert.equal(meanOf([1, null, 3]), { mean: 2, error: 1, n: 2 });
});

table('says that a mean is below only beyond the standard error of the other', () => {
	const published = { mean: 0.95, error: 0.01, n: 3 };
	const ours = (mean: number) => ({ mean, error: 0.2, n: 3 });
	assert.is(isBelow(ours(0.96), published), false);
	assert.is(isBelow(ours(0.945), published), false);
	assert.is(isBelow(ours(0.93), published), true);
	assert.is(isBelow(ours(0.93), { ...published, error: null }), null);
});

table('says that more are rejected than stated only where chance would hardly do it', () => {
	assert.is(isBeyondBound([{ ...figures, falseRejects: 4 }]), false);
	assert.is(isBeyondBound([{ ...figures, falseRejects: 5 }]), true);
	assert.is(isBeyondBound([{ ...figures, falseRejects: 9, falseRejectBound: null }]), false);
	assert.is(isBeyondBound([{ ...figures, falseRejects: null }]), false);
});

const sides = [
	{ name: 'PyTorch', role: 'published' as const },
	{ name: 'ours, at abc' },
	{ name: 'ours', role: 'default' as const, before: 'ours, at abc' },
];

table('has a row a side with the last result of each seed, and says what holds', () => {
	const lines = tableLines(
		[
			result('PyTorch', 1, { imageAuroc: 0.98, threshold: null, escapes: null, falseRejects: null }),
			result('PyTorch', 2, { imageAuroc: 0.96, threshold: null, escapes: null, falseRejects: null }),
			result('ours, at abc', 1, { escapes: 12 }),
			result('ours', 1, { imageAuroc: 0.1 }),
			result('ours', 1, { imageAuroc: 0.94 }),
			result('ours', 2, {
				imageAuroc: 0.94,
				chosen: { scoring: 'sum', passes: {}, rule: 'max', squares: '2x2 of 256' },
			}),
			result('ours', 1, { imageAuroc: 0.9 }, 'not asked for'),
		],
		{ sides, sets: ['bottle', 'alien_toy'] },
	);
	assert.is(lines[0], '### bottle (chosen on; tested with 40 good and 60 defective)');
	assert.equal(
		lines.filter((line) => /^\| (ours|PyTorch)/.test(line)).map((line) => line.split(' | ').slice(0, 3)),
		[
			['| PyTorch', '2', '0.9700 ± 0.0100'],
			['| ours, at abc', '1', '0.9900'],
			['| ours', '2', '0.9400 ± 0.0000'],
		],
	);
	assert.equal(
		lines.filter((line) => line.startsWith('| ours |')).map((line) => line.split(' | ').at(-1)),
		['sum in 2x2 of 256 1× |'],
	);
	assert.ok(
		lines.includes(
			'- ours, image AUROC, beside PyTorch: holds on 0 of 1 sets; not on bottle 0.9400 for 0.9700 ± 0.0100',
		),
	);
	assert.ok(
		lines.includes(
			'- ours: 6.0 of 60 escape (0.50 of those before), 2.0 of 40 are falsely rejected (stated: at most 2.0)',
		),
	);
	assert.is(
		lines.some((line) => line.includes('not asked for')),
		false,
	);
});

table('says so where there is nothing yet', () => {
	assert.equal(tableLines([], { sides, sets: ['bottle'] }), ['No results yet.']);
});

table.run();
