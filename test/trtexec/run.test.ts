import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { PRECISIONS } from '../../src/base/precision.js';
import { argumentsFor } from '../../src/trtexec/arguments.js';
import { causeOf } from '../../src/trtexec/causes.js';
import { findTrtexec, versionIn } from '../../src/trtexec/find.js';
import { lineOf } from '../../src/trtexec/lines.js';
import { buildProgress } from '../../src/trtexec/progress.js';
import { NICE, run } from '../../src/trtexec/run.js';
import { failureOf } from '../failure-of.js';
import { eventually } from '../free-port.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { standInTrtexec } from './stand-in.js';
import type { StandInDoes } from './stand-in-options.js';

const runs = suite('trtexec, which a stand-in stands for');

const never = new AbortController().signal;

async function build(
	folder: string,
	version: string,
	does: StandInDoes = 'builds',
	given: {
		readonly limitMs?: number;
		readonly signal?: AbortSignal;
		readonly hear?: (text: string) => void;
	} = {},
) {
	const path = await standInTrtexec(folder, version, does);
	await writeFile(join(folder, 'm.onnx'), 'a model');
	const order = {
		version,
		precision: 'fp16',
		onnx: join(folder, 'm.onnx'),
		engine: join(folder, 'm.engine'),
		timingCache: join(folder, 'timing.cache'),
		halfNodes: ['Conv_1'],
	} as const;
	const { limitMs = 60_000, signal = never, hear = () => {} } = given;
	return run(path, argumentsFor(order), {
		env: process.env,
		limitMs,
		signal,
		hear: ({ text }) => hear(text),
	});
}

for (const version of ['8.5.2', '8.6.1', '9.1.0', '10.0.1', '10.3.0', '10.13.3']) {
	runs(`of TensorRT ${version} builds what it is told to, and tells how far it is`, async () => {
		await using folder = await temporaryFolder();
		const hear = buildProgress();
		const shares: (number | null)[] = [];
		const ran = await build(folder.path, version, 'builds', {
			hear: (text) => {
				const heard = hear(lineOf(text));
				if (heard) shares.push(heard.share);
			},
		});
		assert.equal([ran.code, ran.signal, ran.limitSeconds], [0, null, null], ran.tail);
		assert.match(await readFile(join(folder.path, 'm.engine'), 'utf8'), new RegExp(`TensorRT ${version}`));
		assert.is(shares.at(-1), 1);
		assert.ok(shares.includes(0.05));
		assert.not.match(ran.tail, /Computing costs/);
		assert.match(ran.tail, /PASSED/);
	});

	runs(`of TensorRT ${version} is found and tells its version`, async () => {
		await using folder = await temporaryFolder();
		const path = await standInTrtexec(folder.path, version);
		assert.equal(await findTrtexec({ ...process.env, INSPECTORD_TRTEXEC: path }, never), { path, version });
	});
}

for (const precision of PRECISIONS) {
	runs(`refuses what another TensorRT documents: ${precision} for 8.5 to 10, and the other way`, async () => {
		await using folder = await temporaryFolder();
		for (const [own, other] of [
			['8.5.2', '10.3.0'],
			['10.3.0', '8.5.2'],
		] as const) {
			const path = await standInTrtexec(folder.path, own);
			const order = { version: other, precision, onnx: '/m', engine: '/e', timingCache: '/t', halfNodes: [] };
			const ran = await run(path, argumentsFor(order), {
				env: process.env,
				limitMs: 60_000,
				signal: never,
				hear: () => {},
			});
			assert.is(ran.code, 1);
			const { state, isLasting } = causeOf(ran, ran.lines);
			assert.match(state, /trtexec knows no option --(skipInference|buildOnly)/);
			assert.is(isLasting, true);
		}
	});
}

