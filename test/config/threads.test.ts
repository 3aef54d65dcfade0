import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { threadsFor } from '../../src/config/threads.js';

const test = suite('threads');

const cases: readonly (readonly [asked: number, cores: number, stations: number, threads: number])[] = [
	// What is asked for is not shared.
	[1, 2, 1, 1],
	[4, 2, 8, 4],
	// A station alone has what ONNX Runtime thinks best.
	[0, 6, 1, 0],
	[0, 1, 1, 0],
	[0, 6, 0, 0],
	// Several share the cores.
	[0, 6, 2, 3],
	[0, 6, 4, 1],
	[0, 8, 3, 2],
	[0, 2, 2, 1],
	[0, 2, 8, 1],
	[0, 1, 2, 1],
];

for (const [asked, cores, stations, threads] of cases) {
	test(`${asked} asked for, ${cores} cores, ${stations} stations: ${threads}`, () => {
		assert.is(threadsFor(asked, cores, stations), threads);
	});
}

test.run();
