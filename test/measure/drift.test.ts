import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { driftDetector, WINDOWS } from '../../src/measure/drift.js';

const drift = suite('drift');

const known = { mean: 10, deviation: 2, count: 1e9 };

/** After how many of these values it is seen first, and in which window; undefined: never. */
function seen(values: Iterable<number>, usual = known) {
	const detector = driftDetector(usual);
	let parts = 0;
	for (const value of values) {
		detector.add(value);
		parts += 1;
		const shift = detector.shift();
		if (shift) return { after: parts, ...shift };
	}
	return undefined;
}

function* normal(seed: number, count: number, shift: (part: number) => number): Iterable<number> {
	const random = randomFrom(seed);
	for (let i = 0; i < count; i += 1) yield known.mean + known.deviation * (random.normal() + shift(i));
}

// Without chance: (3 − 1) a part exceeds 15 with the eighth, and (0.75 − 0.5) 50 with the 201st.
drift('is seen when what exceeds the tolerance adds up to more than the limit', () => {
	assert.equal(seen(Array(300).fill(16)), { after: 8, window: 'fast', parts: 8, mean: 16 });
	assert.equal(seen(Array(300).fill(4)), { after: 8, window: 'fast', parts: 8, mean: 4 });
	assert.equal(seen(Array(300).fill(11.5)), { after: 201, window: 'slow', parts: 201, mean: 11.5 });
	assert.is(seen(Array(10_000).fill(11)), undefined);
});

drift('is not told of one part, however odd, nor of what is no number', () => {
	assert.is(seen([1e9, 10, 10, -1e9, 10]), undefined);
	assert.is(seen(Array(1000).fill(Number.NaN)), undefined);
});

drift('is seen later where few good parts say what is usual', () => {
	const after = (count: number) =>
		seen(
			normal(1, 1000, () => 2),
			{ ...known, count },
		)?.after ?? 1000;
	assert.ok(after(8) > after(100) && after(100) >= after(1e9), `${[8, 100, 1e9].map(after)}`);
});

drift('is over when the parts are as usual again', () => {
	const detector = driftDetector(known);
	for (let i = 0; i < 10_000; i += 1) detector.add(16);
	let parts = 0;
	while (detector.shift() && parts < 1000) {
		detector.add(10);
		parts += 1;
	}
	const { tolerated, limit } = WINDOWS.slow;
	assert.ok(parts > 0 && parts <= (1.5 * limit) / tolerated, `${parts}`);
});

drift('is seen in none of 100,000 parts as usual', () => {
	for (const seed of [1, 2, 3]) assert.is(seen(normal(seed, 100_000, () => 0)), undefined);
});

for (const [name, shift, most] of [
	['2 deviations', () => 2, 30],
	['1 deviation', () => 1, 200],
	['a deviation in a thousand parts', (part: number) => part / 1000, 2000],
] as const) {
	drift(`of ${name} is seen within ${most} parts`, () => {
		for (const seed of [1, 2, 3]) {
			const found = seen(normal(seed, 5000, shift));
			assert.ok(found && found.after <= most, `${found?.after}`);
		}
	});
}

drift.run();
