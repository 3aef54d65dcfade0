import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { askSystemd, watchClock } from '../../src/machine/clock.js';
import { eventually } from '../free-port.js';
import { temporaryFolder } from '../tiny-bundle.js';

const clock = suite('the clock');

clock('is trusted as the operating system says, since when that was seen', async () => {
	let answer: boolean | null = null;
	let nowMs = Date.UTC(2026, 0, 1);
	await using watch = watchClock({ ask: async () => answer, wallClock: () => nowMs, everyMs: 5 });
	assert.equal(watch.clock, { synchronised: null, since: null });
	answer = false;
	await eventually('it is not synchronised', () => watch.clock.synchronised === false);
	nowMs += 60_000;
	answer = true;
	await eventually('it is synchronised', () => watch.clock.synchronised === true);
	nowMs += 60_000;
	await new Promise((resolve) => setTimeout(resolve, 30));
	assert.is(watch.clock.since, '2026-01-01T00:01:00.000Z');
	answer = null;
	await eventually('nothing is known', () => watch.clock.since === null);
});

const answers: readonly (readonly [script: string, answer: boolean | null])[] = [
	['echo yes', true],
	['echo no', false],
	['echo', null],
	['echo "Failed to connect to bus" >&2; exit 1', null],
];

clock('is asked of systemd, and unknown where that does not answer', async () => {
	await using folder = await temporaryFolder();
	for (const [i, [script, answer]] of answers.entries()) {
		const program = join(folder.path, `timedatectl-${i}`);
		await writeFile(program, `#!/bin/sh\n${script}\n`);
		await chmod(program, 0o755);
		assert.is(await askSystemd(program), answer, script);
	}
	assert.is(await askSystemd(join(folder.path, 'missing')), null);
});

clock.run();
