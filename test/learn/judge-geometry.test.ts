import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { wholeParts } from '../../src/jobs/good-images.js';
import { teachWorld } from '../../src/jobs/world.js';
import { chooseGeometry } from '../../src/learn/judge-geometry.js';
import { seededTeacher } from '../../src/model/teacher.js';
import { oneTile, type Tiling, tilingFor } from '../../src/model/tiling.js';
import { frameOf } from '../../src/opencv/picture.js';
import type { Progress } from '../../src/protocol/teach-messages.js';

const judging = suite('choosing a geometry');

const teacher = { backbone: 'pocket', weights: seededTeacher('pocket', 1) } as const;
const size = { width: 128, height: 64 };

/** Flat plates, each with a grain of its own: small defects vanish when they are shrunk. */
function plates(count: number, looked: number[] = []) {
	const frame = async (i: number) => {
		looked.push(i);
		const random = randomFrom(i);
		const data = Uint8Array.from({ length: size.width * size.height * 3 }, () => 120 + random.below(8));
		return frameOf({ ...size, channels: 3, data });
	};
	return wholeParts({ count, name: String, frame }, undefined);
}

/** A square takes 5 ms; each look at a part the tenth of one. */
function world(heard: Progress[], signal = new AbortController().signal) {
	let ms = 0;
	const now = () => {
		ms += 0.1;
		return ms;
	};
	const partMs = async ({ rows, columns }: Tiling) => 5 * rows * columns;
	return { ...teachWorld('0', signal, (p) => heard.push(p)), now, partMs };
}

const candidates = [oneTile(32), tilingFor(32, { rows: 1, columns: 3 }, size)];
const settings = { seed: 1, threads: 1 };

judging('compares what is seen of the same spoiled copies, and says so', async () => {
	const heard: Progress[] = [];
	const looked: number[] = [];
	const { tiling, compared } = await chooseGeometry(
		candidates,
		plates(20, looked),
		teacher,
		settings,
		world(heard),
	);
	assert.equal(
		compared.map((one) => [one.tiling, one.ms]),
		[
			[candidates[0], 5],
			[candidates[1], 15],
		],
	);
	assert.ok(compared.every(({ pass }) => pass !== null && pass >= 0 && pass <= 1));
	assert.ok(candidates.includes(tiling));
	assert.is(new Set(looked).size, 20, 'those that say what is usual are not those that are judged');
	assert.is(looked.length, 20, 'each is read once');
	const told = heard.flatMap((p) => (p.phase === 'trying' ? [`${p.done}/${p.of}`] : []));
	assert.is(told.at(-1), '74/74');
});

judging('takes nothing that costs more than a part may', async () => {
	const heard: Progress[] = [];
	const all = { ...settings, msPerPart: 4 };
	const { tiling, compared } = await chooseGeometry(candidates, plates(20), teacher, all, world(heard));
	assert.equal(tiling, candidates[0]);
	assert.equal(
		compared.map(({ pass }) => pass),
		[null, null],
	);
	const [warning] = heard.flatMap((p) => (p.phase === 'warning' ? [p.message] : []));
	assert.match(warning!, /^a part takes 5\.0 ms here at least, more than the 4 that it may take$/);
});

judging('takes the plain one where parts are too few to tell, and looks at none', async () => {
	const looked: number[] = [];
	const heard: Progress[] = [];
	const few = await chooseGeometry(candidates, plates(12, looked), teacher, settings, world(heard));
	assert.equal([few.tiling, looked], [candidates[0], []]);
	const message = '12 good pictures are too few to compare ways to look at them: 18 are needed';
	assert.equal(heard, [{ phase: 'warning', message }]);
});

judging('has nothing to do where one is left', async () => {
	const one = await chooseGeometry([oneTile(32)], plates(20), teacher, settings, world([]));
	assert.equal(one, { tiling: oneTile(32), compared: [] });
});

judging('ends when nobody wants it any more', async () => {
	const stop = new AbortController();
	stop.abort(new Error('enough'));
	const choosing = chooseGeometry(candidates, plates(20), teacher, settings, world([], stop.signal));
	await choosing.then(
		() => assert.unreachable(),
		(thrown) => assert.is(thrown, stop.signal.reason),
	);
});

judging.run();
