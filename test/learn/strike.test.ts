import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { teachWorld } from '../../src/jobs/world.js';
import type { GoodImages } from '../../src/learn/lesson.js';
import { type StrikeSettings, strike } from '../../src/learn/strike.js';
import { teach } from '../../src/learn/teach.js';
import type { BundleContents } from '../../src/model/bundle.js';
import type { Manifest } from '../../src/model/manifest.js';
import { seededTeacher } from '../../src/model/teacher.js';
import { oneTile } from '../../src/model/tiling.js';
import { frameOf } from '../../src/opencv/picture.js';
import { drawPart } from '../../src/sim/line.js';
import { failureOf } from '../failure-of.js';

const striking = suite('a threshold that is taught anew');

const tiling = oneTile(64);
const pictures = Array.from({ length: 20 }, (_, i) => {
	const frame = frameOf(drawPart(1, i, undefined, 96).image);
	const input = frame.modelInput(undefined, tiling);
	frame.release();
	return { input, size: { width: 96, height: 96 } };
});
const images: GoodImages = {
	count: pictures.length,
	name: (i) => `${i}.png`,
	image: async (i) => pictures[i]!,
};
const world = teachWorld('0', new AbortController().signal, () => {});
let lesson: Promise<BundleContents> | undefined;

/** One for all tests: ten of twenty pictures set its threshold. */
function taught(): Promise<BundleContents> {
	lesson ??= teach(
		images,
		{ weights: seededTeacher('pocket', 1), sha256: '0'.repeat(64), origin: 'seed', seeded: true },
		{
			name: 't',
			backbone: 'pocket',
			tiling,
			preset: 'standard',
			precision: 'fp32',
			iterations: 2,
			batch: 4,
			seed: 3,
			holdout: 0.5,
			threads: 1,
		},
		world,
	);
	return lesson;
}

async function anew(
	settings: Partial<StrikeSettings>,
	changed: (manifest: Manifest) => Manifest = (manifest) => manifest,
	of: GoodImages = images,
	from?: BundleContents,
): Promise<BundleContents> {
	const { manifest, models } = from ?? (await taught());
	const whole = { ...manifest, files: { models: {}, golden: '' } };
	const bundle = { place: 'b', manifest: changed(whole), model: models.fp32! };
	return strike(of, bundle, { name: 't', threads: 1, ...settings }, world);
}

striking('is the same, and so is the model, where nothing is struck', async () => {
	const first = await taught();
	const again = await anew({});
	assert.is(Buffer.compare(again.models.fp32!, first.models.fp32!), 0);
	assert.equal(again.manifest.calibration, first.manifest.calibration);
	assert.equal(again.manifest.training, first.manifest.training);
});

striking('leaves out what is struck and says so, until it is struck no more', async () => {
	const first = (await taught()).manifest.calibration;
	const [highest, next] = first.curve.map(({ picture }) => picture) as [string, string];
	const struck = await anew({ struck: [highest, next.replace('.png', '')] });
	const { calibration, training } = struck.manifest;
	assert.equal([...calibration.struck].sort(), [highest, next].sort());
	assert.equal(
		calibration.pictures,
		first.pictures.filter((name) => name !== highest && name !== next),
	);
	assert.equal([training.heldOut, calibration.scores.length], [8, 8]);
	assert.ok(calibration.threshold < first.threshold);
	assert.is(calibration.falseRejectBound, 1 / 9);
	const kept = (await anew({}, undefined, undefined, struck)).manifest.calibration;
	assert.equal(kept.struck, calibration.struck, 'without a list it stays as it is');
	const none = (await anew({ struck: [], thresholdRank: 3 }, undefined, undefined, struck)).manifest;
	assert.equal([none.calibration.struck, none.calibration.pictures], [[], first.pictures]);
	const { threshold, rule, spoiledPass } = none.calibration;
	assert.equal([threshold, rule], [first.curve[1]!.threshold, 'rank']);
	assert.is(spoiledPass, first.curve[1]!.spoiledPass);
});

for (const [what, change, message] of [
	['a bundle of an older program', { training: { pictures: null } }, /"b" anew: it was taught by an older/],
	['a bundle of an older program', { calibration: { pictures: [] } }, /it was taught by an older program/],
	['pictures that students judged in turn', { training: { folds: 4 } }, /"b" anew: its pictures were few/],
	['a model from elsewhere', { architecture: { backbone: 'imported' } }, /its model was taught elsewhere/],
	['another network', { architecture: { backbone: 'resnet18' } }, /the constant "conv1.weight" of its model/],
] as const) {
	striking(`is refused for ${what}: ${message.source}`, async () => {
		const changed = (manifest: Manifest) =>
			Object.fromEntries(
				Object.entries(manifest).map(([key, value]) => [
					key,
					key in change ? { ...(value as object), ...(change as Record<string, object>)[key] } : value,
				]),
			) as Manifest;
		await refused(anew({}, changed), 'bundle-invalid', message);
	});
}

striking('is refused for other pictures, for a name that none has, and where too few are left', async () => {
	const renamed = { ...images, name: (i: number) => `other ${i}` };
	await refused(anew({}, undefined, renamed), 'images-missing', /not those that it was taught from/);
	const { pictures: names } = (await taught()).manifest.calibration;
	const learnt = pictures.map((_, i) => images.name(i)).find((name) => !names.includes(name))!;
	await refused(anew({ struck: [learnt] }), 'usage', /"\d+\.png" does not set it, it was learnt from/);
	await refused(anew({ struck: ['x'] }), 'usage', /there is no picture "x"/);
	await refused(anew({ struck: names.slice(1) }), 'images-missing', /1 of 10 pictures would be left/);
	await refused(anew({ thresholdRank: 11 }), 'usage', /rank 11/);
});

async function refused(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
	const failure = await failureOf(work);
	assert.is(failure.code, code);
	assert.match(failure.message, message);
}

striking.run();
