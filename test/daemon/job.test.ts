import { spawnSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { buildEngineInChild, teachInChild } from '../../src/daemon/job.js';
import { readBundle } from '../../src/disk/bundle.js';
import type { EngineProgress } from '../../src/protocol/engine-messages.js';
import type { Progress, TeachRequest } from '../../src/protocol/teach-messages.js';
import { childrenOf } from '../children-of.js';
import { failureOf } from '../failure-of.js';
import { eventually } from '../free-port.js';
import { temporaryFolder } from '../tiny-bundle.js';

const jobs = suite('a job and its parent');

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

const lesson = (folder: string): TeachRequest => ({
	images: { sim: { seed: 1, count: 8 } },
	out: join(folder, 'lid'),
	name: 'lid',
	backbone: 'pocket',
	size: 64,
	tiles: { rows: 1, columns: 1 },
	preset: 'paper',
	precision: 'fp32',
	iterations: 1,
	batch: 4,
	seed: 1,
	holdout: 0.25,
	threads: 1,
});

type Given = {
	readonly preload?: string;
	readonly signal?: AbortSignal;
	readonly report?: (p: Progress) => void;
};

/** `preload` runs in the child before anything of ours: the real channel, with another voice on it. */
function teach(
	request: TeachRequest,
	{ preload, signal = new AbortController().signal, report = () => {} }: Given = {},
) {
	const env = preload === undefined ? process.env : withPreload(preload);
	return teachInChild(request, { env, signal, report });
}

function withPreload(code: string) {
	return { ...process.env, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
}

async function faultOf(work: Promise<unknown>): Promise<Error> {
	const thrown = await work.then(
		() => undefined,
		(reason: unknown) => reason,
	);
	assert.instance(thrown, Error);
	assert.not.instance(thrown, Failure);
	return thrown as Error;
}

jobs('tells how it goes, and ends with a bundle that it names', async () => {
	await using folder = await temporaryFolder();
	const heard: string[] = [];
	const taught = await teach(lesson(folder.path), { report: ({ phase }) => heard.push(phase) });
	assert.equal(
		[...new Set(heard)],
		['features', 'training', 'calibrating', 'choosing', 'scoring', 'threads'],
	);
	const { id } = await readBundle(taught.bundle);
	assert.is(taught.bundle, join(folder.path, id));
	assert.is(taught.isNamed, true);
	assert.equal((await readdir(folder.path)).sort(), ['lid', id]);
});

jobs('passes on what the world failed at, with code and advice, before anything is learnt', async () => {
	await using folder = await temporaryFolder();
	const heard: string[] = [];
	const empty = join(folder.path, 'empty');
	await mkdir(empty);
	const failure = await failureOf(
		teach({ ...lesson(folder.path), images: empty }, { report: ({ phase }) => heard.push(phase) }),
	);
	assert.is(failure.code, 'images-missing');
	assert.match(failure.message, /Cannot find images in ".*empty"/);
	assert.match(failure.advice!, /Looked for png/);
	const place = await failureOf(teach({ ...lesson(folder.path), out: '/dev/null/lid' }));
	assert.is(place.code, 'file-unwritable');
	assert.equal(heard, []);
	assert.equal(await readdir(folder.path), ['empty']);
});

jobs('does not dress a fault of ours as a failure of the world', async () => {
	await using folder = await temporaryFolder();
	const fault = await faultOf(teach({ ...lesson(folder.path), images: null as unknown as string }));
	assert.match(fault.message, /a fault in the teaching process\nTypeError: .*\n +at /);
});

jobs('ends the command with the code of a fault, and with what is needed to report it', async () => {
	await using folder = await temporaryFolder();
	const preload =
		"if (process.argv[2] === 'job') process.send({ kind: 'fault', stack: 'TypeError: x is no y\\n    at z' })";
	await mkdir(join(folder.path, 'set'));
	await writeFile(join(folder.path, 'set', '1.png'), '');
	const { status, stderr } = spawnSync(
		process.execPath,
		[MAIN, 'teach', join(folder.path, 'set'), '--out', join(folder.path, 'lid')],
		{ env: withPreload(preload), encoding: 'utf8' },
	);
	assert.is(status, 70, stderr);
	assert.match(stderr, /a fault of ours, please report it\n.*\nTypeError: x is no y\n +at z/);
});

for (const [what, preload, message] of [
	['says what nobody knows', "process.send({ kind: 'sung' })", /said what nobody knows: \{"kind":"sung"\}/],
	['says what is not even a message', 'process.send(7)', /said what nobody knows: 7/],
	[
		'ends with the code of a fault',
		'console.error("TypeError: x"); process.exit(70)',
		/a fault in the teaching process\nTypeError: x/,
	],
] as const) {
	jobs(`takes it for a fault when the child ${what}`, async () => {
		await using folder = await temporaryFolder();
		assert.match((await faultOf(teach(lesson(folder.path), { preload }))).message, message);
		assert.equal(await childrenOf(process.pid), []);
	});
}

for (const [what, preload, message] of [
	['ends without a word', 'process.exit(0)', /ended \(exit code 0\)/],
	[
		'cannot load what it needs',
		"console.error('inspectord: Cannot load x: it is old\\nRun npm start.'); process.exit(1)",
		/ended \(exit code 1\) Cannot load x: it is old\. Run npm start\.$/,
	],
	['is killed before it begins', "process.kill(process.pid, 'SIGKILL')", /ended \(SIGKILL\)/],
] as const) {
	jobs(`names how it ended when the child ${what}`, async () => {
		await using folder = await temporaryFolder();
		const failure = await failureOf(teach(lesson(folder.path), { preload }));
		assert.is(failure.code, 'child-died');
		assert.match(failure.message, message);
	});
}

/** No graphics processor: a child that says that its lesson depends on one, and dies like one whose driver does. */
const diesOnCuda = `process.on('newListener', function once(event) {
	if (event !== 'message') return;
	process.off('newListener', once);
	const progress = { phase: 'provider', provider: 'cuda' };
	const die = () => process.kill(process.pid, 'SIGSEGV');
	process.on('message', ({ request }) => request.provider !== 'cpu' && process.send({ kind: 'progress', progress }, die));
})`;

jobs('that dies on a graphics processor goes on on the processor, where none was named', async () => {
	await using folder = await temporaryFolder();
	const warnings: string[] = [];
	const report = (p: Progress) => void (p.phase === 'warning' && warnings.push(p.message));
	const taught = await teach({ ...lesson(folder.path), provider: 'auto' }, { preload: diesOnCuda, report });
	assert.equal([taught.iterations, taught.provider], [1, 'cpu']);
	assert.match(
		warnings[0]!,
		/ended \(SIGSEGV\).*; the lesson was on provider "cuda": it goes on on the processor/,
	);
	const named = { ...lesson(folder.path), provider: 'cuda' } as const;
	const failure = await failureOf(teach(named, { preload: diesOnCuda }));
	assert.is(failure.code, 'child-died');
	assert.match(failure.message, /the lesson was on provider "cuda"/);
});

jobs('that is killed in the middle leaves no half bundle, and is said to have been', async () => {
	await using folder = await temporaryFolder();
	const learning: string[] = [];
	const work = failureOf(
		teach({ ...lesson(folder.path), iterations: 100_000 }, { report: ({ phase }) => learning.push(phase) }),
	);
	await eventually('it learns', () => learning.includes('training'));
	const [pid] = await childrenOf(process.pid);
	process.kill(pid!, 'SIGKILL');
	const failure = await work;
	assert.is(failure.code, 'child-died');
	assert.match(failure.message, /SIGKILL/);
	assert.match(failure.advice!, /memory/);
	assert.equal(await readdir(folder.path), []);
});

jobs('that is interrupted ends its child with the reason', async () => {
	await using folder = await temporaryFolder();
	const abort = new AbortController();
	const request = { ...lesson(folder.path), iterations: 100_000 };
	const failure = await failureOf(
		teach(request, {
			signal: abort.signal,
			report: ({ phase }) => phase === 'training' && abort.abort(new Failure('interrupted', 'Interrupted')),
		}),
	);
	assert.is(failure.code, 'interrupted');
	assert.equal(await childrenOf(process.pid), []);
	assert.equal(await readdir(folder.path), ['lid.checkpoint']);
	const before = await failureOf(teach(request, { signal: abort.signal }));
	assert.is(before.code, 'interrupted');
});

jobs(
	'that builds an engine is a job like another: its failure is passed on, and a signal ends it',
	async () => {
		await using folder = await temporaryFolder();
		const request = {
			bundle: join(folder.path, 'absent'),
			precision: 'fp16',
			cache: join(folder.path, 'engines'),
			limitMs: 1000,
			again: false,
		} as const;
		const heard: string[] = [];
		const report = ({ phase }: EngineProgress) => void heard.push(phase);
		const world = { env: process.env, signal: new AbortController().signal, report };
		const failure = await failureOf(buildEngineInChild(request, world));
		assert.is(failure.code, 'bundle-invalid');
		assert.match(failure.advice!, /Copy the bundle again/);
		assert.equal(heard, ['exporting']);
		const ended = AbortSignal.abort(new Failure('interrupted', 'Interrupted'));
		assert.is(
			(await failureOf(buildEngineInChild(request, { ...world, signal: ended }))).code,
			'interrupted',
		);
		const dead = { ...world, env: withPreload('process.exit(3)') };
		assert.match(
			(await failureOf(buildEngineInChild(request, dead))).message,
			/^Cannot build an engine: .* ended \(exit code 3\)/,
		);
		assert.equal(await childrenOf(process.pid), []);
	},
);

jobs.run();
