// After how many parts a drift is seen, and how often one is seen where there is none: what is usual is learnt from so many good parts, drawn
// anew each time, as a lesson does. Skewed: the exponential of a normal, as scores are.
import { randomFrom } from '../src/base/random.js';
import { driftDetector } from '../src/measure/drift.js';
import { median } from '../src/measure/statistics.js';

const PARTS = 100_000;
const QUIET = 100;
const SHIFTED = 200;

const kinds = {
	normal: (v: number) => v,
	skewed: (v: number) => Math.exp(v / 2),
};
const shifts: Readonly<Record<string, (part: number) => number>> = {
	'0.5 deviations': () => 0.5,
	'1 deviation': () => 1,
	'2 deviations': () => 2,
	'3 deviations': () => 3,
	'1 in 1000 parts': (part) => part / 1000,
};

const results: Record<string, unknown> = {};
for (const [kind, of] of Object.entries(kinds)) {
	for (const count of [10, 40, 240]) {
		const run = (seed: number, parts: number, shift: (part: number) => number): number | undefined => {
			const random = randomFrom(seed);
			const good = Array.from({ length: count }, () => of(random.normal()));
			const mean = good.reduce((a, b) => a + b) / count;
			const deviation = Math.sqrt(good.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (count - 1));
			const detector = driftDetector({ mean, deviation, count });
			for (let i = 0; i < parts; i += 1) {
				detector.add(of(random.normal() + shift(i)));
				if (detector.shift()) return i + 1;
			}
			return undefined;
		};
		const quiet = Array.from({ length: QUIET }, (_, seed) => run(seed, PARTS, () => 0)).filter(
			Boolean,
		).length;
		const row: Record<string, string> = { 'false in 100,000 parts': `${quiet}/${QUIET}` };
		for (const [name, shift] of Object.entries(shifts)) {
			const seen = Array.from({ length: SHIFTED }, (_, seed) => run(seed, 10_000, shift)).filter(
				(parts) => parts !== undefined,
			);
			row[name] = `${median(seen)} (${seen.length}/${SHIFTED})`;
		}
		console.log(`${kind}, ${count} good parts: ${JSON.stringify(row)}`);
		results[`${kind} ${count}`] = row;
	}
}
console.log(JSON.stringify(results));
