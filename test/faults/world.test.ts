import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { simulate } from './world.js';

const faults = suite('a box in simulated time');

const AT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** Seeds, each with a minute or two of faults; `npm run simulate:faults` goes on for hours. */
for (const seed of [1, 2])
	faults(`keeps its promises through the faults of seed ${seed}`, async () => {
		const { parts, counts, violations } = await simulate(
			seed,
			{ hours: 0.1, periodMs: 90_000, stations: 1 },
			AT,
		);
		assert.equal(violations, []);
		assert.ok(parts > 500, `${parts} verdicts`);
		assert.ok(counts.accepted! > 0 && counts.rejected! > 0, JSON.stringify(counts));
	});

faults('does the same again with the same seed', async () => {
	const told = async () => {
		const lines: string[] = [];
		const short = { hours: 0.01, periodMs: 60_000, healMs: 30_000, stations: 2 };
		const outcome = await simulate(4, short, AT, (line) => lines.push(line));
		return { lines, counts: outcome.counts };
	};
	assert.equal(await told(), await told());
});

faults('says so when Node warns of something', async () => {
	const short = { hours: 0.001, periodMs: 2000, healMs: 0, stations: 1 };
	let hasWarned = false;
	const { violations } = await simulate(5, short, AT, () => {
		if (!hasWarned) process.emitWarning('too many listeners');
		hasWarned = true;
	});
	assert.match(violations.join(), /at \d+\.\d+ s: Node warns: Warning: too many listeners/);
});

faults.run();
