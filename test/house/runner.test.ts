import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFolder } from '../tiny-bundle.js';
import { smallClone } from './small-clone.js';

const runner = suite('the test runner');

const summary = (passed: number, total = passed) =>
	`console.log('  Total:     ${total}\\n  Passed:    ${passed}');`;

/** Runs the real runner over `files`. @returns its lines */
async function run(files: Readonly<Record<string, string>>, ...words: string[]) {
	await using folder = await temporaryFolder();
	const clone = await smallClone(folder.path);
	for (const [name, text] of Object.entries(files)) {
		const file = join(clone, 'src', 'test', `${name}.test.js`);
		await mkdir(dirname(file), { recursive: true });
		await writeFile(file, text);
	}
	const events = join(clone, 'events');
	await writeFile(events, '');
	const { status, stdout } = spawnSync(process.execPath, [join(clone, 'tools', 'test.mjs'), ...words], {
		encoding: 'utf8',
		env: {
			...process.env,
			PATH: `${folder.path}${delimiter}${process.env.PATH}`,
			CALLS: join(folder.path, 'calls'),
			EVENTS: events,
		},
	});
	const said = stdout.trimEnd().split('\n');
	const results = said.filter((line) => /^(ok {2}|FAIL) /.test(line));
	const told = (await readFile(events, 'utf8')).trim().split('\n');
	return { status, results, last: said.at(-1), events: told };
}

runner(
	'counts a file that is killed or ends without a summary as failed, and tells one line a file',
	async () => {
		const { status, results, last } = await run({
			'room/passes': summary(3),
			'room/fails': `${summary(1, 2)} process.exitCode = 1;`,
			'room/silent': '',
			'room/killed': `${summary(1)} setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50); setInterval(() => {}, 1000);`,
			'room/skips': `console.log('skipped: no data'); ${summary(1)}`,
		});
		assert.is(status, 1);
		assert.equal(
			results.map((line) => line.replace(/ +[\d.]+ s +\d+ +/, ' ')).sort(),
			['FAIL room/fails', 'FAIL room/killed', 'FAIL room/silent', 'ok   room/passes', 'ok   room/skips'].map(
				(line) => line.replace(/^ok +/, 'ok '),
			),
		);
		assert.is(last, '5 passed, 3 failed, 1 skipped');
	},
);

runner('runs only the files whose path contains a word, and fails where there is none', async () => {
	const files = { 'room/one': summary(1), 'room/other': summary(1) };
	assert.is((await run(files, 'other')).last, '1 passed, 0 failed, 0 skipped');
	const none = await run(files, 'nowhere');
	assert.is(none.status, 1);
	assert.is(none.last, '0 passed, 1 failed, 0 skipped');
});

/** Says when it begins and ends, and in between waits until all of `others` have begun, 10 s at most. */
const meets = (name: string, ...others: string[]) => `
const { appendFileSync, readFileSync } = require('node:fs');
const tell = (word) => appendFileSync(process.env.EVENTS, word + ' ${name}\\n');
const begun = () => ${JSON.stringify(others)}.every((other) => readFileSync(process.env.EVENTS, 'utf8').includes('begins ' + other));
tell('begins');
const timer = setInterval(() => {
	if (!begun()) return;
	clearInterval(timer);
	clearTimeout(late);
	setTimeout(() => { tell('ends'); ${summary(1)} }, 200);
}, 20);
const late = setTimeout(() => process.exit(1), 10000);
`;

runner('runs files that wait beside one that computes, and never two that compute', async () => {
	const { last, events } = await run({
		'mqtt/waits': meets('mqtt', 'daemon', 'model'),
		'daemon/waits': meets('daemon', 'mqtt'),
		'model/computes': meets('model', 'mqtt'),
		'graph/computes': meets('graph'),
	});
	assert.is(last, '4 passed, 0 failed, 0 skipped');
	const computing = events.filter((event) => !/mqtt|daemon/.test(event));
	assert.equal(computing, ['begins graph', 'ends graph', 'begins model', 'ends model']);
});

runner('gives all files of a run one folder for what is made once, and deletes it', async () => {
	const tells =
		"require('node:fs').appendFileSync(process.env.EVENTS, process.env.INSPECTORD_TEST_RUN + ' ' + require('node:fs').existsSync(process.env.INSPECTORD_TEST_RUN) + '\\n');";
	const { events } = await run({ 'room/one': tells + summary(1), 'mqtt/two': tells + summary(1) });
	assert.is(events.length, 2);
	assert.is(events[0], events[1]);
	const [shared, stood] = events[0]!.split(' ');
	assert.is(stood, 'true');
	assert.not.ok(existsSync(shared!));
});

runner.run();
