import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { frameThing } from './plant.js';

const plants = suite('a simulated line');

for (const step of [1, 2, 2.5, 3, 5, 10, 25])
	plants(`has one bad frame in ten for who takes each ${step} of them, from wherever he begins`, () => {
		for (const from of [0, 1, 3, 4, 7]) {
			const taken = Array.from({ length: 2000 }, (_, i) => frameThing('lid', Math.ceil(from + i * step)));
			const bad = taken.filter(({ isGood }) => !isGood).length / taken.length;
			assert.ok(bad > 0.07 && bad < 0.13, `${bad} from ${from}`);
		}
	});

plants.run();
