import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { randomFrom } from '../../src/base/random.js';
import { type EvaluateWorld, evaluate } from '../../src/evaluate/evaluation.js';
import { kindRows, summaryLines } from '../../src/evaluate/summary.js';
import type { LabelledPicture } from '../../src/measure/labelled.js';
import type { Frame } from '../../src/vision/frame.js';
import { likenessOf } from '../../src/vision/likeness.js';

const test = suite('evaluation');

const SIZE = 2;

test('every image is scored, scores and pixels are counted', async () => {
	const { world } = worldOf({
		good: [1, 1, 1, 1],
		fine: [1, 1, 1, 3],
		bad: [1, 1, 1, 4],
		hidden: [1, 1, 1, 2],
	});
	const { figures, scored } = await evaluate(
		[image('good'), image('fine'), image('bad', 'crack', 'mask'), image('hidden', 'cut', 'mask')],
		world,
		options(2),
	);
	assert.equal(
		scored.map(({ name, score }) => [name, score]),
		[
			['good', 1],
			['fine', 3],
			['bad', 4],
			['hidden', 2],
		],
	);
	assert.is(figures.images, 4);
	assert.is(figures.threshold, 2);
	assert.is(figures.falseRejects, 1);
	assert.is(figures.escapes, 1);
	// Defective 4 and 2 against good 1 and 3: three of four pairs are right.
	assert.is(figures.imageAuroc, 0.75);
	// Defective pixels 4 and 2 against thirteen 1s and a 3: 27 of 28 pairs.
	assert.ok(Math.abs(figures.pixelAuroc! - 27 / 28) < 1e-12);
	assert.is.not(figures.proRd4ad, null);
	assert.is.not(figures.aupro03, null);
});

test('good images of parts that were taught are counted apart', async () => {
	const side = 32;
	const random = randomFrom(2);
	const parts = Array.from({ length: 5 }, () => {
		const grey = Array.from({ length: side * side }, () => 40 + random.below(150));
		return (gain: number) => grey.flatMap((v) => [gain * v, gain * v, gain * v]);
	});
	const size = { width: side, height: side };
	const taught = parts.slice(0, 3).map((shown) => likenessOf(Uint8Array.from(shown(1)), size));
	const shown: Readonly<Record<string, readonly number[]>> = {
		again: parts[1]!(0.8),
		high: parts[2]!(1.2),
		new: parts[3]!(1),
		bad: parts[4]!(1.1),
	};
	const { world: scoring } = worldOf({ again: [1, 1, 1, 1] });
	const world: EvaluateWorld = {
		...scoring,
		readPicture: async (path) => {
			const frame: Partial<Frame> = { modelInput: () => Uint8Array.from(shown[path]!), release: () => {} };
			return frame as Frame;
		},
		score: async () => ({ map: new Float32Array(side * side), score: 1 }),
	};
	const images = [image('again'), image('high'), image('new'), image('bad', 'crack')];
	const { figures, scored } = await evaluate(images, world, { ...options(0), size, taught });
	assert.equal(figures.withoutSiblings?.siblings, 2);
	assert.equal(
		[figures.falseRejects, figures.withoutSiblings?.falseRejects, figures.withoutSiblings?.good],
		[3, 1, 1],
	);
	assert.match(
		summaryLines({ figures, scored }).join('\n'),
		/2 of 3 good test pictures are other exposures of pictures that were taught: without them, 1 of 1 good parts would be rejected, and the image AUROC is /,
	);
	assert.is((await evaluate(images, world, { ...options(0), size })).figures.withoutSiblings, null);
});

test('the time of an image is that of preparing and scoring, not of reading', async () => {
	const { world } = worldOf({ a: [1, 1, 1, 1], b: [1, 1, 1, 1] });
	const { figures } = await evaluate([image('a'), image('b')], world, options(2));
	assert.is(figures.msPerImage, 7);
});

test('without masks there are no pixel metrics, without defects no AUROC', async () => {
	const { world } = worldOf({ good: [1, 1, 1, 1], bad: [1, 1, 1, 4] });
	const { figures, scored } = await evaluate([image('good'), image('bad', 'crack')], world, options(2));
	assert.equal([figures.imageAuroc, figures.pixelAuroc, figures.aupro03], [1, null, null]);
	assert.match(summaryLines({ figures, scored }).join('\n'), 'There are no masks');
	const one = await evaluate([image('good')], world, options(2));
	assert.is(one.figures.imageAuroc, null);
	assert.match(summaryLines(one).join('\n'), 'good images only');
});

