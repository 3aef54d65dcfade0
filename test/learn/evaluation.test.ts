import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { type Bench, judge, type TestImage } from '../../src/learn/evaluation.js';
import { kindRows, summaryLines } from '../../src/learn/summary.js';
import type { Frame } from '../../src/vision/frame.js';

const test = suite('evaluation');

const SIZE = 2;

test('every image is judged, scores and pixels are counted', async () => {
	const { bench } = benchOf({
		good: [1, 1, 1, 1],
		fine: [1, 1, 1, 3],
		bad: [1, 1, 1, 4],
		hidden: [1, 1, 1, 2],
	});
	const { evaluation, judged } = await judge(
		[image('good'), image('fine'), image('bad', 'crack', 'mask'), image('hidden', 'cut', 'mask')],
		bench,
		options(2),
	);
	assert.equal(
		judged.map(({ name, score }) => [name, score]),
		[
			['good', 1],
			['fine', 3],
			['bad', 4],
			['hidden', 2],
		],
	);
	assert.is(evaluation.images, 4);
	assert.is(evaluation.threshold, 2);
	assert.is(evaluation.falseRejects, 1);
	assert.is(evaluation.escapes, 1);
	// Defective 4 and 2 against good 1 and 3: three of four pairs are right.
	assert.is(evaluation.imageAuroc, 0.75);
	// Defective pixels 4 and 2 against thirteen 1s and a 3: 27 of 28 pairs.
	assert.ok(Math.abs(evaluation.pixelAuroc! - 27 / 28) < 1e-12);
	assert.is.not(evaluation.proRd4ad, null);
	assert.is.not(evaluation.aupro03, null);
});

test('the time of an image is that of preparing and scoring, not of reading', async () => {
	const { bench } = benchOf({ a: [1, 1, 1, 1], b: [1, 1, 1, 1] });
	const { evaluation } = await judge([image('a'), image('b')], bench, options(2));
	assert.is(evaluation.msPerImage, 7);
});

test('without masks there are no pixel metrics, without defects no AUROC', async () => {
	const { bench } = benchOf({ good: [1, 1, 1, 1], bad: [1, 1, 1, 4] });
	const { evaluation, judged } = await judge([image('good'), image('bad', 'crack')], bench, options(2));
	assert.equal([evaluation.imageAuroc, evaluation.pixelAuroc, evaluation.aupro03], [1, null, null]);
	assert.match(summaryLines({ evaluation, judged }).join('\n'), 'There are no masks');
	const one = await judge([image('good')], bench, options(2));
	assert.is(one.evaluation.imageAuroc, null);
	assert.match(summaryLines(one).join('\n'), 'good images only');
});

test('a defective image without a mask counts for the image metrics only', async () => {
	const { bench } = benchOf({ good: [1, 1, 1, 1], bad: [1, 1, 1, 4], other: [9, 9, 9, 9] });
	const found = await judge(
		[image('good'), image('bad', 'crack', 'mask'), image('other', 'crack')],
		bench,
		options(2),
	);
	assert.is(found.evaluation.pixelAuroc, 1);
	assert.is(found.evaluation.images, 3);
	assert.match(summaryLines(found).join('\n'), 'Only 1 of 2 defective images have a mask');
});

test('an image that cannot be read ends it, and every frame is let go of', async () => {
	const { bench, open } = benchOf({ good: [1, 1, 1, 1] });
	const failure = await failureOf(judge([image('good'), image('lost'), image('good')], bench, options(2)));
	assert.is(failure.message, 'lost');
	assert.is(open(), 0);
});

test('a score that is not a number is never counted', async () => {
	for (const map of [
		[Number.NaN, 1, 1, 1],
		[1, 1, 1, Number.POSITIVE_INFINITY],
	]) {
		const { bench } = benchOf({ odd: map });
		const failure = await failureOf(judge([image('odd')], bench, options(2)));
		assert.is(failure.code, 'model-failed');
		assert.match(failure.message, '"odd"');
	}
});

test('a signal ends it without a result', async () => {
	const { bench } = benchOf({ a: [1, 1, 1, 1], b: [1, 1, 1, 1] });
	const abort = new AbortController();
	const seen: string[] = [];
	const onProgress = (done: number, of: number) => {
		seen.push(`${done}/${of}`);
		abort.abort();
	};
	const failure = await failureOf(
		judge([image('a'), image('b')], bench, { ...options(2), signal: abort.signal, onProgress }),
	);
	assert.is(failure.code, 'interrupted');
	assert.equal(seen, ['1/2']);
});

test('good images come first in the table, and each kind has its own row', () => {
	const judged = [
		{ ...image('1', 'cut'), score: 1, ms: 1 },
		{ ...image('2', 'cut'), score: 5, ms: 1 },
		{ ...image('3', 'abrasion'), score: 4, ms: 1 },
		{ ...image('4'), score: 3, ms: 1 },
	];
	assert.equal(kindRows(judged, 2), [
		{ kind: 'good', images: 1, wrong: 1, lowest: 3, mean: 3, highest: 3 },
		{ kind: 'abrasion', images: 1, wrong: 0, lowest: 4, mean: 4, highest: 4 },
		{ kind: 'cut', images: 2, wrong: 1, lowest: 1, mean: 3, highest: 5 },
	]);
});

function image(name: string, kind = 'good', mask: string | null = null): TestImage {
	return { path: name, name, kind, mask };
}

function options(threshold: number) {
	return { size: SIZE, threshold, signal: new AbortController().signal, onProgress: () => {} };
}

/**
 * A bench whose pictures are keys of `maps` and whose model knows the map of each; the mask is the last pixel. Reading
 * takes 100 ms of its clock, preparing 2, scoring 5.
 */
function benchOf(maps: Readonly<Record<string, readonly number[]>>) {
	const names = Object.keys(maps);
	let clockMs = 0;
	let opened = 0;
	const bench: Bench = {
		readPicture: async (path) => {
			if (maps[path] === undefined) throw new Failure('image-unreadable', path);
			clockMs += 100;
			opened += 1;
			const frame: Partial<Frame> = {
				modelInput: () => {
					clockMs += 2;
					return Uint8Array.of(names.indexOf(path));
				},
				release: () => {
					opened -= 1;
				},
			};
			return frame as Frame;
		},
		readMask: async () => ({ width: SIZE, height: SIZE, channels: 1, data: Uint8Array.of(0, 0, 0, 255) }),
		score: async (input) => {
			clockMs += 5;
			const map = Float32Array.from(maps[names[input[0]!]!]!);
			return { map, score: Math.max(...map) };
		},
		nowMs: () => clockMs,
	};
	return { bench, open: () => opened };
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
	const thrown = await promise.then(
		() => assert.unreachable('it did not fail'),
		(reason: unknown) => reason,
	);
	assert.instance(thrown, Failure);
	return thrown as Failure;
}

test.run();
