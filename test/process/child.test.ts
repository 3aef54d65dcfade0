import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Child, startChild } from '../../src/process/child.js';
import type { StationDown, StationUp } from '../../src/protocol/station-messages.js';
import { eventually } from '../free-port.js';
import { recipeWith } from '../inspect/inspection.js';
import { cameraWith, startMessage } from '../start-message.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const processes = suite('a child process');

type Station = Child<StationDown, StationUp>;

const startStation = (env: Readonly<Record<string, string | undefined>> = process.env): Station =>
	startChild('station', { env });

/** What makes Node run a module of the test's before ours. */
async function preloading(folder: string, code: string): Promise<Record<string, string | undefined>> {
	const file = join(folder, 'first.cjs');
	await writeFile(file, code);
	return { ...process.env, NODE_OPTIONS: `--require=${file}` };
}

const alive = (pid: number): boolean => {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
};

processes('that is killed is said to have ended, and takes no more messages', async () => {
	const child = startStation();
	process.kill(child.pid, 'SIGKILL');
	const { code, signal } = await child.ended;
	assert.equal([code, signal], [null, 'SIGKILL']);
	await child.send({ kind: 'self-check' }).then(
		() => assert.unreachable(),
		(failure) => assert.is(failure.code, 'child-died'),
	);
});

processes('goes before us when memory runs out, and one of less priority before the others', async () => {
	for (const [nice, expected] of [
		[0, '500'],
		[10, '1000'],
	] as const) {
		const child = startChild<StationDown, StationUp>('station', { env: process.env, nice });
		const file = `/proc/${child.pid}/oom_score_adj`;
		// Other systems tell no such thing.
		if (existsSync(file)) assert.is((await readFile(file, 'utf8')).trim(), expected);
		assert.is(getPriority(child.pid), getPriority() + nice);
		await child.stop(0);
	}
});

processes('that fails leaves its last words and its exit code', async () => {
	await using folder = await temporaryFolder();
	const child = startStation(await preloading(folder.path, "throw new Error('no such thing');"));
	const { code, stderrTail } = await child.ended;
	assert.is(code, 1);
	assert.match(stderrTail, /Error: no such thing/);
});

processes('that floods standard error is read on, and costs a bounded memory', async () => {
	await using folder = await temporaryFolder();
	const flood = "for (let i = 0; i < 2000; i += 1) require('fs').writeSync(2, 'x'.repeat(1000) + '\\n');";
	const child = startStation(
		await preloading(folder.path, `${flood}\nconsole.error('the end'); process.exit(3);`),
	);
	const { code, stderrTail } = await child.ended;
	assert.is(code, 3);
	assert.match(stderrTail, /the end$/);
	assert.ok(stderrTail.length <= 8000);
});

processes('whose thread hangs is killed when its grace is over', async () => {
	await using folder = await temporaryFolder();
	const deaf = join(folder.path, 'deaf');
	const hang = `process.on('SIGTERM', () => {}); require('fs').writeFileSync('${deaf}', ''); for (;;);`;
	const child = startStation(await preloading(folder.path, hang));
	await eventually('it hangs', () => existsSync(deaf));
	const { signal } = await child.stop(300);
	assert.is(signal, 'SIGKILL');
});

processes('that has left and does not end is killed, and said to be stuck', async () => {
	await using folder = await temporaryFolder();
	const hang = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)';
	const leave = `process.disconnect(); process.once('disconnect', () => setImmediate(() => ${hang}));`;
	const child = startStation(await preloading(folder.path, leave));
	const { signal, isStuck } = await child.ended;
	assert.equal([signal, isStuck], ['SIGKILL', true]);
});

processes('that is asked to ends by itself', async () => {
	const child = startStation();
	const heard: StationUp[] = [];
	child.onMessage((message) => heard.push(message));
	await child.send(start('none'));
	await eventually('it speaks', () => heard.length > 0);
	const { signal } = await child.stop(20_000);
	assert.is.not(signal, 'SIGKILL');
});

processes('is heard from its first message on, in order', async () => {
	await using folder = await temporaryFolder();
	const child = startStation();
	const heard: StationUp[] = [];
	child.onMessage((message) => heard.push(message));
	await child.send(start(await tinyBundle(join(folder.path, 'bundle'))));
	await child.ended;
	const verdicts = heard.flatMap((message) =>
		message.kind === 'verdict' ? [message.verdict.runSequence] : [],
	);
	assert.equal(
		verdicts,
		Array.from({ length: 20 }, (_, i) => i + 1),
	);
	const states = heard.flatMap((message) => (message.kind === 'state' ? [message.report.state] : []));
	assert.is(states[0], 'starting');
	assert.is(states.at(-1), 'finished');
});

processes('ends itself when its parent is killed', async () => {
	await using folder = await temporaryFolder();
	const bundle = await tinyBundle(join(folder.path, 'bundle'));
	const module = new URL('../../src/process/child.js', import.meta.url).href;
	const endless = JSON.stringify(start(bundle, 'sim:?fps=5'));
	const parent = spawn(
		process.execPath,
		[
			'--input-type=module',
			'-e',
			`const { startChild } = await import('${module}');
			const child = startChild('station', { env: process.env });
			child.onMessage(({ kind }) => { if (kind === 'verdict') console.log(child.pid); });
			await child.send(${endless});`,
		],
		{ stdio: ['ignore', 'pipe', 'inherit'] },
	);
	let said = '';
	parent.stdout.on('data', (chunk) => {
		said += chunk;
	});
	const pid = Number(
		(await eventually('the child inspects', () => said.includes('\n') && said)).split('\n')[0],
	);
	assert.ok(alive(pid));
	parent.kill('SIGKILL');
	await eventually('the orphan ends', () => !alive(pid));
});

function start(model: string, source = 'sim:?count=20&fps=1000'): StationDown {
	const recipe = recipeWith({ model, deadlineMs: 600_000, threads: 1, heatmap: { most: 0 } });
	return startMessage(recipe, cameraWith({ source }));
}

processes.run();
