import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isCronExpression, scheduleAt } from '../../src/schedule/cron.js';
import { fakeClock } from '../faketime.js';
import { eventually } from '../free-port.js';
import { temporaryFolder } from '../tiny-bundle.js';

const cron = suite('the schedule');

const PROGRAM = fileURLToPath(new URL('ticks.js', import.meta.url));

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
		await using folder = await temporaryFolder();
		const clock = await fakeClock(folder.path);
		if (!clock) return;
		const child = spawn(process.execPath, [PROGRAM], {
			env: { ...process.env, ...clock.env },
			stdio: ['ignore', 'pipe', 'inherit'],
		});
		let said = '';
		child.stdout.on('data', (chunk) => {
			said += chunk;
		});
		const ticks = () => said.split('tick').length - 1;
		try {
			await eventually('it runs', () => ticks() >= 2);
			await clock.jump(jump);
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
