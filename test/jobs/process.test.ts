import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { childrenOf } from '../children-of.js';
import { eventually } from '../free-port.js';
import { program, start } from '../program.js';
import { temporaryFolder } from '../tiny-bundle.js';

const jobs = suite('the process of a job');

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

/** The process itself, with a channel to this test as its parent. */
function job() {
	const child: ChildProcess = fork(MAIN, ['job'], {
		stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
		execArgv: [],
	});
	const said: unknown[] = [];
	let err = '';
	child.on('message', (message) => said.push(message));
	child.stderr!.on('data', (chunk) => {
		err += chunk;
	});
	const ended = new Promise<{ code: number | null; said: unknown[]; err: string }>((resolve) =>
		// Not 'close', which does not come after a disconnect().
		child.once('exit', (code) => resolve({ code, said, err })),
	);
	return { child, ended };
}

jobs('is not for people', async () => {
	const { code, err } = await program('job');
	assert.is(code, 2);
	assert.match(err, /Use inspectord teach/);
});

for (const [what, message] of [
	['of another kind', { kind: 'sing' }],
	['that is a number', 7],
	['that asks for nothing', { kind: 'teach' }],
] as const) {
	jobs(`answers a message ${what} with a fault, and ends`, async () => {
		const { child, ended } = job();
		child.send(message);
		const { code, said } = await ended;
		assert.is(said.length, 1);
		const { kind, stack } = said[0] as { kind: string; stack: string };
		assert.is(kind, 'fault');
		assert.match(stack, /Error: .*\n +at /);
		assert.is(code, 0);
	});
}

jobs('ends by itself when its parent goes before it said what to do', async () => {
	const { child, ended } = job();
	await eventually('it runs', () => existsSync(`/proc/${child.pid}`));
	child.disconnect();
	const { code, err } = await ended;
	assert.is(code, 0, err);
});

jobs(
	'ends by itself when its parent is killed while it learns: no half bundle, and its checkpoint',
	async () => {
		await using folder = await temporaryFolder();
		const set = join(folder.path, 'set');
		await program('simulate', set, '--good', '8', '--defects', '0', '--size', '96');
		const place = join(folder.path, 'b');
		await using parent = start(
			'teach',
			set,
			'--out',
			place,
			'--size',
			'64',
			'--threads',
			'1',
			'--iterations',
			'100000',
		);
		await eventually('it learns', () => parent.err().includes('learning'));
		const [orphan] = await childrenOf(parent.child.pid!);
		parent.child.kill('SIGKILL');
		await eventually('the orphan ends', () => !existsSync(`/proc/${orphan}`));
		assert.equal((await readdir(folder.path)).sort(), ['b.checkpoint', 'set']);
	},
);

jobs.run();
