import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Context } from '../../src/base/context.js';
import { Failure } from '../../src/base/failure.js';
import { bench } from '../../src/commands/bench.js';
import type { BenchReport, Measured } from '../../src/evaluate/bench-report.js';
import { stageNames } from '../../src/evaluate/stages.js';
import { encodePng } from '../../src/opencv/picture.js';
import { drawPart } from '../../src/sim/line.js';
import { freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { program } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const test = suite('bench');

async function dataset(folder: string): Promise<void> {
	for (const [kind, defect] of [
		['good', undefined],
		['scratch', 'scratch'],
	] as const) {
		await mkdir(join(folder, 'test', kind), { recursive: true });
		for (let i = 0; i < 3; i += 1) {
			const picture = encodePng(drawPart(1, 20 + i, defect, 128).image);
			await writeFile(join(folder, 'test', kind, `${i}.png`), picture);
		}
	}
}

test('measures stages, stations, scores and accuracy with what a station runs, over the broker that is named', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	const bundle = await tinyBundle(at('bundle'));
	await dataset(at('set'));
	await mkdir(at('disk'));
	await using broker = await startMosquitto(await freePort(), folder.path);
	await using subscriber = await listen(broker.url, 'inspectord-bench/#');
	const words = ['--seconds', '0.5', '--stations', '2', '--threads', '1', '--provider', 'cpu', '--json'];
	const named = ['--labelled', at('set'), '--broker', broker.url, '--disk', at('disk')];
	const { code, out, err } = await program('bench', bundle, ...words, ...named);
	assert.is(code, 0, err);
	assert.is(out.trim().split('\n').length, 1);
	const report = JSON.parse(out) as BenchReport;
	assert.match(report.bundle, /^tiny@[0-9a-f]{8}$/);
	assert.equal([report.threads, report.labelled, report.rows.length], [1, 6, 1]);
	const row = report.rows[0] as Measured;
	const { alone, stations, compared, auroc } = row;
	assert.equal([row.precision, row.provider], ['fp32', 'cpu']);
	for (const stage of stageNames) assert.ok(alone.stages[stage].p50 >= 0, stage);
	assert.ok(alone.whole.count >= 3);
	assert.ok(alone.rejected > 0 && alone.stages.draw.count === alone.rejected);
	assert.ok(alone.perSecond > 0 && alone.memoryBytes! > 1e7);
	assert.equal([stations!.stations, stations!.errors], [2, 0]);
	assert.ok(stations!.slowestPerSecond > 0 && stations!.perSecond >= 2 * stations!.slowestPerSecond);
	assert.ok(stations!.stationBytes! > 1e7 && stations!.wholeMs.p99 >= stations!.wholeMs.p50);
	// The reference is the same model on the same provider.
	assert.equal([compared!.pictures, compared!.largest, compared!.flips], [6, 0, 0]);
	assert.ok(auroc! >= 0 && auroc! <= 1);
	// What was measured was said: each part alone in the warm-up and after, and those of both stations.
	const verdicts = subscriber.heard.filter(({ topic }) => topic.endsWith('/verdict'));
	assert.ok(verdicts.length >= alone.whole.count + stations!.wholeMs.count);
	assert.equal(await readdir(at('disk')), []);
});

test('the stages of parts add up to the whole', async () => {
	await using folder = await temporaryFolder();
	const bundle = await tinyBundle(join(folder.path, 'bundle'));
	const words = ['--seconds', '1', '--stations', '0', '--provider', 'cpu', '--json'];
	const { code, out, err } = await program('bench', bundle, ...words);
	assert.is(code, 0, err);
	const report = JSON.parse(out) as BenchReport;
	const row = report.rows[0] as Measured;
	assert.is(row.stations, null);
	const { beyondMs, totalMs } = row.alone;
	// Each of the four that the station tells is rounded to a hundredth of a millisecond.
	assert.ok(beyondMs.least >= -0.021, `${beyondMs.least}`);
	assert.ok(beyondMs.total <= 0.1 * totalMs, `${beyondMs.total} of ${totalMs}`);
});

