import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { float32 } from '../../src/graph/tensor.js';
import { highest, outlined, outlinedIn } from '../../src/model/outline.js';
import { openSession } from '../../src/ort/session.js';

const outline = suite('the outline of a defect');

const NAN = Number.NaN;

for (const [what, map, scales, expected] of [
	['weighs places above the usual by what their scales show', [1, 1], [[4, 1]], [1, 0.25]],
	[
		'of all scales',
		[1, 1],
		[
			[3, 1],
			[6, 0],
		],
		[1, 1 / 9],
	],
	['leaves what lies below the usual as it is', [2, -3, 0], [[1, 9, 9]], [2, -3, 0]],
	['leaves a map that lies below the usual everywhere', [-2, -3], [[1, 9]], [-2, -3]],
	['keeps the maximum of a map of which no scale tells anything', [2, 1], [[0, 0]], [2, 1]],
	['takes scales that rounding left below zero for zero', [2, 1], [[-1e-7, -1e-7]], [2, 1]],
	['keeps a maximum as small as can be', [1e-20, 0], [[1e-3, 1]], [1e-20, 0]],
	['keeps what is no number', [1, NAN], [[1, 1]], undefined],
] as const) {
	outline(what, async () => {
		const places = map.length;
		const graph = new Graph();
		const inputs = scales.map((_, i) => graph.input(`scale${i}`, 'float32', [1, 1, places]));
		graph.output(outlinedIn(graph, graph.input('map', 'float32', [1, 1, places]), inputs), 'outlined');
		const session = await openSession(encodeOnnx(graph, 'outline'), { threads: 1 });
		const shaped = (values: readonly number[]) => float32([1, 1, places], [...values]);
		const feeds = { map: shaped(map), ...Object.fromEntries(scales.map((v, i) => [`scale${i}`, shaped(v)])) };
		const ran = await session.run(feeds).finally(() => session.close());
		const plain = outlined(
			Float32Array.from(map),
			scales.map((v) => Float32Array.from(v)),
		);
		for (const found of [plain, ran.outlined!.data as Float32Array]) {
			if (!expected) assert.ok(found.some(Number.isNaN));
			else
				for (const [p, v] of expected.entries())
					assert.ok(Math.abs(found[p]! - v) <= 2e-6 * Math.abs(v), `${[...found]}`);
		}
	});
}

outline('leaves the score as it was', () => {
	const random = randomFrom(11);
	for (let run = 0; run < 50; run += 1) {
		const drawn = () => Float32Array.from({ length: 64 }, () => random.normal());
		const map = drawn();
		const scales = [drawn(), drawn()].map((scale) => scale.map(Math.abs));
		assert.ok(Math.abs(highest(outlined(map, scales)) - highest(map)) <= 1e-6 * Math.abs(highest(map)));
	}
});

outline.run();
