import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { settled } from '../../src/learn/train.js';

const training = suite('training');

/** Twenty steps at each of these losses. */
const stairs = (...losses: number[]) => losses.flatMap((loss) => new Array<number>(20).fill(loss));

for (const [what, losses, expected] of [
	['not before there is something to compare', stairs(0.5).slice(1), false],
	['not while the loss falls by a tenth or more', stairs(1, 0.5, 0.449), false],
	['when it falls by less', stairs(1, 0.5, 0.451), true],
	['when it rises', stairs(0.5, 0.6), true],
	['not by what was long ago', [...stairs(0.5, 0.5), ...stairs(0.5, 0.3)], false],
] as const) {
	training(`ends ${what}`, () => {
		assert.is(settled(losses), expected);
	});
}

training.run();
