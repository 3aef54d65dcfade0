import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decide, type Evidence } from '../../src/inspect/decide.js';

const decisions = suite('a verdict');

const sound: Evidence = {
	score: 0.4,
	threshold: 0.5,
	ageMs: 50,
	deadlineMs: 100,
	model: 'm',
	recipeModel: 'm',
	provider: 'cpu',
	allowedProvider: 'cpu',
};

const cases: readonly (readonly [
	title: string,
	change: Partial<Evidence>,
	verdict: string,
	doubt?: string,
])[] = [
	['accepts below the threshold', {}, 'accept'],
	['accepts at the threshold, which a good part has reached', { score: 0.5 }, 'accept'],
	['rejects above the threshold', { score: 0.5000001 }, 'reject'],
	['is an error without a score', { score: Number.NaN }, 'error', 'score-invalid'],
	['is an error for an infinite score', { score: Number.NEGATIVE_INFINITY }, 'error', 'score-invalid'],
	['is an error without a threshold', { threshold: Number.NaN }, 'error', 'score-invalid'],
	['is an error when it comes late', { ageMs: 100.1 }, 'error', 'too-late'],
	['is an error when nobody knows how late it comes', { ageMs: Number.NaN }, 'error', 'too-late'],
	['is an error when another model scored', { model: 'n' }, 'error', 'model-mistaken'],
	[
		'is an error when the model ran elsewhere than allowed',
		{ provider: 'cpu', allowedProvider: 'tensorrt' },
		'error',
		'provider-mistaken',
	],
	[
		'is an error, not a reject, when a high score cannot be trusted',
		{ score: 9, model: 'n' },
		'error',
		'model-mistaken',
	],
];

for (const [title, change, verdict, doubt] of cases) {
	decisions(title, () => {
		const decision = decide({ ...sound, ...change });
		assert.is(decision.verdict, verdict);
		assert.is(decision.error?.doubt, doubt);
		assert.is(decision.error !== undefined, verdict === 'error');
	});
}

decisions.run();
