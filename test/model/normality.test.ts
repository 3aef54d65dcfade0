import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { leaveOneOutScores, mapUnder, normalityOf } from '../../src/model/normality.js';

const normality = suite('what good parts usually show');

const random = randomFrom(2);
/** Place 0 never varies, place 1 a little, place 2 a lot; the second scale is ten times the first. */
const picture = () => {
	const base = [0.3, 0.3 + 0.01 * random.normal(), 0.5 + 0.1 * random.normal()];
	return [Float32Array.from(base), Float32Array.from(base, (v) => 10 * v)];
};
const pictures = Array.from({ length: 40 }, picture);

normality('is the mean of each place, and departures weigh less where good parts vary more', () => {
	const [first, second] = normalityOf(pictures);
	assert.ok(Math.abs(first!.mean[0]! - 0.3) < 1e-6);
	assert.ok(first!.weight[0]! > first!.weight[1]! && first!.weight[1]! > first!.weight[2]!);
	assert.ok(
		first!.weight[0]! < 4 * first!.weight[2]!,
		'a place that never varied does not count without bound',
	);
	const ratio = first!.weight[1]! / second!.weight[1]!;
	assert.ok(Math.abs(ratio - 10) < 1e-3, 'scales of different size count alike');
});

normality('makes the same departure stand out more where good parts do not vary', () => {
	const usual = normalityOf(pictures);
	const departed = (place: number) =>
		mapUnder(
			pictures[0]!.map((map, k) => map.map((v, p) => v + (p === place ? 0.2 * 10 ** k : 0))),
			usual,
		)[place]!;
	assert.ok(
		departed(1) - mapUnder(pictures[0]!, usual)[1]! > 1.5 * (departed(2) - mapUnder(pictures[0]!, usual)[2]!),
	);
});

normality('gives left-out scores as if the picture had not been there', () => {
	const scores = leaveOneOutScores(pictures);
	for (const i of [0, 17]) {
		const map = mapUnder(pictures[i]!, normalityOf(pictures.filter((_, k) => k !== i)));
		assert.ok(Math.abs(scores[i]!.score - Math.max(...map)) < 1e-6);
	}
	const inSample = pictures.map((maps) => Math.max(...mapUnder(maps, normalityOf(pictures))));
	assert.ok(
		Math.max(...scores.map(({ score }) => score)) > Math.max(...inSample),
		'which is more than with it',
	);
});

normality.run();
