import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { driftOf, spreadOf } from '../../src/measure/spread.js';
import { throughputOf } from '../../src/measure/throughput.js';

const test = suite('spread');

test('a spread is the middle of measurements with their ends', () => {
	const values = Array.from({ length: 100 }, (_, i) => 99 - i);
	assert.equal(spreadOf(values), { count: 100, p10: 10, p50: 50, p95: 95, p99: 99 });
	assert.equal(spreadOf([3]), { count: 1, p10: 3, p50: 3, p95: 3, p99: 3 });
	assert.is(spreadOf([]).count, 0);
	assert.ok(Number.isNaN(spreadOf([]).p50));
	assert.ok(Number.isNaN(spreadOf([1, Number.NaN]).p99));
});

const steady = Array.from({ length: 60 }, () => 10);
const drifts: readonly (readonly [what: string, values: readonly number[], drift: number | null])[] = [
	['steady', steady, 0],
	['slower in the end', steady.map((ms, i) => (i < 40 ? ms : 15)), 0.5],
	['faster in the end', steady.map((ms, i) => (i < 20 ? ms : 5)), -0.5],
	['one that took long is no drift', steady.map((ms, i) => (i === 59 ? 900 : ms)), 0],
	['too few', steady.slice(0, 29), null],
];

for (const [what, values, drift] of drifts) {
	test(`measurements drift by their first and last third: ${what}`, () => {
		assert.is(driftOf(values), drift);
	});
}

test('stations do together what each did in the window, and the slowest is told', () => {
	const judged = [
		{ station: 'a', atMs: 999, wholeMs: 900 },
		{ station: 'a', atMs: 1000, wholeMs: 10 },
		{ station: 'b', atMs: 1500, wholeMs: 30 },
		{ station: 'a', atMs: 2999, wholeMs: 20 },
		{ station: 'a', atMs: 3000, wholeMs: 900 },
	];
	const found = throughputOf(judged, ['a', 'b'], { fromMs: 1000, toMs: 3000 });
	assert.equal([found.perSecond, found.slowestPerSecond], [1.5, 0.5]);
	assert.equal(found.wholeMs, { count: 3, p10: 10, p50: 20, p95: 30, p99: 30 });
	assert.is(throughputOf(judged, ['a', 'b', 'c'], { fromMs: 1000, toMs: 3000 }).slowestPerSecond, 0);
});

test.run();
