import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Feeds } from '../../src/graph/session.js';
import { partTimes } from '../../src/learn/part-time.js';
import { seededTeacher } from '../../src/model/teacher.js';
import { oneTile } from '../../src/model/tiling.js';

const timing = suite('the time of a part');

timing('is the middle one of few runs, the first left out', async () => {
	const took = [900, 30, 10, 20];
	let [ms, runs, closed] = [0, 0, 0];
	const openSession = async (model: unknown) => {
		assert.ok(model instanceof Uint8Array);
		return {
			sha256: '',
			run: async (feeds: Feeds) => {
				assert.equal(feeds.image!.shape, [1, 32, 32, 3]);
				ms += took[runs]!;
				runs += 1;
				return {};
			},
			ranOn: async () => [],
			close: async () => {
				closed += 1;
			},
		};
	};
	const world = { openSession, now: () => ms, signal: new AbortController().signal };
	const partMs = partTimes(
		{ backbone: 'pocket', weights: seededTeacher('pocket', 1) },
		{ threads: 1 },
		world,
	);
	assert.is(await partMs(oneTile(32)), 20);
	assert.equal([runs, closed], [4, 1]);
});

timing.run();