for (const [does, state, isLasting] of [
	['runs-out-of-memory', /^out of memory: no implementation of "Conv_4 \+ Relu_4" fits$/, true],
	['has-no-implementation', /^it has no implementation of "Conv_4 \+ Relu_4"$/, true],
	['throws-bad-alloc', /^out of memory$/, true],
	['refuses-operator', /^its parser refuses operator GridSample \(node "GridSample_3"\)$/, true],
	['is-killed', /^it was killed \(SIGKILL\)/, true],
	['writes-half-a-file', /^it was killed \(SIGKILL\)/, true],
	['fills-the-disk', /^the disk is full$/, false],
	['has-no-gpu', /^it found no GPU$/, false],
] as const) {
	runs(`that ${does.replaceAll('-', ' ')} is told in words, with its last ones`, async () => {
		await using folder = await temporaryFolder();
		const ran = await build(folder.path, '10.3.0', does);
		const cause = causeOf(ran, ran.lines);
		assert.match(cause.state, state);
		assert.is(cause.isLasting, isLasting);
		assert.ok(cause.advice.length > 10);
		assert.ok(ran.tail.length > 20 && ran.tail.length <= 4000);
		assert.not.match(ran.tail, /\[V\]/);
	});
}

runs('that prints megabytes is heard to its end, and little of it is kept', async () => {
	await using folder = await temporaryFolder();
	let longest = 0;
	let lines = 0;
	const before = process.memoryUsage.rss();
	const ran = await build(folder.path, '10.3.0', 'prints-megabytes', {
		hear: (text) => {
			lines += 1;
			longest = Math.max(longest, text.length);
		},
	});
	assert.is(ran.code, 0);
	assert.ok(lines > 20_000, `${lines}`);
	assert.ok(longest <= 2000);
	assert.ok(ran.lines.length <= 200);
	assert.ok(ran.tail.length <= 4000);
	assert.ok(process.memoryUsage.rss() - before < 200e6);
});

async function runsAs(pid: string): Promise<boolean> {
	const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
	return stat !== '' && !/\) [ZX] /.test(stat);
}

runs('that hangs is ended at its limit, with all that it started', async () => {
	await using folder = await temporaryFolder();
	let other = '';
	const ran = await build(folder.path, '10.3.0', 'hangs', {
		limitMs: 2000,
		hear: (text) => {
			other = /^started (\d+)$/.exec(text)?.[1] ?? other;
		},
	});
	assert.is(ran.limitSeconds, 2);
	assert.match(causeOf(ran, ran.lines).state, /^it was not done after 2 s$/);
	assert.ok(other !== '');
	await eventually('what it started is gone', async () => !(await runsAs(other)));
});

runs('is ended by the signal, with all that it started, and tells its reason', async () => {
	await using folder = await temporaryFolder();
	const abort = new AbortController();
	let other = '';
	const failure = await failureOf(
		build(folder.path, '10.3.0', 'hangs', {
			signal: abort.signal,
			hear: (text) => {
				other = /^started (\d+)$/.exec(text)?.[1] ?? other;
				if (other !== '') abort.abort(new Failure('interrupted', 'Interrupted'));
			},
		}),
	);
	assert.is(failure.code, 'interrupted');
	await eventually('what it started is gone', async () => !(await runsAs(other)));
	assert.is(
		(await failureOf(build(folder.path, '10.3.0', 'builds', { signal: abort.signal }))).code,
		'interrupted',
	);
});

runs('builds at low priority, and idle towards the disk where that can be had', async () => {
	await using folder = await temporaryFolder();
	const path = join(folder.path, 'trtexec');
	await writeFile(path, '#!/bin/sh\nexec cat /proc/self/stat\n');
	await chmod(path, 0o755);
	let heard = '';
	await run(path, [], {
		env: process.env,
		limitMs: 60_000,
		nice: NICE,
		signal: never,
		hear: ({ text }) => {
			heard = text;
		},
	});
	// proc(5): the 19th field; what stands in brackets may hold spaces.
	assert.is(heard.slice(heard.lastIndexOf(')') + 2).split(' ')[16], '15');
});

