import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { createBelt, DELAY_MS, frameThing, WITHIN_MS } from './plant.js';

const plants = suite('a simulated line');

for (const step of [1, 2, 2.5, 3, 5, 10, 25])
	plants(`has one bad frame in ten for who takes each ${step} of them, from wherever he begins`, () => {
		for (const from of [0, 1, 3, 4, 7]) {
			const taken = Array.from({ length: 2000 }, (_, i) => frameThing('lid', Math.ceil(from + i * step)));
			const bad = taken.filter(({ isGood }) => !isGood).length / taken.length;
			assert.ok(bad > 0.07 && bad < 0.13, `${bad} from ${from}`);
		}
	});

plants('shows the next part from when it is in view on, also before the one before would have left', () => {
	const belt = createBelt('pin', randomFrom(1));
	const shown = (atMs: number) => belt.seenAt(DELAY_MS + atMs).name;
	for (const atMs of [0, WITHIN_MS / 2]) belt.bring(atMs);
	assert.equal([-1, 0, WITHIN_MS / 2 - 1].map(shown), ['pin-nothing', 'pin-1', 'pin-1']);
	assert.equal([WITHIN_MS / 2, 1.5 * WITHIN_MS - 1].map(shown), ['pin-2', 'pin-2']);
	assert.is(shown(1.5 * WITHIN_MS), 'pin-nothing');
});

plants.run();
