import { readdir, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { untrainedPair } from '../../bench/untrained.js';
import { Failure } from '../../src/base/failure.js';
import { sha256Of } from '../../src/base/hash.js';
import { readBundle, writeBundle } from '../../src/disk/bundle.js';
import { findEngine, listEngines, readSetback } from '../../src/disk/engines.js';
import { describeOnnx } from '../../src/graph/foreign.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { float32 } from '../../src/graph/tensor.js';
import { buildEngineFrom, type EngineWorld } from '../../src/jobs/engine.js';
import { engineKeyOf, type Machine } from '../../src/model/engine.js';
import { inferenceProgram } from '../../src/model/inference.js';
import { inInt8 } from '../../src/model/int8.js';
import type { EngineProgress, EngineRequest } from '../../src/protocol/engine-messages.js';
import { failureOf } from '../failure-of.js';
import { program } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';
import { standInTrtexec } from '../trtexec/stand-in.js';
import type { StandInDoes } from '../trtexec/stand-in-options.js';
import { type Computes, standInSessions } from '../trtexec/stand-in-session.js';

const engines = suite('building an engine, with stand-ins for trtexec and TensorRT');

const orin: Machine = { tensorrt: '10.3.0', driver: '540.4.0', sm: '8.7', l4t: '36.4.3' };

type Given = {
	readonly machine?: Machine;
	readonly version?: string;
	readonly does?: StandInDoes;
	readonly computes?: Computes;
	readonly ranOn?: readonly string[];
	readonly lack?: Failure;
	readonly signal?: AbortSignal;
	readonly report?: (progress: EngineProgress) => void;
	readonly request?: Partial<EngineRequest>;
};

/** A bundle, a cache, and a box that is none. */
async function box(folder: string) {
	const dir = await tinyBundle(join(folder, 'bundle'));
	const bundle = await readBundle(dir);
	const cache = join(folder, 'engines');
	const build = async (given: Given = {}) => {
		const { machine = orin, version = machine.tensorrt ?? '10.3.0', does = 'builds', request = {} } = given;
		const world: EngineWorld = {
			openSession: standInSessions(bundle.models.fp32!, {
				...(given.computes && { computes: given.computes }),
				...(given.ranOn && { ranOn: given.ranOn }),
			}),
			lack: () => given.lack ?? null,
			machine: async () => machine,
		};
		const env = { ...process.env, INSPECTORD_TRTEXEC: await standInTrtexec(folder, version, does) };
		return buildEngineFrom(
			{ bundle: dir, precision: 'fp16', cache, limitMs: 60_000, again: false, ...request },
			{ env },
			given.signal ?? new AbortController().signal,
			given.report ?? (() => {}),
			world,
		);
	};
	const keyOf = (precision: 'fp32' | 'fp16' | 'int8', machine = orin) =>
		engineKeyOf(bundle.manifest, precision, machine);
	return { dir, bundle, cache, build, keyOf };
}

engines('tells how it goes, and leaves a whole engine that is given at once the next time', async () => {
	await using folder = await temporaryFolder();
	const { bundle, cache, build, keyOf } = await box(folder.path);
	const heard: EngineProgress[] = [];
	const first = await build({ report: (progress) => heard.push(progress) });
	assert.is(first.isNew, true);
	assert.equal([...new Set(heard.map(({ phase }) => phase))], ['exporting', 'building', 'comparing']);
	for (const phase of ['building', 'comparing']) {
		const shares = heard.filter((one) => one.phase === phase).map(({ share }) => share ?? 0);
		assert.equal(
			shares,
			[...shares].sort((a, b) => a - b),
		);
		assert.is(shares.at(-1), 1, phase);
	}
	const found = await findEngine(cache, keyOf('fp16'));
	assert.is(found!.id, first.id);
	assert.is(found!.record.engine, first.engine);
	assert.is(found!.record.bundle, bundle.id);
	assert.ok(found!.record.pictures >= 26, `${found!.record.pictures}`);
	assert.ok(found!.record.gate.length === 4 && found!.record.gate.every(({ ok }) => ok));
	// A float16 model was made of the bundle's float32 one, and trtexec got exactly that.
	assert.match(
		await readFile(found!.engine, 'utf8'),
		new RegExp(`for ${found!.record.source} strongly typed`),
	);
	assert.is.not(found!.record.source, bundle.manifest.files.models.fp32);
	const [around, of] = [
		describeOnnx(await readFile(found!.wrapper)),
		describeOnnx(await readFile(bundle.models.fp32!)),
	];
	assert.equal([around.inputs, around.outputs], [of.inputs, of.outputs]);
	assert.equal((await readdir(cache)).sort(), [first.id, 'timing-10.3.0-8.7.cache'].sort());
	const again = await build({ does: 'runs-out-of-memory' });
	assert.equal([again.id, again.isNew], [first.id, false], 'trtexec was not even asked');
});

for (const [precision, version, types] of [
	['fp32', '8.5.2', ''],
	['fp16', '8.5.2', '--fp16 --precisionConstraints'],
	['fp32', '10.13.3', 'strongly typed'],
] as const) {
	engines(`is given TensorRT ${version} for ${precision} in its words`, async () => {
		await using folder = await temporaryFolder();
		const { cache, build, keyOf, bundle } = await box(folder.path);
		const machine = { ...orin, tensorrt: version };
		await build({ machine, request: { precision } });
		const found = await findEngine(cache, keyOf(precision, machine));
		assert.match(await readFile(found!.engine, 'utf8'), new RegExp(` ${types}\n$`));
		if (precision === 'fp32') assert.is(found!.record.source, bundle.manifest.files.models.fp32);
	});
}

engines('makes no float16 of a network that float16 does not hold, and asks no trtexec', async () => {
	await using folder = await temporaryFolder();
	const { bundle, build } = await box(folder.path);
	const pair = untrainedPair('pocket', bundle.manifest.input.tiling.side);
	const kernel = pair.teacher.get('layer1.0.conv1.weight');
	pair.teacher.set(
		'layer1.0.conv1.weight',
		float32(
			kernel.shape,
			kernel.data.map((v) => 1e4 * v),
		),
	);
	const { files: _, ...manifest } = bundle.manifest;
	const { dir } = await writeBundle(join(folder.path, 'large'), {
		manifest,
		golden: bundle.golden,
		heldOut: await bundle.heldOut(),
		models: { fp32: encodeOnnx(inferenceProgram(pair), 'large') },
	});
	const failure = await failureOf(build({ does: 'runs-out-of-memory', request: { bundle: dir } }));
	assert.is(failure.code, 'precision-refused');
	assert.match(
		failure.message,
		/in fp16: it does not hold what the network computes: float16 range of ".+" \d+/,
	);
});

engines('is given an older bundle in the words of the parsers', async () => {
	await using folder = await temporaryFolder();
	const { bundle, build, cache } = await box(folder.path);
	const pair = untrainedPair('pocket', bundle.manifest.input.tiling.side);
	const graph = inferenceProgram(
		pair,
		undefined,
		inInt8({ get: () => ({ input: 8, convolved: 8, output: 8 }) } as never),
	);
	const { files: _, ...manifest } = bundle.manifest;
	const { dir } = await writeBundle(join(folder.path, 'int8'), {
		manifest,
		golden: bundle.golden,
		models: { fp32: await readFile(bundle.models.fp32!), int8: encodeOnnx(graph, 'int8') },
	});
	const lines: string[] = [];
	await build({
		request: { bundle: dir, precision: 'int8' },
		report: ({ phase, line }) => phase === 'exporting' && line !== null && lines.push(line),
	});
	assert.equal(lines, [], 'no parser objects');
	const { manifest: written } = await readBundle(dir);
	const [engine] = await listEngines(cache);
	assert.ok(engine);
	const found = await findEngine(cache, engineKeyOf(written, 'int8', orin));
	assert.is.not(found!.record.source, written.files.models.int8);
});

engines('runs in what the bundle runs in, where no precision is asked for', async () => {
	await using folder = await temporaryFolder();
	const { build, cache, keyOf } = await box(folder.path);
	await build({ request: { precision: undefined } });
	assert.ok(await findEngine(cache, keyOf('fp32')));
});

for (const [what, given, message] of [
	[
		'scores a quarter too high',
		{ computes: (score: number) => 1.25 * score },
		/score difference|verdict flips/,
	],
	[
		'gives no number once',
		{ computes: (score: number, run: number) => (run === 7 ? Number.NaN : score) },
		/score difference/,
	],
	['gives no number at all', { computes: () => Number.NaN }, /score difference/],
	[
		'overflows',
		{ computes: (score: number, run: number) => (run % 5 === 0 ? Number.POSITIVE_INFINITY : score) },
		/limit/,
	],
	['always gives the same', { computes: () => 0.5 }, /rank correlation/],
	['turns good and bad round', { computes: (score: number) => -score }, /rank correlation/],
	['ran on another provider', { ranOn: ['cpu'] }, /it ran on "cpu" instead of "tensorrt"/],
	['ran partly elsewhere', { ranOn: ['cpu', 'tensorrt'] }, /it ran on "cpu and tensorrt"/],
	['was cut off though trtexec said that it was well', { does: 'writes-nothing' }, /trtexec wrote no engine/],
] as readonly (readonly [string, Given, RegExp])[]) {
	engines(`is refused whole, and that is noted, when it ${what}`, async () => {
		await using folder = await temporaryFolder();
		const { cache, build, keyOf } = await box(folder.path);
		const failure = await failureOf(build(given));
		assert.is(failure.code, 'engine-failed');
		assert.match(failure.message, message);
		assert.is(await findEngine(cache, keyOf('fp16')), undefined);
		const left = (await readdir(cache)).filter((name) => !name.startsWith('timing'));
		assert.equal(left, [`${(await listEngines(cache))[0]!.id}.setback.json`]);
	});
}

engines('that failed is not tried again until it is asked for, or its key changes', async () => {
	await using folder = await temporaryFolder();
	const { cache, build, keyOf } = await box(folder.path);
	const first = await failureOf(build({ does: 'refuses-operator' }));
	const second = await failureOf(build());
	assert.is(second.code, 'engine-failed');
	assert.ok(second.message.includes(first.message), 'it says why, in the words of then');
	assert.match(second.advice!, /--again/);
	assert.is((await build({ machine: { ...orin, driver: '540.5.0' } })).isNew, true);
	assert.is((await build({ request: { again: true } })).isNew, true);
	assert.is(await readSetback(cache, keyOf('fp16')), undefined);
});

for (const [does, message, isNoted] of [
	['runs-out-of-memory', /out of memory/, true],
	['refuses-operator', /operator GridSample/, true],
	['is-killed', /SIGKILL/, true],
	['writes-half-a-file', /SIGKILL/, true],
	['fills-the-disk', /the disk is full/, false],
	['has-no-gpu', /found no GPU/, false],
	['hangs', /not done after 1 s/, true],
] as const) {
	engines(
		`leaves nothing when trtexec ${does.replaceAll('-', ' ')}, and says so${isNoted ? ' again' : ' once'}`,
		async () => {
			await using folder = await temporaryFolder();
			const { cache, build, keyOf } = await box(folder.path);
			const limitMs = does === 'hangs' ? 1000 : 60_000;
			const failure = await failureOf(build({ does, request: { limitMs } }));
			assert.is(failure.code, 'engine-failed');
			assert.match(failure.message, message);
			assert.is(await findEngine(cache, keyOf('fp16')), undefined);
			const setback = await readSetback(cache, keyOf('fp16'));
			assert.is(setback?.message, isNoted ? failure.message : undefined);
			if (setback) assert.match(setback.tail, /\[[IE]\] /);
			assert.equal(
				(await readdir(cache)).filter((name) => !/setback|timing/.test(name)),
				[],
			);
		},
	);
}

for (const [what, given, code, message] of [
	[
		'a machine without TensorRT',
		{ machine: { ...orin, tensorrt: null } },
		'engine-missing',
		/no TensorRT library/,
	],
	[
		'a machine without a driver',
		{ machine: { ...orin, driver: null } },
		'engine-missing',
		/no NVIDIA driver/,
	],
	['a GPU that nobody knows', { machine: { ...orin, sm: null } }, 'engine-missing', /compute capability/],
	[
		'a trtexec of another TensorRT',
		{ version: '8.6.1' },
		'engine-missing',
		/is of TensorRT 8.6.1, and the library here is TensorRT 10.3.0/,
	],
	[
		'a TensorRT that is too new',
		{ machine: { ...orin, tensorrt: '11.0.0' } },
		'engine-failed',
		/knows TensorRT 8.5 to 10/,
	],
	[
		'a binding without TensorRT',
		{ lack: new Failure('provider-unavailable', 'not built with it') },
		'provider-unavailable',
		/not built/,
	],
	[
		'no model in int8',
		{ request: { precision: 'int8' } },
		'precision-refused',
		/in int8: it holds no such model/,
	],
	[
		'a program that is no trtexec',
		{ does: 'is-something-else' },
		'engine-missing',
		/does not tell its version/,
	],
	['no bundle', { request: { bundle: '/nowhere' } }, 'bundle-invalid', /no such folder/],
	[
		'a cache that cannot be written',
		{ request: { cache: '/dev/null/engines' } },
		'file-unwritable',
		/dev.null/,
	],
	['no labelled pictures', { request: { labelled: '/nowhere' } }, 'file-unreadable', /nowhere/],
] as readonly (readonly [string, Given, string, RegExp])[]) {
	engines(`is refused for ${what} before minutes are spent, and nothing is noted`, async () => {
		await using folder = await temporaryFolder();
		const { build, cache } = await box(folder.path);
		const heard: string[] = [];
		const failure = await failureOf(build({ ...given, report: ({ phase }) => heard.push(phase) }));
		assert.is(failure.code, code, failure.message);
		assert.match(failure.message, message);
		assert.not.ok(heard.includes('building'));
		assert.equal(await readdir(cache).catch(() => []), []);
	});
}

engines('takes the place of one that is damaged', async () => {
	await using folder = await temporaryFolder();
	const { cache, build, keyOf } = await box(folder.path);
	const first = await build();
	await truncate(join(cache, first.id, 'model.engine'), 5);
	assert.is((await build()).isNew, true);
	assert.ok(await findEngine(cache, keyOf('fp16')));
});

engines('that stands stays when another build of it fails', async () => {
	await using folder = await temporaryFolder();
	const { cache, build, keyOf } = await box(folder.path);
	await build();
	await failureOf(build({ does: 'is-killed', request: { again: true } }));
	assert.ok(await findEngine(cache, keyOf('fp16')));
	assert.is((await build()).isNew, false);
});

for (const phase of ['building', 'comparing'] as const) {
	engines(`that is interrupted while ${phase} leaves nothing, and nothing noted`, async () => {
		await using folder = await temporaryFolder();
		const { cache, build, keyOf } = await box(folder.path);
		const abort = new AbortController();
		const failure = await failureOf(
			build({
				does: phase === 'building' ? 'hangs' : 'builds',
				signal: abort.signal,
				report: (progress) => {
					if (progress.phase === phase && (progress.share ?? 0) > 0.1)
						abort.abort(new Failure('interrupted', 'Interrupted'));
				},
			}),
		);
		assert.is(failure.code, 'interrupted');
		assert.is(await readSetback(cache, keyOf('fp16')), undefined);
		assert.equal(
			(await readdir(cache)).filter((name) => !name.startsWith('timing')),
			[],
		);
	});
}

engines('is judged by golden vectors and spoiled copies where a bundle keeps no pictures', async () => {
	await using folder = await temporaryFolder();
	const { dir, cache, build, keyOf, bundle } = await box(folder.path);
	const models = new Set(['manifest.json', 'golden.json', 'model.onnx']);
	for (const name of await readdir(dir))
		if (!models.has(name)) await rm(join(dir, name), { recursive: true });
	assert.equal(await bundle.heldOut(), []);
	await build();
	const found = await findEngine(cache, keyOf('fp16'));
	assert.ok(found!.record.pictures >= 24);
	const failure = await failureOf(build({ computes: (score) => 1.25 * score, request: { again: true } }));
	assert.is(failure.code, 'engine-failed');
});

engines('is judged by labelled pictures, too, where a person has some', async () => {
	await using folder = await temporaryFolder();
	const { cache, build, keyOf } = await box(folder.path);
	const set = join(folder.path, 'set');
	await program('simulate', set, '--good', '10', '--defects', '10', '--size', '96');
	await build({ request: { labelled: set } });
	const found = await findEngine(cache, keyOf('fp16'));
	assert.is(found!.record.gate.length, 8);
	const { pictures } = found!.record;
	// Right on all that was made, wrong on what is labelled.
	const failure = await failureOf(
		build({
			computes: (score, run) => (run > 30 ? -score : score),
			request: { labelled: set, again: true },
		}),
	);
	assert.match(failure.message, new RegExp(`on ${pictures} pictures`));
	assert.is(sha256Of(await readFile(found!.engine)), found!.record.engine, 'the one that stands stays');
});

engines.run();
