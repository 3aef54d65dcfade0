import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { SCORINGS, type Scoring } from '../../src/model/manifest.js';
import {
	type MapKind,
	type Normality,
	normalityOf,
	shownBy,
	sumsOf,
	sumsWithout,
	usedBy,
} from '../../src/model/normality.js';
import { outlined } from '../../src/model/outline.js';

const normality = suite('what good parts usually show');

const random = randomFrom(2);
const kinds: readonly MapKind[] = ['scale', 'scale', 'features'];
/** Place 0 never varies, place 1 a little, place 2 a lot; the second scale is ten times the first, the features are a hundred times. */
const picture = () => {
	const base = [0.3, 0.3 + 0.01 * random.normal(), 0.5 + 0.1 * random.normal()];
	return [1, 10, 100].map((size) => Float32Array.from(base, (v) => size * v));
};
const pictures = Array.from({ length: 40 }, picture);
const sums = sumsOf(pictures);

/** By the formula, picture by picture in double precision: for each map that is used [mean, weight] at each place. */
function plainly(scoring: Scoring, of: readonly (readonly Float32Array[])[]): number[][][] {
	const used = usedBy(scoring, kinds);
	const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
	const shown = used.map((k) => {
		const places = Array.from({ length: 3 }, (_, p) => of.map((maps) => maps[k]![p]!));
		const variances = places.map((values) => {
			const middle = mean(values);
			return values.reduce((sum, v) => sum + (v - middle) ** 2, 0) / (values.length - 1);
		});
		return { means: places.map(mean), variances, overall: Math.sqrt(mean(variances)), kind: kinds[k]! };
	});
	const c = 2 * mean(shown.flatMap(({ kind, overall }) => (kind === shown[0]!.kind ? [overall] : [])));
	return shown.map(({ means, variances, overall, kind }) => {
		const share = c * (kind === 'features' ? 2 : 1);
		return scoring.startsWith('scales')
			? [[mean(means)], [share / (2 * overall)]]
			: [means, variances.map((variance) => share / (Math.sqrt(variance) + overall))];
	});
}

for (const [scoring, maps] of [
	['sum', [0, 1]],
	['scales', [0, 1]],
	['places', [0, 1]],
	['scales+features', [0, 1, 2]],
	['places+features', [0, 1, 2]],
	['features', [2]],
] as const) {
	normality(`by ${scoring} is of maps ${maps.join(', ')}, and what the formula says`, () => {
		assert.equal(usedBy(scoring, kinds), maps);
		const found = normalityOf(sums, scoring, kinds);
		if (scoring === 'sum') return assert.is(found, undefined);
		plainly(scoring, pictures).forEach(([mean, weight], i) => {
			for (const [numbers, expected] of [
				[found![i]!.mean, mean!],
				[found![i]!.weight, weight!],
			] as const) {
				assert.is(numbers.length, expected.length);
				expected.forEach((v, p) => {
					assert.ok(Math.abs(numbers[p]! - v) < 1e-5 * Math.abs(v), `${numbers[p]} and ${v}`);
				});
			}
		});
	});

	normality(`by ${scoring} leaves a picture out as if it had not been there`, () => {
		const found = normalityOf(sumsWithout(sums, pictures[17]!), scoring, kinds);
		const others = sumsOf(pictures.filter((_, i) => i !== 17));
		const expected = normalityOf(others, scoring, kinds);
		assert.is(found?.length, expected?.length);
		found?.forEach(({ mean, weight }, k) => {
			mean.forEach((v, p) => {
				assert.ok(Math.abs(v - expected![k]!.mean[p]!) < 1e-5 * v);
			});
			weight.forEach((v, p) => {
				assert.ok(Math.abs(v - expected![k]!.weight[p]!) < 1e-4 * v);
			});
		});
	});
}

normality('is the mean of each place, and departures weigh less where good parts vary more', () => {
	const [first, second, features] = normalityOf(sums, 'places+features', kinds)!;
	assert.ok(Math.abs(first!.mean[0]! - 0.3) < 1e-6);
	assert.ok(first!.weight[0]! > first!.weight[1]! && first!.weight[1]! > first!.weight[2]!);
	assert.ok(
		first!.weight[0]! < 4 * first!.weight[2]!,
		'a place that never varied does not count without bound',
	);
	const ratio = first!.weight[1]! / second!.weight[1]!;
	assert.ok(Math.abs(ratio - 10) < 1e-3, 'scales of different size count alike');
	assert.ok(Math.abs(first!.weight[1]! / features!.weight[1]! - 50) < 1e-2, 'and features twice');
});

normality('gives the sum of weighed departures, at each place or everywhere alike', () => {
	const [scales, features] = [[Float32Array.of(1, 2), Float32Array.of(10, 20)], Float32Array.of(7, 9)];
	const maps = [...scales, features];
	const kinds = ['scale', 'scale', 'features'] as const;
	const shown = (scoring: Scoring, of?: Normality) => [...shownBy({ kinds, scoring, normality: of }, maps)];
	assert.equal(shown('sum'), [11, 22]);
	const everywhere = { mean: Float32Array.of(1), weight: Float32Array.of(3) };
	const places = { mean: Float32Array.of(5, 5), weight: Float32Array.of(0.5, 2) };
	assert.equal(shown('scales', [everywhere, places]), [2.5, 33]);
	const alone = outlined(Float32Array.of(1, 8), scales);
	assert.equal(shown('features', [places]), [...alone]);
	const outlining = [everywhere, places, { mean: Float32Array.of(7), weight: Float32Array.of(1) }];
	assert.equal(shown('scales+features', outlining), [...outlined(Float32Array.of(2.5, 35), scales)]);
});

normality('of maps that never vary is finite', () => {
	const flat = [1, 2, 3].map((v) => new Float32Array(3).fill(v));
	for (const scoring of SCORINGS)
		for (const { mean, weight } of normalityOf(sumsOf([flat, flat, flat]), scoring, kinds) ?? [])
			assert.ok(mean.every(Number.isFinite) && weight.every(Number.isFinite), scoring);
});

normality.run();
