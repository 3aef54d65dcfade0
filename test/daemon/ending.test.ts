import { readFile } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { line } from '../commands/line.js';
import { eventually } from '../free-port.js';

const ending = suite('a daemon that is told to end');

/** What TimeoutStopSec of systemd/inspectord.service gives it before it is killed. */
const ALLOWED_MS = 30_000;

ending('does so although a station hangs: that one is killed, the others finish', async () => {
	if (process.platform !== 'linux') return console.log('skipped: processes are looked for in /proc');
	await using here = await line('mqtt: { url: "mqtt://127.0.0.1:1" }', {
		a: 'camera: { source: pictures, loop: true }',
		b: 'camera: { source: pictures, loop: true }',
	});
	const box = here.box();
	await here.ready();
	const { pid } = box.child;
	const stations = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'))
		.trim()
		.split(' ')
		.map(Number);
	assert.is(stations.length, 2);
	try {
		// One that is stopped hears no signal but the last, as one that a driver holds.
		process.kill(stations[0]!, 'SIGSTOP');
		box.child.kill('SIGTERM');
		await eventually('it has ended', () => box.child.exitCode !== null, ALLOWED_MS);
	} catch (thrown) {
		process.kill(stations[0]!, 'SIGKILL');
		throw thrown;
	}
	const { code, out, err } = await box.ended;
	assert.is(code, 0);
	assert.is((out + err).match(/did not end within \d+ ms and was killed/g)?.length, 1, out + err);
});

ending.run();
