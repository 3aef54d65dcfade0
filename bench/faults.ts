// npm run simulate:faults -- [--seed N] [--hours H] [--seeds N] [--stations N] [--every MS] [--between MS] [--log]: boxes in simulated time with faults that a seed draws, an hour each (H hours each with --seeds). What must never be is
// printed with its seed, which does the same again. The last line is JSON.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Outcome, simulate } from '../test/faults/world.js';

const { values } = parseArgs({
	options: {
		seed: { type: 'string', default: '1' },
		seeds: { type: 'string' },
		hours: { type: 'string', default: '10' },
		stations: { type: 'string' },
		every: { type: 'string' },
		between: { type: 'string' },
		log: { type: 'boolean', default: false },
	},
});
const first = Number(values.seed);
// Boxes differ more than hours do.
const seeds = Number(values.seeds ?? Math.max(1, Math.round(Number(values.hours))));
const hours = values.seeds === undefined ? Number(values.hours) / seeds : Number(values.hours);
const given = (value: string | undefined, name: string) =>
	value === undefined ? {} : { [name]: Number(value) };
const options = {
	...given(values.stations, 'stations'),
	...given(values.every, 'everyMs'),
	...given(values.between, 'betweenMs'),
};
// A file system in memory: it is the writer's work that counts, and not a disk's.
const at = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'inspectord-faults-'));
const began = performance.now();
const beganCpu = process.cpuUsage();
const outcomes: Outcome[] = [];
try {
	for (let seed = first; seed < first + seeds; seed += 1) {
		const outcome = await simulate(seed, { hours, ...options }, at, values.log ? console.log : undefined);
		outcomes.push(outcome);
		const { parts, counts, violations, simulatedHours } = outcome;
		const said = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
		console.log(`seed ${seed}: ${parts} verdicts in ${simulatedHours.toFixed(1)} h, ${said.join(', ')}`);
		for (const violation of violations) console.log(`  ${violation}`);
	}
} finally {
	rmSync(at, { recursive: true, force: true });
}
const failed = outcomes.filter(({ violations }) => violations.length > 0).map(({ seed }) => seed);
const seconds = (performance.now() - began) / 1000;
const cpu = process.cpuUsage(beganCpu);
const parts = outcomes.reduce((sum, outcome) => sum + outcome.parts, 0);
if (failed.length > 0) {
	process.exitCode = 1;
	const again = Object.entries({ ...values, seed: String(failed[0]), seeds: '1', hours: String(hours) });
	const told = again.flatMap(([name, value]) => (typeof value === 'string' ? [`--${name} ${value}`] : []));
	console.log(`again: npm run simulate:faults -- ${told.join(' ')}`);
}
// Seconds in which the processor was ours: it may have been others' too.
const cpuSeconds = (cpu.user + cpu.system) / 1e6;
console.log(
	JSON.stringify({
		seeds: outcomes.length,
		parts,
		seconds: Math.round(seconds),
		cpuSeconds: Math.round(cpuSeconds),
		verdictsACpuSecond: Math.round(parts / cpuSeconds),
		failed,
	}),
);
