import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isCronExpression, scheduleAt } from '../../src/schedule/cron.js';
import { eventually } from '../free-port.js';
import { temporaryFolder } from '../tiny-bundle.js';

const cron = suite('the schedule');

const PROGRAM = fileURLToPath(new URL('ticks.js', import.meta.url));

/** libfaketime of this machine's processor; says so where it is not. */
function libfaketime(): string | undefined {
	const folders = ['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu/faketime/libfaketime.so.1`);
	const found = folders.find((path) => existsSync(path));
	if (found === undefined) console.log('skipped: libfaketime is not installed');
	return found;
}

cron('knows what a cron expression is', () => {
	for (const text of ['0 3 * * *', '*/5 * * * * *', '0 0 1 1 *']) assert.ok(isCronExpression(text), text);
	for (const text of ['', 'hourly', '61 * * * *', '* * * *']) assert.not.ok(isCronExpression(text), text);
});

cron('runs its task at its times, and not after it has ended', async () => {
	let runs = 0;
	const schedule = scheduleAt('* * * * * *', 'test', () => {
		runs += 1;
	});
	await eventually('it runs twice', () => runs >= 2);
	await schedule[Symbol.asyncDispose]();
	const before = runs;
	await new Promise((resolve) => setTimeout(resolve, 2100));
	assert.is(runs, before);
});

for (const jump of ['+30d', '-2h']) {
	cron(`goes on within seconds when the wall clock jumps by ${jump}`, async () => {
		const library = libfaketime();
		if (library === undefined) return;
		await using folder = await temporaryFolder();
		const clock = join(folder.path, 'clock');
		await writeFile(clock, '+0d');
		const child = spawn(process.execPath, [PROGRAM], {
			env: {
				...process.env,
				LD_PRELOAD: library,
				DONT_FAKE_MONOTONIC: '1',
				FAKETIME_NO_CACHE: '1',
				FAKETIME_TIMESTAMP_FILE: clock,
			},
			stdio: ['ignore', 'pipe', 'inherit'],
		});
		let said = '';
		child.stdout.on('data', (chunk) => {
			said += chunk;
		});
		const ticks = () => said.split('tick').length - 1;
		try {
			await eventually('it runs', () => ticks() >= 2);
			await writeFile(clock, jump);
			const before = ticks();
			// At the first guess of node-cron alone it would be 42 s of a busy loop, or two hours of silence.
			await eventually('it goes on', () => ticks() >= before + 4, 20_000);
			child.kill('SIGTERM');
			await eventually('it ends', () => said.includes('ended'));
		} finally {
			child.kill('SIGKILL');
		}
	});
}

cron.run();
