// npm test [-- WORD …]: set-up, then every test file whose path contains one of the WORDs, each in a process of its own.
// uvu ends with exit code 0 in several kinds of trouble, so a file counts only with its summary.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root, setUp } from './setup.mjs';

const LIMIT_MS = 600_000;
/** Files that mostly wait (for brokers, cameras, processes, limits of time) may run beside others; of the rest one at a time. */
const WAITING = [
	'commands/',
	'daemon/',
	'gpio/',
	'house/setup',
	'jobs/',
	'mqtt/',
	'opencv/camera',
	'opencv/reasons',
	'opencv/watched',
	'process/',
	'scada/',
	'schedule/',
	'socket/',
	'station/',
];
/** So many that wait, beside one that computes. */
const WAITING_AT_ONCE = 2;
/** Of those that wait the long ones, which begin first: none is left alone at the end. */
const LONG = [
	'commands/control',
	'commands/lesson',
	'daemon/edits',
	'daemon/engine-moves',
	'scada/watch',
	'jobs/engine',
];
/** What holds pictures against the moments when they were taken wants a processor that is free. */
const ALONE = ['opencv/freshness', 'scada/trigger', 'station/passing'];
const words = process.argv.slice(2);
await setUp({ tests: true });

const folder = path.join(root, 'build', 'test');
const files = readdirSync(folder, { recursive: true })
	.map(String)
	.filter(
		(name) => name.endsWith('.test.js') && (words.length === 0 || words.some((word) => name.includes(word))),
	)
	.sort();
const totals = { passed: 0, failed: 0, skipped: 0 };
// What a run makes once for all its files, as the taught bundle.
const run = mkdtempSync(path.join(tmpdir(), 'inspectord-test-run-'));
process.once('exit', () => rmSync(run, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
const isOf = (starts) => (name) => starts.some((start) => name.startsWith(start));
const alone = files.filter(isOf(ALONE));
const isLong = isOf(LONG);
const holdsTime = isOf([...WAITING, ...ALONE]);
const together = files.filter((name) => !alone.includes(name));
const waiting = together.filter(isOf(WAITING)).sort((a, b) => Number(isLong(b)) - Number(isLong(a)));
const computing = together.filter((name) => !waiting.includes(name));
/** What holds limits of time may fail for want of a processor: once more, with nothing beside it, is the word that counts. */
const again = [];
await lane([alone], again);
await Promise.all([
	lane([computing, waiting], again),
	...Array.from({ length: WAITING_AT_ONCE }, () => lane([waiting], again)),
]);
if (again.length > 0) console.log(`\nonce more, alone: ${again.map(nameOf).join(', ')}`);
await lane([again]);
if (files.length === 0) {
	console.log(`no test file contains ${words.join(' or ')}`);
	totals.failed += 1;
}
process.exitCode = totals.failed > 0 ? 1 : 0;
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);

async function lane(queues, again) {
	for (;;) {
		const name = queues.find((queue) => queue.length > 0)?.shift();
		if (name === undefined) return;
		await runFile(name, holdsTime(name) ? again : undefined);
	}
}

function nameOf(file) {
	return file.replace('.test.js', '');
}

/** A file that fails and may have another try goes to `again`, and is not counted before. */
async function runFile(name, again) {
	const begun = Date.now();
	const { code, output } = await outputOf(path.join(folder, name));
	const total = Number(/Total:\s+(\d+)/.exec(output)?.[1] ?? 0);
	const passed = Number(/Passed:\s+(\d+)/.exec(output)?.[1] ?? 0);
	const reasons = output
		.split('\n')
		.filter((line) => line.includes('skipped:'))
		.map((line) => line.slice(line.indexOf('skipped:')));
	const skipped = Math.min(reasons.length, passed);
	const failed = code === 0 && total > 0 ? total - passed : Math.max(1, total - passed);
	if (failed && again) again.push(name);
	else {
		totals.passed += passed - skipped;
		totals.skipped += skipped;
		totals.failed += failed;
	}
	const seconds = ((Date.now() - begun) / 1000).toFixed(1).padStart(6);
	console.log(
		`${failed ? 'FAIL' : 'ok  '} ${seconds} s  ${String(passed - skipped).padStart(3)}  ${nameOf(name)}`,
	);
	for (const reason of new Set(reasons)) console.log(`                 ${reason}`);
	if (failed) console.log(output);
}

function outputOf(file) {
	return new Promise((resolve) => {
		const env = { ...process.env, FORCE_COLOR: '0', NO_COLOR: '1', INSPECTORD_TEST_RUN: run };
		if (!env.INSPECTORD_DATA && existsSync(path.join(root, '..', 'shared')))
			env.INSPECTORD_DATA = path.join(root, '..', 'shared');
		const child = spawn(process.execPath, [file], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
		let output = '';
		const hear = (chunk) => {
			output += chunk;
		};
		child.stdout.on('data', hear);
		child.stderr.on('data', hear);
		const timer = setTimeout(() => {
			output += `\nkilled after ${LIMIT_MS / 1000} s\n`;
			child.kill('SIGKILL');
		}, LIMIT_MS);
		child.once('close', (code) => {
			clearTimeout(timer);
			resolve({ code, output });
		});
	});
}
