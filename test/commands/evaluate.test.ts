import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure, type FailureCode } from '../../src/base/failure.js';
import { evaluateCommand } from '../../src/commands/evaluate.js';
import type { Arguments } from '../../src/commands/terminal/command.js';
import { writeBundle } from '../../src/disk/bundle.js';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { teachWorld } from '../../src/jobs/world.js';
import { contentsOf, type Lesson } from '../../src/learn/pack.js';
import { oneTile } from '../../src/model/tiling.js';
import { encodePng } from '../../src/opencv/picture.js';

const test = suite('evaluate');

const SIZE = 32;
/** Images are twice the model's size, so that they and their masks are resized. */
const SIDE = 2 * SIZE;

test('the figures of a bundle on a data set are printed as JSON', async () => {
	await using box = await boxOf();
	await box.image('test/good/1.png', 10);
	await box.image('test/good/2.png', 60);
	await box.image('test/spot/1.png', 10, 100);
	await box.image('test/spot/2.png', 10, 40);
	await box.mask('ground_truth/spot/1_mask.png');
	await box.mask('ground_truth/spot/2_mask.png');
	const { msPerImage, ...figures } = JSON.parse((await box.evaluate({ json: true })).join('')) as Figures;
	assert.equal(Object.keys(figures), [
		'images',
		'imageAuroc',
		'pixelAuroc',
		'proRd4ad',
		'aupro03',
		'threshold',
		'falseRejects',
		'escapes',
		'withoutSiblings',
	]);
	assert.equal([figures.images, figures.threshold, figures.falseRejects, figures.escapes], [4, 0.2, 1, 1]);
	// Scores are brightnesses: good 10 and 60, defective 100 and 40; the soft edge around a shrunk spot stays darker than the darker spot.
	assert.is(figures.imageAuroc, 0.75);
	// Each defect is found before all good pixels but those of the second good image, which outshine the darker one.
	const good = 4 * SIZE ** 2 - 2 * (SIZE / 4) ** 2;
	const outshining = SIZE ** 2 / good;
	assert.ok(near(figures.pixelAuroc, 1 - outshining / 2));
	assert.ok(near(figures.aupro03, 1 - outshining / 0.3 / 2));
	assert.is(figures.proRd4ad, 1);
	assert.ok((msPerImage as number) > 0);
});

test('people get a row a kind, and what the threshold does in a sentence', async () => {
	await using box = await boxOf();
	await box.image('test/good/1.png', 10);
	await box.image('test/spot/1.png', 10, 200);
	await box.image('test/spot/2.png', 10, 40);
	const text = (await box.evaluate({})).join('\n');
	assert.match(text, /^good +1 +none/m);
	assert.match(text, /^spot +2 +1 escaped/m);
	assert.match(text, 'image AUROC 1.0000   pixel AUROC –');
	assert.match(text, '0 of 1 good parts would be rejected and 1 of 2 defective parts would pass');
	assert.match(text, 'There are no masks');
	assert.match(text, /3 images, [\d.]+ ms an image on provider "cpu"/);
});

test('a data set with good images only has no AUROC', async () => {
	await using box = await boxOf();
	await box.image('test/good/1.png', 10);
	const figures = JSON.parse((await box.evaluate({ json: true })).join('')) as Figures;
	assert.equal(
		[figures.images, figures.imageAuroc, figures.pixelAuroc, figures.proRd4ad, figures.aupro03],
		[1, null, null, null, null],
	);
});

test('an image or mask that cannot be read is named, and no result is printed', async () => {
	for (const damaged of ['test/good/1.png', 'test/spot/1.png', 'ground_truth/spot/1_mask.png']) {
		await using box = await boxOf();
		await box.image('test/good/1.png', 10);
		await box.image('test/spot/1.png', 10, 200);
		await box.mask('ground_truth/spot/1_mask.png');
		const bytes = await readFile(box.path(damaged));
		await writeFile(box.path(damaged), bytes.subarray(0, bytes.length / 2));
		const failure = await box.failure({ json: true }, 'image-unreadable');
		assert.match(failure.message, box.path(damaged));
	}
});

