import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { DEFECTS } from '../../src/sim/defects.js';
import { goodFlange, HELD_DEGREES } from '../../src/sim/flange.js';
import { drawPart, simulatedPart } from '../../src/sim/line.js';

const line = suite('the simulated line');

const SIZE = 192;

line('draws the same part for the same seed and number, and another one otherwise', () => {
	const [a, b] = [drawPart(3, 5, 'stain', SIZE), drawPart(3, 5, 'stain', SIZE)];
	assert.equal(a.image.data, b.image.data);
	assert.not.equal(a.image.data, drawPart(3, 6, 'stain', SIZE).image.data);
	assert.not.equal(a.image.data, drawPart(4, 5, 'stain', SIZE).image.data);
});

for (const defect of DEFECTS) {
	line(`shows every ${defect} where its mask says, and nowhere else`, () => {
		for (let index = 0; index < 12; index += 1) {
			const { image, mask } = drawPart(1, index, defect, SIZE);
			const good = drawPart(1, index, undefined, SIZE).image;
			const change = { inside: 0, outside: 0 };
			const count = { inside: 0, outside: 0 };
			mask!.data.forEach((v, i) => {
				const where = v ? 'inside' : 'outside';
				count[where] += 1;
				change[where] += Math.abs(image.data[3 * i]! - good.data[3 * i]!);
			});
			assert.ok(count.inside >= 12, `part ${index} has ${count.inside} masked pixels`);
			assert.ok(count.inside < 0.1 * SIZE * SIZE);
			assert.ok(change.inside / count.inside > 3 * (change.outside / count.outside), `part ${index}`);
		}
	});
}

line('makes as many parts defective as it is told', () => {
	const parts = Array.from({ length: 60 }, (_, i) => simulatedPart(2, i, 0.5).defect);
	const defective = parts.filter((defect) => defect !== undefined);
	assert.ok(defective.length > 18 && defective.length < 42, `${defective.length} of 60`);
	assert.is(new Set(defective).size, DEFECTS.length);
	assert.is(simulatedPart(2, 0, 0).defect, undefined);
});

line('turns parts as far as it is told, to either side', () => {
	for (const turn of [HELD_DEGREES, 180]) {
		const angles = Array.from(
			{ length: 40 },
			(_, i) => goodFlange(randomFrom(i), i, turn).angle * (180 / Math.PI),
		);
		assert.ok(Math.max(...angles) <= turn && Math.max(...angles) > 0.8 * turn);
		assert.ok(Math.min(...angles) >= -turn && Math.min(...angles) < -0.8 * turn);
	}
	assert.equal(
		drawPart(3, 5, undefined, SIZE, HELD_DEGREES).image.data,
		drawPart(3, 5, undefined, SIZE).image.data,
	);
	assert.not.equal(
		drawPart(3, 5, undefined, SIZE, 180).image.data,
		drawPart(3, 5, undefined, SIZE).image.data,
	);
});

line.run();