test('people get tables', async () => {
	await using folder = await temporaryFolder();
	const bundle = await tinyBundle(join(folder.path, 'bundle'));
	await dataset(join(folder.path, 'set'));
	const images = join(folder.path, 'set', 'test', 'good');
	const words = ['--seconds', '0.2', '--stations', '0', '--provider', 'cpu', '--images', images];
	const { code, out, err } = await program('bench', bundle, ...words);
	assert.is(code, 0, err);
	assert.match(out, /^### tiny@[0-9a-f]{8}: pocket, 64 × 64 pixels$/m);
	assert.match(out, new RegExp(`3 pictures of "${images}"`));
	assert.match(out, /^\| fp32 \| cpu \| [\d.]+ \|/m);
	assert.match(out, /^\| publish: until the broker has acknowledged it \| [\d.]+, [\d.]+, [\d.]+ \|$/m);
	assert.match(out, /^- fp32: \d+ parts alone, \d+ of them rejected/m);
});

/** What is asked beside a bundle that is whole, in a folder `FOLDER`; what is wrong of it is said in these words. */
const misuses: readonly (readonly [
	asked: Readonly<Record<string, string>>,
	code: string,
	message: RegExp,
])[] = [
	[{ BUNDLE: 'FOLDER/none' }, 'bundle-invalid', /Cannot use bundle ".*none": there is no such folder/],
	[{ BUNDLE: 'FOLDER/empty' }, 'bundle-invalid', /Cannot use bundle ".*empty": it has no file/],
	[{ provider: 'gpu' }, 'usage', /There is no provider "gpu"/],
	[{ precision: 'fp64' }, 'usage', /There is no precision "fp64"/],
	[{ precision: 'int8' }, 'precision-refused', /Cannot run bundle ".*" in int8: it holds no such model/],
	[{ seconds: '0' }, 'usage', /--seconds "0": it is a number from 0.1/],
	[{ seconds: 'long' }, 'usage', /--seconds "long": it is a number/],
	[{ stations: '1.5' }, 'usage', /--stations "1.5": it is a whole number from 0 to 64/],
	[{ stations: '65' }, 'usage', /--stations "65"/],
	[{ threads: 'two' }, 'usage', /--threads "two"/],
	[{ images: 'FOLDER/empty' }, 'images-missing', /Cannot find images in ".*empty": the folder has none/],
	[{ images: 'FOLDER/none' }, 'file-unreadable', /none/],
	[{ images: 'FOLDER/wide' }, 'frame-mismatch', /it is 300x100, another shape: taught were 128x128/],
	[{ images: 'FOLDER/damaged' }, 'image-unreadable', /a\.png/],
	[{ labelled: 'FOLDER/empty' }, 'images-missing', /Cannot find test images in ".*empty"/],
	[{ broker: 'http://x' }, 'usage', /--broker "http:\/\/x": it begins with http:\/\//],
	[{ broker: 'mqtt://127.0.0.1:9' }, 'broker-refused', /127\.0\.0\.1:9/],
	[{ disk: 'FOLDER/none' }, 'file-unwritable', /Cannot write folder ".*none"/],
];

test('what is wrong is said in words, and nothing is left behind', async () => {
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	await tinyBundle(at('bundle'));
	for (const name of ['empty', 'wide', 'damaged', 'disk']) await mkdir(at(name));
	await writeFile(
		join(at('wide'), 'a.png'),
		encodePng({ width: 300, height: 100, channels: 3, data: new Uint8Array(90_000) }),
	);
	await writeFile(join(at('damaged'), 'a.png'), 'no picture');
	const printed: unknown[] = [];
	for (const [asked, code, message] of misuses) {
		const options = { provider: 'cpu', seconds: '0.1', stations: '1', disk: 'FOLDER/disk', ...asked };
		const full = Object.entries(options).map(([name, text]) => [name, text.replace('FOLDER', folder.path)]);
		const { BUNDLE = at('bundle'), ...words } = Object.fromEntries(full) as Record<string, string>;
		const thrown = await bench
			.run(
				{ positionals: [BUNDLE], options: words },
				contextThat((line) => printed.push(line)),
			)
			.catch((failure: unknown) => failure);
		assert.instance(thrown, Failure, JSON.stringify(asked));
		assert.is((thrown as Failure).code, code, (thrown as Failure).message);
		assert.match((thrown as Failure).message, message);
	}
	assert.equal(printed, []);
	assert.equal(await readdir(at('disk')), []);
});

test('a provider that is not there is named, and replaced by none', async () => {
	await using folder = await temporaryFolder();
	const { code, out, err } = await program(
		'bench',
		await tinyBundle(join(folder.path, 'bundle')),
		'--provider',
		'cuda',
	);
	assert.equal([code, out], [1, '']);
	assert.match(err, /provider "cuda"/);
});

function contextThat(print: Context['print']): Context {
	return {
		signal: new AbortController().signal,
		env: process.env,
		version: 'test',
		home: '.',
		interactive: false,
		toJournal: false,
		print,
		note: () => {},
		onHangup: () => {},
		conceal: () => {},
	};
}

test.run();
