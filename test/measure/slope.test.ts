import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { slopeBand, theilSen } from '../../src/measure/slope.js';

const slope = suite('a robust slope');

slope('is that of a line, whatever a quarter of the values says', () => {
	const random = randomFrom(3);
	const line = Array.from({ length: 40 }, (_, i): [number, number] => [i, 3 * i + random.uniform()]);
	assert.ok(Math.abs(theilSen(line) - 3) < 0.02);
	const wild = line.map(([x, y], i): [number, number] => [x, i % 4 === 0 ? 1e6 * random.uniform() : y]);
	assert.ok(Math.abs(theilSen(wild) - 3) < 0.5, `${theilSen(wild)}`);
	assert.ok(Number.isNaN(theilSen([[1, 1]])));
	assert.ok(
		Number.isNaN(
			theilSen([
				[1, 1],
				[1, 2],
			]),
		),
	);
});

slope('has a band that holds it, also where neighbours are alike', () => {
	const random = randomFrom(1);
	/** A line under noise of which each value keeps half of the one before. */
	const drawn = (growth: number) => {
		let noise = 0;
		return Array.from({ length: 60 }, (_, i): [number, number] => {
			noise = noise / 2 + random.normal();
			return [i, growth * i + noise];
		});
	};
	for (const growth of [0, 1]) {
		const bands = Array.from({ length: 10 }, () => slopeBand(drawn(growth), random));
		const holding = bands.filter(([low, high]) => low <= growth && growth <= high);
		assert.ok(holding.length >= 7, `${holding.length} of 10 hold ${growth}`);
		assert.ok(
			bands.every(([low, high]) => high - low < 0.1),
			'a band says nothing',
		);
	}
	assert.ok(slopeBand([[0, 1]], random).every(Number.isNaN));
});

slope.run();
