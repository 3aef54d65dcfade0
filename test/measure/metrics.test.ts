import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { auroc, confusionAt, rocCurve } from '../../src/measure/metrics.js';
import { uniformFrom } from '../learn/uniform.js';

const test = suite('metrics');

test('AUROC is the share of good and defective pairs in the right order', () => {
	// Good 1, 3; defective 2, 4: of the four pairs only (3, 2) is the wrong way round.
	assert.is(auroc([1, 2, 3, 4], [false, true, false, true]), 0.75);
	assert.is(auroc([4, 3, 2, 1], [false, true, false, true]), 0.25);
});

test('equal scores count half', () => {
	assert.is(auroc([5, 5, 5], [false, true, true]), 0.5);
	// Good 1, 2; defective 2, 3: pairs right, right, tied, right.
	assert.is(auroc([1, 2, 2, 3], [false, false, true, true]), 0.875);
});

test('AUROC is null when there is only one kind of part', () => {
	assert.is(auroc([1, 2], [false, false]), null);
	assert.is(auroc([1, 2], [true, true]), null);
	assert.is(auroc([], []), null);
});

test('AUROC of many tied scores is that of scikit-learn', () => {
	const { scores, defective } = tiedScores();
	// sklearn.metrics.roc_auc_score 1.2.1 on the same 200 scores.
	assert.ok(Math.abs(auroc(scores, defective)! - 0.757647788342) < 1e-11);
});

test('the trapezoids under the curve add up to the AUROC', () => {
	const { scores, defective } = tiedScores();
	const curve = rocCurve(scores, defective);
	let area = 0;
	for (const [i, { fpr, tpr }] of curve.entries()) {
		const before = curve[i - 1] ?? { fpr: 0, tpr: 0 };
		area += ((fpr - before.fpr) * (tpr + before.tpr)) / 2;
	}
	assert.ok(Math.abs(area - auroc(scores, defective)!) < 1e-12);
	assert.is(curve[0]!.fpr, 0);
	assert.is(curve[0]!.tpr, 0);
	assert.equal(curve.at(-1), { threshold: Number.NEGATIVE_INFINITY, fpr: 1, tpr: 1 });
});

test('each point of the curve is what its threshold does', () => {
	const { scores, defective } = tiedScores();
	for (const { threshold, fpr, tpr } of rocCurve(scores, defective)) {
		const { accepts, falseRejects, rejects, escapes } = confusionAt(threshold, scores, defective);
		assert.is(fpr, falseRejects / (accepts + falseRejects));
		assert.is(tpr, rejects / (rejects + escapes));
	}
});

test('a part is rejected above the threshold, not at it', () => {
	const counts = confusionAt(2, [1, 2, 3, 1, 2, 3], [false, false, false, true, true, true]);
	assert.equal(counts, { accepts: 2, falseRejects: 1, rejects: 1, escapes: 2 });
});

test('the confusion of many scores is that counted by hand in Python', () => {
	const { scores, defective } = tiedScores();
	assert.equal(confusionAt(0.7, scores, defective), {
		accepts: 85,
		falseRejects: 33,
		rejects: 43,
		escapes: 39,
	});
});

/** 200 scores in steps of 0.05, 82 of them of defective parts. */
function tiedScores() {
	const uniform = uniformFrom(7);
	const parts = Array.from({ length: 200 }, () => {
		const bad = uniform() < 0.4;
		return { bad, score: Math.floor((uniform() + (bad ? 0.3 : 0)) * 20) / 20 };
	});
	return { scores: parts.map(({ score }) => score), defective: parts.map(({ bad }) => bad) };
}

test.run();
