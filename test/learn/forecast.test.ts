import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
	forecastOf,
	isLong,
	judgedIn,
	lessonSeconds,
	stepsAhead,
	type Work,
} from '../../src/learn/forecast.js';
import { MOST_STEPS } from '../../src/learn/plan.js';
import { forecastWords, proposalWords } from '../../src/protocol/teach-messages.js';

const forecasting = suite('the forecast of a lesson');

const work: Work = { tiles: 100, batch: 10, views: 1, kept: 100, judged: 0, students: 1, done: 0 };

for (const [what, changed, steps, costs, seconds] of [
	['a look at every tile, and every step', {}, 50, { tileMs: 100, stepMs: 2000 }, 10 + 100],
	[
		'tiles that are not kept, looked at again in each step',
		{ kept: 50 },
		50,
		{ tileMs: 100, stepMs: 2000 },
		5 + 50 * 2.5,
	],
	['augmented tiles, which are never kept', { kept: 0 }, 50, { tileMs: 100, stepMs: 2000 }, 50 * 3],
	[
		'whole pictures that are judged, view by view',
		{ judged: 4, views: 5 },
		0,
		{ tileMs: 100, stepMs: 3000 },
		10 + 4,
	],
	[
		'further students, which begin at their first step while this one is gone on with',
		{ students: 3, done: 20 },
		30,
		{ tileMs: 100, stepMs: 1000 },
		10 + 30 + 2 * 50,
	],
] as const) {
	forecasting(`counts ${what}`, () => {
		assert.ok(Math.abs(lessonSeconds({ ...work, ...changed }, steps, costs) - seconds) < 1e-9);
	});
}

for (const [what, asked, expected] of [
	['a count that was asked for', [30, 30, 0], [30, 30]],
	['the rest of it where a lesson is gone on with', [30, 30, 12], [18, 18]],
	['what is usual, and the most', ['auto', MOST_STEPS, 0], [160, 200]],
	['what is known once the loss has settled', ['auto', 71, 60], [11, 11]],
	['few more where what is usual is over', ['auto', MOST_STEPS, 170], [4, 30]],
] as const) {
	forecasting(`takes for the steps ahead ${what}`, () => {
		const [iterations, of, done] = asked;
		const { steps, mostSteps } = stepsAhead(iterations, of, done);
		assert.equal([steps, mostSteps], expected);
	});
}

for (const [what, precision, expected] of [
	['float32', 'fp32', 20 + 90 + 3],
	['fp16, each picture with a spoiled copy, in two models', 'fp16', 110 + 2 * (20 + 6 + 3)],
	['int8, and its ranges', 'int8', 110 + 2 * (20 + 6 + 3) + 48],
] as const) {
	forecasting(`knows which pictures are judged for ${what}`, () => {
		assert.is(judgedIn({ precision }, 10, 6), expected);
	});
}

const said = { steps: 160, mostSteps: 200, spentS: 5, backbone: 'resnet18', provider: 'cpu' } as const;
const slow = { tileMs: 100, stepMs: 3410 };

forecasting('says in words how long, and by what', () => {
	const forecast = forecastOf(work, slow, said);
	assert.is(
		forecastWords(forecast),
		'about 9 min 21 s, at most 11 min 37 s: 160 to 200 steps of 3.4 s (resnet18, on the processor)',
	);
	const exact = forecastOf(work, { tileMs: 1, stepMs: 100 }, { ...said, mostSteps: 160, provider: 'cuda' });
	assert.is(forecastWords(exact), 'about 21 s: 160 steps of 0.1 s (resnet18, on cuda)');
});

forecasting(
	'proposes the pocket teacher where a lesson is long and that one takes half as long, or less',
	() => {
		const long = forecastOf(work, slow, said);
		assert.is(isLong(long), true);
		assert.is(isLong({ ...long, backbone: 'pocket' }), false);
		assert.is(isLong(forecastOf(work, { tileMs: 10, stepMs: 500 }, said)), false, 'under three minutes');
		const much = forecastOf(work, slow, said, { tileMs: 20, stepMs: 400 });
		assert.is(
			proposalWords(much, '--backbone pocket'),
			'with the pocket teacher it would take about 71 s, at most 87 s instead of about 9 min 21 s, at most 11 min 37 s with resnet18: --backbone pocket',
		);
		const little = forecastOf(work, slow, said, { tileMs: 50, stepMs: 2000 });
		assert.is(little.pocket, null);
		assert.is(proposalWords(little, '--backbone pocket'), undefined);
	},
);

forecasting.run();
