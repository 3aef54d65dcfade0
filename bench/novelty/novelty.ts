// One-class novelty detection as in the paper's section 4.3: one class of ten is normal, AUROC against the nine others, mean over the
// classes. npm run bench:novelty [-- --train N --test N --size PIXELS --classes N --threads N]; the data comes from npm packages, about 190 MB.
import { parseArgs } from 'node:util';
import { permutation, randomFrom } from '../../src/base/random.js';
import { readTeacher } from '../../src/disk/teacher.js';
import { teachWorld } from '../../src/jobs/world.js';
import { teach } from '../../src/learn/teach.js';
import { auroc } from '../../src/measure/metrics.js';
import { scoreWith } from '../../src/model/scored.js';
import { foldTeacher } from '../../src/model/teacher.js';
import { oneTile } from '../../src/model/tiling.js';
import { frameOf } from '../../src/opencv/picture.js';
import { openSession } from '../../src/ort/session.js';
import { type Labelled, sets } from './sets.js';

const { values } = parseArgs({
	options: {
		train: { type: 'string', default: '240' },
		test: { type: 'string', default: '40' },
		size: { type: 'string', default: '64' },
		classes: { type: 'string', default: '10' },
		threads: { type: 'string', default: '2' },
		sets: { type: 'string', default: 'MNIST,Fashion-MNIST,CIFAR-10' },
	},
});
const [wanted, tested, size, classes, threads] = [
	values.train,
	values.test,
	values.size,
	values.classes,
	values.threads,
].map(Number) as [number, number, number, number, number];
const tiling = oneTile(size);
const file = new URL('../../../models/teachers/pocket.safetensors', import.meta.url).pathname;
const { weights, sha256 } = await readTeacher(file);
const teacher = { weights: foldTeacher(weights, 'pocket'), sha256, origin: 'pocket', seeded: false };

function prepared({ image }: Labelled): Uint8Array {
	const frame = frameOf(image);
	const input = frame.modelInput(undefined, tiling);
	frame.release();
	return input;
}

/** So many of a class, drawn by a seed. */
function drawn(from: readonly Labelled[], label: number, count: number): Labelled[] {
	const of = from.filter((item) => item.label === label);
	return permutation(of.length, randomFrom(1))
		.slice(0, count)
		.map((i) => of[i]!);
}

async function aurocOf(
	normal: number,
	train: readonly Labelled[],
	test: readonly Labelled[],
): Promise<number> {
	const good = drawn(train, normal, wanted);
	const images = {
		count: good.length,
		name: (i: number) => `${i}`,
		image: async (i: number) => ({ input: prepared(good[i]!), size: good[i]!.image }),
	};
	const contents = await teach(
		images,
		teacher,
		{
			name: 'novelty',
			backbone: 'pocket',
			tiling,
			preset: 'standard',
			precision: 'fp32',
			iterations: 'auto',
			batch: 16,
			seed: 1,
			holdout: 0.2,
			threads,
		},
		teachWorld('bench', new AbortController().signal, () => {}),
	);
	const session = await openSession(contents.models.fp32!, { threads });
	const scores: number[] = [];
	const defective: boolean[] = [];
	for (let label = 0; label < 10; label += 1) {
		// As many normal pictures as others together.
		for (const item of drawn(test, label, label === normal ? 9 * tested : tested)) {
			scores.push((await scoreWith(session, prepared(item), tiling)).score);
			defective.push(label !== normal);
		}
	}
	await session.close();
	return auroc(scores, defective)!;
}

console.log(
	`pocket teacher, ${size} pixels, ${wanted} normal pictures (a fifth for the threshold), ${tested} of each other class`,
);
console.log(
	'| data | AUROC, mean | lowest and highest class | published (WideResNet50-2, all pictures) |\n| --- | --- | --- | --- |',
);
const results: Record<string, number> = {};
for (const { name, published, load } of sets.filter((set) => values.sets.split(',').includes(set.name))) {
	const { train, test } = await load();
	const found: number[] = [];
	for (let normal = 0; normal < classes; normal += 1) found.push(await aurocOf(normal, train, test));
	const mean = found.reduce((a, b) => a + b) / found.length;
	results[name] = mean;
	const [low, high] = [Math.min(...found), Math.max(...found)].map((v) => v.toFixed(3));
	console.log(`| ${name} | ${mean.toFixed(4)} | ${low}, ${high} | ${(published / 100).toFixed(3)} |`);
}
console.log(JSON.stringify(results));
