import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { spoiled } from '../../src/vision/spoil.js';

const spoil = suite('spoiled pictures');

spoil('differ from the good one in a small patch, and leave it as it was', () => {
	const size = { width: 100, height: 60 };
	const picture = Buffer.alloc(100 * 60 * 3, 120);
	for (let seed = 0; seed < 40; seed += 1) {
		const result = spoiled(picture, size, randomFrom(seed));
		const changed = result.filter((v) => v !== 120).length / result.length;
		assert.ok(changed > 0.002 && changed < 0.05, `${changed}`);
	}
	assert.ok(picture.every((v) => v === 120));
});

spoil.run();
