import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { recipeWith } from '../inspect/inspection.js';
import { startMessage } from '../start-message.js';
import { warningsDuring } from '../warnings.js';
import { startStation } from './child.js';
import { createDisk } from './disk.js';
import { createEngines } from './engines.js';
import { frameThing } from './plant.js';
import { createShelf, FIRST_BUNDLE } from './shelf.js';
import { createTime } from './time.js';

const children = suite('processes in simulated time');

children('leave nothing behind when they are killed while they wait', async () => {
	const time = createTime(() => 0.5);
	const daemon = time.createBeing();
	const shelf = createShelf();
	const silent = { wallClock: time.now, ask: () => {}, violated: () => {} };
	const camera = { source: '0', timeoutMs: 2000 } as Parameters<typeof startMessage>[1];
	const warnings = await warningsDuring(async () => {
		for (let i = 1; i <= 12; i += 1) {
			let hasBegun = false;
			const child = startStation({
				daemon,
				process: time.createBeing(),
				wallClock: time.now,
				shelf,
				engines: createEngines({ shelf, disk: createDisk(time.now), random: randomFrom(1), ...silent }),
				stationAt: () => 'lid',
				faultsOf: () => undefined,
				show: frameThing,
				onFault: (thrown) => {
					throw thrown;
				},
			});
			child.onMessage(({ kind }) => {
				hasBegun ||= kind === 'engines';
			});
			await child.send(startMessage(recipeWith({ model: FIRST_BUNDLE }), camera));
			await time.pass(i * 100, () => {});
			assert.ok(hasBegun);
			child.kill();
		}
	});
	assert.equal(warnings, []);
});

children.run();