test('a defective image without a mask counts for the image metrics only', async () => {
	const { world } = worldOf({ good: [1, 1, 1, 1], bad: [1, 1, 1, 4], other: [9, 9, 9, 9] });
	const found = await evaluate(
		[image('good'), image('bad', 'crack', 'mask'), image('other', 'crack')],
		world,
		options(2),
	);
	assert.is(found.figures.pixelAuroc, 1);
	assert.is(found.figures.images, 3);
	assert.match(summaryLines(found).join('\n'), 'Only 1 of 2 defective images have a mask');
});

test('masks without a defective pixel are said', async () => {
	const { world } = worldOf({ good: [1, 1, 1, 1], bad: [1, 1, 1, 4] });
	const blank = { width: SIZE, height: SIZE, channels: 1 as const, data: new Uint8Array(SIZE * SIZE) };
	const found = await evaluate(
		[image('good'), image('bad', 'crack', 'mask')],
		{ ...world, readMask: async () => blank },
		options(2),
	);
	assert.is(found.figures.pixelAuroc, null);
	assert.match(summaryLines(found).join('\n'), 'No mask shows a defective pixel');
});

test('an image that cannot be read ends it, and every frame is let go of', async () => {
	const { world, open } = worldOf({ good: [1, 1, 1, 1] });
	const failure = await failureOf(evaluate([image('good'), image('lost'), image('good')], world, options(2)));
	assert.is(failure.message, 'lost');
	assert.is(open(), 0);
});

test('a score that is not a number is never counted', async () => {
	for (const map of [
		[Number.NaN, 1, 1, 1],
		[1, 1, 1, Number.POSITIVE_INFINITY],
	]) {
		const { world } = worldOf({ odd: map });
		const failure = await failureOf(evaluate([image('odd')], world, options(2)));
		assert.is(failure.code, 'model-failed');
		assert.match(failure.message, '"odd"');
	}
});

test('a signal ends it without a result', async () => {
	const { world } = worldOf({ a: [1, 1, 1, 1], b: [1, 1, 1, 1] });
	const abort = new AbortController();
	const seen: string[] = [];
	const onProgress = (done: number, of: number) => {
		seen.push(`${done}/${of}`);
		abort.abort(new Failure('interrupted', 'Interrupted'));
	};
	const failure = await failureOf(
		evaluate([image('a'), image('b')], world, { ...options(2), signal: abort.signal, onProgress }),
	);
	assert.is(failure.code, 'interrupted');
	assert.equal(seen, ['1/2']);
});

test('good images come first in the table, and each kind has its own row', () => {
	const scored = [
		{ ...image('1', 'cut'), score: 1, ms: 1 },
		{ ...image('2', 'cut'), score: 5, ms: 1 },
		{ ...image('3', 'abrasion'), score: 4, ms: 1 },
		{ ...image('4'), score: 3, ms: 1 },
	];
	assert.equal(kindRows(scored, 2), [
		{ kind: 'good', images: 1, wrong: 1, lowest: 3, mean: 3, highest: 3 },
		{ kind: 'abrasion', images: 1, wrong: 0, lowest: 4, mean: 4, highest: 4 },
		{ kind: 'cut', images: 2, wrong: 1, lowest: 1, mean: 3, highest: 5 },
	]);
});

function image(name: string, kind = 'good', mask: string | null = null): LabelledPicture {
	return { path: name, name, kind, mask };
}

function options(threshold: number) {
	return {
		size: { width: SIZE, height: SIZE },
		threshold,
		signal: new AbortController().signal,
		onProgress: () => {},
	};
}

/**
 * A world whose pictures are keys of `maps` and whose model knows the map of each; the mask is the last pixel. Reading
 * takes 100 ms of its clock, preparing 2, scoring 5.
 */
function worldOf(maps: Readonly<Record<string, readonly number[]>>) {
	const names = Object.keys(maps);
	let clockMs = 0;
	let opened = 0;
	const world: EvaluateWorld = {
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
		now: () => clockMs,
	};
	return { world, open: () => opened };
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
