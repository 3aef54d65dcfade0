import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { eventually } from '../free-port.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { ALL, journalIn } from './journals.js';
import { slowDisk } from './slow-disk.js';

const disks = suite('a disk that is slow');

const LIMIT_MS = 90_000;

const PROCESS = fileURLToPath(new URL('./slow-process.js', import.meta.url));

type Told = Readonly<
	Record<'appended' | 'kept' | 'failures' | 'mostWaiting' | 'latencyMs' | 'delayMs', number>
>;

function run(folder: string, library: string, seconds: number, fails = ''): Promise<Told> {
	const child = spawn(process.execPath, [PROCESS, folder, String(seconds)], {
		stdio: ['ignore', 'pipe', 'inherit'],
		env: { ...process.env, LD_PRELOAD: library, SLOW_DISK_MS: '50', SLOW_DISK_FAILS: fails },
	});
	let out = '';
	child.stdout.on('data', (chunk) => {
		out += chunk;
	});
	// One that waits for a folder which is gone waits for ever.
	const late = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
	return new Promise((resolve, reject) => {
		child.once('close', (code) => {
			clearTimeout(late);
			if (code === 0) resolve(JSON.parse(out));
			else reject(new Error(`ended with ${code}`));
		});
	});
}

disks('stalls nothing else, and four stations at ten parts a second go on', async () => {
	await using folder = await temporaryFolder();
	const library = slowDisk(folder.path);
	if (library === undefined) return;
	let delayMs = Number.POSITIVE_INFINITY;
	// A machine that is busy with other things may stall once; what stalls each time is ours.
	for (let attempt = 0; attempt < 4 && delayMs >= 20; attempt += 1) {
		const told = await run(join(folder.path, String(attempt)), library, 5);
		assert.ok(told.latencyMs >= 50, `${told.latencyMs} ms`);
		assert.ok(told.appended >= 160, `${told.appended} verdicts`);
		assert.is(told.kept, Math.floor(told.appended / 40) * 4);
		// No more than comes while a commit or two run.
		assert.ok(told.mostWaiting < 60, `${told.mostWaiting} wait`);
		delayMs = Math.min(delayMs, told.delayMs);
	}
	assert.ok(delayMs < 20, `${delayMs} ms`);
});

disks('is waited for when it fails, and what came meanwhile is written', async () => {
	await using folder = await temporaryFolder();
	const library = slowDisk(folder.path);
	if (library === undefined) return;
	const [state, fails] = [join(folder.path, 'state'), join(folder.path, 'fails')];
	const running = run(state, library, 8, fails);
	await eventually('it writes', () => readable(state));
	await writeFile(fails, '');
	await new Promise((resolve) => setTimeout(resolve, 3000));
	await rm(fails);
	const told = await running;
	assert.ok(told.failures > 0);
	await using journal = await journalIn(state);
	const verdicts = await journal.events(ALL, 1e6, ['verdict']);
	assert.is(verdicts.length, told.appended);
	assert.equal(
		verdicts.filter(({ station }) => station === 'a').map(({ sequence }) => sequence),
		Array.from({ length: told.appended / 4 }, (_, i) => i + 1),
	);
});

/** Whether some events stand; the file is written over in place, and may be read in between. */
async function readable(folder: string): Promise<boolean> {
	const last = await readFile(join(folder, 'last.json'), 'utf8').catch(() => '');
	return Number(/"event":(\d+)/.exec(last)?.[1] ?? 0) > 20;
}

disks.run();
