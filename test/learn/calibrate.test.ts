import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate } from '../../src/learn/calibrate.js';
import { paperAdam } from '../../src/model/adam.js';
import { architectures } from '../../src/model/architecture.js';
import { stepProgram } from '../../src/model/step.js';
import { seededTeacher } from '../../src/model/teacher.js';
import { oneTile } from '../../src/model/tiling.js';
import { initialWeights, Weights } from '../../src/model/weights.js';
import { openSession } from '../../src/ort/session.js';
import { drawPart } from '../../src/sim/line.js';

const calibrating = suite('calibration');

const tiling = oneTile(64);
const images = {
	count: 4,
	name: (i: number) => `part ${i}`,
	image: async (i: number) => ({ input: drawPart(1, i, undefined, 64).image.data, size: tiling }),
};
const settings = { preset: 'paper', seed: 1, tiling, threads: 1 } as const;
const world = { openSession, report: () => {}, signal: new AbortController().signal };

/** Two that differ: nobody trained them. */
const [first, second] = [1, 2].map((seed) => {
	const { parameters, statistics } = stepProgram(architectures.pocket, paperAdam, 2, 64);
	const student = new Weights([...initialWeights(parameters, seed).entries()]);
	for (const { name, length } of statistics) {
		const data = new Float32Array(length).fill(name.endsWith('running_var') ? 1 : 0);
		student.set(name, { dtype: 'float32', shape: [length], data });
	}
	return { backbone: 'pocket', teacher: seededTeacher('pocket', 1), student, tiling } as const;
});

calibrating('scores each picture, and copies of it, by the student that has not seen it', async () => {
	const of = (pair: NonNullable<typeof first>, pictures: readonly number[]) => ({
		pair,
		gaussians: undefined,
		pictures,
	});
	const scored = async (...unseen: ReturnType<typeof of>[]) =>
		calibrate(unseen, undefined, images, settings, world);
	const both = await scored(of(first!, [2, 0]), of(second!, [1, 3]));
	const [one, other] = [await scored(of(first!, [2, 0])), await scored(of(second!, [1, 3]))];
	assert.equal(
		both.scored.map(({ score }) => score),
		[...one.scored, ...other.scored].map(({ score }) => score),
	);
	assert.not.equal(one.scored[0], (await scored(of(second!, [2]))).scored[0]);
	const copies = both.spoiled.filter(({ of }) => of < 2);
	assert.equal(copies, one.spoiled);
	assert.equal([...new Set(both.spoiled.map(({ of }) => of))], [0, 1, 2, 3]);
});

calibrating.run();
