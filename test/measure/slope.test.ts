import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { theilSen } from '../../src/measure/slope.js';

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

slope.run();
