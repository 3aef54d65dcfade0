import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { sha256Of } from '../../src/base/hash.js';
import { inspectFrame } from '../../src/inspect/frame.js';
import type { StationVerdict } from '../../src/protocol/verdict.js';
import { failureOf } from '../failure-of.js';
import { clock, greyFrame, inspectionWith, recipeWith } from './inspection.js';

const frames = suite('a frame');

const part = (monotonicMs: number) => ({
	runSequence: 7,
	frame: 'lid.png',
	part: null,
	trigger: null,
	taken: { wallMs: 1_700_000_000_000, monotonicMs },
});

frames('that scores below the threshold is accepted, with everything that a subscriber needs', async () => {
	const { now } = clock();
	const { verdict, pictures } = await inspectFrame(
		greyFrame('lid.png', 990),
		part(990),
		inspectionWith([0.25], { now }),
	);
	assert.equal(verdict, {
		origin: inspectionWith([], { now }).origin,
		runSequence: 7,
		frame: 'lid.png',
		part: null,
		trigger: null,
		takenMs: 1_700_000_000_000,
		monotonicMs: 990,
		verdict: 'accept',
		error: null,
		score: 0.25,
		regions: [],
		heatmaps: [],
		latency: { waitMs: 10, prepareMs: 0, modelMs: 0, decideMs: 0, drawMs: 0 },
	});
	assert.equal(pictures, []);
});

frames('that is rejected comes with a picture for each region, listed in the same order', async () => {
	const { now } = clock();
	const { verdict, pictures } = await inspectFrame(
		greyFrame(undefined, 990),
		part(990),
		inspectionWith([0.75], { now }),
	);
	assert.is(verdict.verdict, 'reject');
	assert.is(pictures.length, 1);
	const box = { x: 0, y: 0, width: 64, height: 64 };
	assert.equal(verdict.regions, [{ box, peak: 0.75, area: 64 * 64 }]);
	assert.equal(verdict.heatmaps, [
		{ box, peak: 0.75, bytes: pictures[0]!.length, sha256: sha256Of(pictures[0]!) },
	]);
});

/** What makes a verdict an error that would be an accept otherwise. */
const doubts: readonly (readonly [
	title: string,
	score: number,
	ageMs: number,
	more: Parameters<typeof inspectionWith>[1]['more'],
	message: RegExp,
])[] = [
	['whose score is no number', Number.NaN, 10, {}, /no number/],
	['that was taken too long ago', 0.1, 51, { recipe: recipeWith({ deadlineMs: 50 }) }, /51 ms after/],
	['that another model scored than the bundle names', 0.1, 10, { recipeModel: 'other' }, /another model/],
	[
		'that was scored elsewhere than allowed',
		0.1,
		10,
		{ allowedProvider: 'cuda' },
		/ran on "cpu", allowed is "cuda"/,
	],
];

for (const [title, score, ageMs, more, message] of doubts) {
	frames(`${title} is an error, never accepted`, async () => {
		const { now } = clock();
		const taken = now() - ageMs;
		const { verdict } = await inspectFrame(
			greyFrame(undefined, taken),
			part(taken),
			inspectionWith([score], { now, more: more ?? {} }),
		);
		assert.is(verdict.verdict, 'error');
		assert.match(verdict.error!.message, message);
	});
}

frames("that the model cannot score is a failure, and stays its owner's to release", async () => {
	const { now } = clock();
	let released = 0;
	const frame = greyFrame(undefined, now(), () => {
		released += 1;
	});
	const inspection = inspectionWith([new Failure('model-failed', 'Cannot run')], { now });
	const failure = await failureOf(inspectFrame(frame, part(now()), inspection));
	assert.is(failure.code, 'model-failed');
	assert.is(released, 0);
});

frames('tells its score unclamped, and null where there is none', async () => {
	const { now } = clock();
	const scoreOf = async (score: number): Promise<StationVerdict['score']> =>
		(await inspectFrame(greyFrame(undefined, now()), part(now()), inspectionWith([score], { now }))).verdict
			.score;
	assert.is(await scoreOf(-3), -3);
	assert.is(await scoreOf(1e6), 1e6);
	assert.is(await scoreOf(Number.POSITIVE_INFINITY), null);
});

frames.run();