for (const [line, version] of [
	['&&&& RUNNING TensorRT.trtexec [TensorRT v8502] # trtexec --help', '8.5.2'],
	['&&&& RUNNING TensorRT.trtexec [TensorRT v8601] # /usr/src/tensorrt/bin/trtexec', '8.6.1'],
	['&&&& RUNNING TensorRT.trtexec [TensorRT v9100] # x', '9.1.0'],
	['&&&& RUNNING TensorRT.trtexec [TensorRT v100300] [b26] # x', '10.3.0'],
	['&&&& RUNNING TensorRT.trtexec [TensorRT v101303] [b9] # x', '10.13.3'],
	['&&&& PASSED TensorRT.trtexec [TensorRT v101303] [b9] # x', undefined],
	['TensorRT v8502', undefined],
] as const) {
	runs(`tells version ${version} by ${line.slice(0, 60)}`, () => {
		assert.is(versionIn(line), version);
	});
}

runs('is looked for where it is named, then in PATH, then where packages put it', async () => {
	await using folder = await temporaryFolder();
	const [named, inPath, packaged] = ['named', 'path', 'packaged'].map((one) => join(folder.path, one));
	const places = [join(folder.path, 'nothing'), join(packaged!, 'stand-in')];
	const find = (env: NodeJS.ProcessEnv) => findTrtexec(env, never, places).then(({ path }) => path);
	await mkdir(join(inPath!, 'stand-in', 'trtexec'), { recursive: true });
	const PATH = `relative:${join(inPath!, 'stand-in')}:/usr/bin:/bin`;
	const none = await failureOf(find({ PATH }));
	assert.is(none.code, 'engine-missing');
	assert.match(none.message, /no trtexec in PATH, nor in/);
	assert.match(none.advice!, /libnvinfer-bin/);
	const third = await standInTrtexec(packaged!, '10.3.0');
	assert.is(await find({ PATH }), third, 'a folder of that name is no program');
	const second = await standInTrtexec(join(folder.path, 'also'), '10.3.0');
	assert.is(await find({ PATH: `${PATH}:${join(folder.path, 'also', 'stand-in')}` }), second);
	const first = await standInTrtexec(named!, '10.3.0');
	assert.is(await find({ PATH, INSPECTORD_TRTEXEC: first }), first);
	await chmod(first, 0o644);
	for (const [given, state] of [
		[first, /may not be run/],
		[join(folder.path, 'absent'), /no such file/],
		[folder.path, /no file/],
		['trtexec', /no absolute path/],
	] as const) {
		const failure = await failureOf(find({ PATH, INSPECTORD_TRTEXEC: given }));
		assert.is(failure.code, 'engine-missing');
		assert.match(failure.message, state);
	}
});

for (const [does, state] of [
	['lacks-libraries', /trtexec cannot load "libnvinfer.so.10"/],
	['is-something-else', /does not tell its version/],
] as const) {
	runs(`that ${does.replaceAll('-', ' ')} is refused before it is used`, async () => {
		await using folder = await temporaryFolder();
		const path = await standInTrtexec(folder.path, '10.3.0', does);
		const failure = await failureOf(findTrtexec({ ...process.env, INSPECTORD_TRTEXEC: path }, never));
		assert.is(failure.code, 'engine-missing');
		assert.match(failure.message, state);
	});
}

for (const [what, ending, said, state] of [
	[
		'a driver that is too old',
		{ code: 1 },
		['[E] [TRT] CUDA driver version is insufficient for CUDA runtime version'],
		/the driver is older/,
	],
	[
		'an error nobody knows',
		{ code: 1 },
		['[E] first', '[E] second', '&&&& FAILED x'],
		/\(exit code 1\) and said: first/,
	],
	['nothing', { code: 3 }, [], /^it ended \(exit code 3\)$/],
	['warnings of memory alone', { code: 1 }, ['[W] insufficient memory', '[E] odd'], /said: odd/],
	['a signal', { code: null, signal: 'SIGSEGV' }, [], /^it ended \(SIGSEGV\)$/],
	[
		'an engine of another version',
		{ code: 1 },
		[
			'[E] [TRT] The engine plan file is not compatible with this version of TensorRT, expecting library version 10.3 got 10.0',
		],
		/different versions/,
	],
] as const) {
	runs(`that ends with ${what} is told as that`, () => {
		const { code, signal = null } = ending as { code: number | null; signal?: string };
		assert.match(causeOf({ code, signal, limitSeconds: null }, said.map(lineOf)).state, state);
	});
}

runs.run();