test('a damaged bundle is refused', async () => {
	await using box = await boxOf();
	await box.image('test/good/1.png', 10);
	const model = await readFile(join(box.bundle, 'model.onnx'));
	await writeFile(join(box.bundle, 'model.onnx'), model.subarray(0, model.length - 1));
	assert.match((await box.failure({}, 'bundle-invalid')).message, 'model.onnx');
	await rm(join(box.bundle, 'manifest.json'));
	assert.match((await box.failure({}, 'bundle-invalid')).message, 'manifest.json');
});

test('a folder that is no data set is refused', async () => {
	await using box = await boxOf();
	await box.image('train/good/1.png', 10);
	assert.match((await box.failure({}, 'images-missing')).message, 'it has no folder "test"');
});

test('a number of threads that is none is wrong usage', async () => {
	await using box = await boxOf();
	await box.image('test/good/1.png', 10);
	for (const threads of ['-1', '1.5', 'many', '']) await box.failure({ threads }, 'usage');
	assert.is((await box.evaluate({ threads: '1', json: true })).length, 1);
});

test('an interrupted evaluation has no result', async () => {
	await using box = await boxOf();
	await box.image('test/good/1.png', 10);
	await box.failure(
		{ json: true },
		'interrupted',
		AbortSignal.abort(new Failure('interrupted', 'Interrupted')),
	);
});

test('somebody who watches sees how far it is', async () => {
	await using box = await boxOf();
	await box.image('test/good/1.png', 10);
	await box.image('test/good/2.png', 10);
	await box.evaluate({});
	assert.equal(box.notes, ['evaluating 1 of 2 images', 'evaluating 2 of 2 images']);
});

test('the report shows the pictures that the threshold gets wrong', async () => {
	await using box = await boxOf();
	await box.image('test/good/1.png', 10);
	await box.image('test/good/2.png', 60);
	await box.image('test/spot/1.png', 10, 200);
	await box.image('test/spot/2.png', 10, 40);
	await box.mask('ground_truth/spot/2_mask.png');
	const report = box.path('out/report.html');
	const printed = await box.evaluate({ report, json: true });
	assert.is(printed.length, 1);
	const html = await readFile(report, 'utf8');
	const section = (title: string) => html.slice(html.indexOf(`<h2>${title}`)).split('</section>')[0]!;
	const shown = (title: string) => [...section(title).matchAll(/<figcaption>(\S+)/g)].map(([, name]) => name);
	assert.equal(shown('Escapes'), ['spot/2.png']);
	assert.equal(shown('False rejects'), ['good/2.png']);
	assert.equal(shown('Close calls'), ['spot/1.png', 'good/1.png']);
	assert.is(section('Escapes').split('data:image/jpeg').length - 1, 2);
	assert.is(section('Escapes').split('data:image/png').length - 1, 1);
	assert.match(html, 'brightness on data');
});

test('a report that cannot be written is said, and then nothing is printed', async () => {
	await using box = await boxOf();
	await box.image('test/good/1.png', 10);
	for (const report of [box.path('test/good'), box.path('test/good/1.png/report.html')]) {
		assert.match((await box.failure({ report, json: true }, 'file-unwritable')).message, report);
		assert.equal(box.notes, [], 'it is tried before the pictures are scored');
	}
});

for (const json of [true, false]) {
	test(`figures are printed whatever happens to the report later, ${json ? 'as JSON' : 'for people'}`, async () => {
		await using box = await boxOf();
		await box.image('test/good/1.png', 10);
		await box.image('test/spot/1.png', 10, 200);
		const report = box.path('out/report.html');
		box.onNote((note) => note.startsWith('evaluating 2') && rmSync(box.path('test/spot/1.png')));
		const thrown = await box.evaluate({ report, json }).catch((failure: unknown) => failure);
		assert.instance(thrown, Failure);
		assert.is((thrown as Failure).code, 'image-unreadable');
		assert.match(box.printed.join('\n'), json ? /"imageAuroc":1/ : /image AUROC 1\.0000/);
		assert.not.match(box.printed.join('\n'), 'The report is');
		assert.not.ok(existsSync(report));
	});
}

type Figures = Readonly<Record<string, number | null>>;
type Options = Arguments['options'];

/** A folder with a bundle whose map is the brightness of the image in [0, 1] (threshold 0.2), and an empty data set. */
async function boxOf() {
	const dir = await mkdtemp(join(tmpdir(), 'inspectord-evaluate-'));
	const bundle = join(dir, 'bundle');
	await writeBrightnessBundle(bundle);
	const path = (name: string) => join(dir, 'data', name);
	const write = async (name: string, grey: (x: number, y: number) => number) => {
		const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => {
			const pixel = Math.floor(i / 3);
			return grey(pixel % SIDE, Math.floor(pixel / SIDE));
		});
		await mkdir(dirname(path(name)), { recursive: true });
		await writeFile(path(name), encodePng({ width: SIDE, height: SIDE, channels: 3, data }));
	};
	const inSpot = (x: number, y: number) => x < SIDE / 4 && y < SIDE / 4;
	const printed: string[] = [];
	const notes: string[] = [];
	let heard = (_note: string): unknown => undefined;
	const evaluate = async (options: Options, signal = new AbortController().signal) => {
		printed.length = 0;
		await evaluateCommand.run(
			{ positionals: [bundle, join(dir, 'data')], options: { threads: '0', ...options } },
			{
				signal,
				env: {},
				version: '0.1.0',
				home: dir,
				interactive: false,
				toJournal: false,
				print: (result) => printed.push(typeof result === 'string' ? result : JSON.stringify(result)),
				note: (line) => {
					notes.push(String(line));
					heard(String(line));
				},
				onHangup: () => {},
				conceal: () => {},
			},
		);
		return [...printed];
	};
	return {
		bundle,
		path,
		notes,
		printed,
		onNote: (listener: (note: string) => unknown) => {
			heard = listener;
		},
		evaluate,
		/** An even image, a square of another brightness in its corner. */
		image: (name: string, grey: number, spot = grey) => write(name, (x, y) => (inSpot(x, y) ? spot : grey)),
		mask: (name: string) => write(name, (x, y) => (inSpot(x, y) ? 255 : 0)),
		async failure(options: Options, code: FailureCode, signal?: AbortSignal) {
			const thrown = await evaluate(options, signal).then(
				() => assert.unreachable('it did not fail'),
				(reason: unknown) => reason,
			);
			assert.instance(thrown, Failure);
			assert.is((thrown as Failure).code, code);
			assert.equal(printed, []);
			return thrown as Failure;
		},
		[Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
	};
}

async function writeBrightnessBundle(dir: string): Promise<void> {
	const graph = new Graph();
	const image = graph.input('image', 'uint8', [1, SIZE, SIZE, 3]);
	const grey = graph.mean(graph.div(graph.apply('Cast', [image], { to: 'float32' }), graph.scalar(255)), [3]);
	graph.output(graph.reshape(grey, [SIZE, SIZE]), 'map');
	graph.output(graph.reshape(graph.apply('ReduceMax', [grey], { axes: [1, 2, 3] }), []), 'score');
	const model = encodeOnnx(graph, 'brightness');
	const lesson: Lesson = {
		name: 'brightness',
		architecture: {
			backbone: 'none',
			teacher: { sha256: '0'.repeat(64), origin: 'none', seeded: true },
		},
		models: { models: { fp32: model }, runs: 'fp32', gates: {} },
		heldOut: { count: 1, input: async () => new Uint8Array(SIZE * SIZE * 3) },
		scoring: null,
		calibrated: [{ name: 'dark', score: 0.2, middle: 0.05 }],
		spoiled: [],
		struck: [],
		preset: 'paper',
		threshold: { threshold: 0.2, rule: 'max', falseRejectBound: 0.5, falseRejectBound95: 0.95 },
		tiling: oneTile(SIZE),
		region: undefined,
		picture: null,
		threads: 1,
		quality: null,
		fastest: {},
		training: {
			images: 8,
			heldOut: 2,
			folds: 0,
			iterations: 1,
			batch: 1,
			learningRate: 0.005,
			seed: 1,
			hardness: 0,
			cooling: 0,
			wobble: null,
			seconds: 1,
			losses: [0.5],
			provider: 'cpu',
			pictures: null,
			groups: null,
		},
	};
	const world = teachWorld('0.1.0', new AbortController().signal, () => {});
	await writeBundle(dir, await contentsOf(lesson, world));
}

function near(actual: number | null | undefined, expected: number): boolean {
	return typeof actual === 'number' && Math.abs(actual - expected) < 1e-12;
}

test.run();
