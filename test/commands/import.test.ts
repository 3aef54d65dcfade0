import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readBundle } from '../../src/disk/bundle.js';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { openScorer } from '../../src/inspect/scorer.js';
import { openSession } from '../../src/ort/session.js';
import { program } from '../program.js';
import { temporaryFolder } from '../tiny-bundle.js';

const imports = suite('models from elsewhere');

type Names = { readonly input: string; readonly map: string; readonly score?: string };

/** A model with the ports of anomalib's exports: the map is the redness of the picture. */
function redness(
	{ input, map, score }: Names,
	shape: readonly number[] = [1, 3, 64, 96],
	channel = 0,
): Uint8Array {
	const graph = new Graph();
	const x = graph.input(input, 'float32', shape);
	const axes = [1];
	const red = graph.apply('Slice', [x], { starts: [channel], ends: [channel + 1], axes, steps: [1] });
	graph.output(red, map);
	if (score !== undefined) {
		const most = graph.apply('ReduceMax', [red], { axes: [1, 2, 3] });
		graph.output(graph.reshape(graph.mul(most, graph.scalar(2)), [1]), score);
	}
	return encodeOnnx(graph, 'redness');
}

async function pictures(dir: string): Promise<string> {
	await program('simulate', dir, '--good', '10', '--defects', '0', '--size', '96');
	return dir;
}

imports('take the contract from the model, and its score from good pictures', async () => {
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	const set = await pictures(at('set'));
	for (const [name, names, most] of [
		['as anomalib names them', { input: 'input', map: 'anomaly_map', score: 'pred_score' }, 2],
		['without a score', { input: 'x', map: 'output' }, 1],
		["under the contract's own names", { input: 'image', map: 'map', score: 'score' }, 2],
	] as const) {
		await writeFile(at('m.onnx'), redness(names));
		const out = at(name);
		const { code, err } = await program(
			'import',
			at('m.onnx'),
			set,
			'--out',
			out,
			'--normalise',
			'none',
			'--json',
		);
		assert.is(code, 0, err);
		const bundle = await readBundle(out);
		assert.equal([bundle.manifest.input.tiling.width, bundle.manifest.input.tiling.height], [96, 64]);
		assert.is(bundle.manifest.training.heldOut, 10);
		const scorer = await openScorer(bundle, openSession, { threads: 1 });
		const white = new Uint8Array(64 * 96 * 3).fill(255);
		white[3 * 100] = 127;
		const { map, score } = await scorer.score(white);
		assert.ok(Math.abs(score - most) < 1e-5 && Math.abs(map[100]! - 127 / 255) < 1e-6, name);
		await scorer.close();
	}
});

imports('normalise where the model does not', async () => {
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	const set = await pictures(at('set'));
	await writeFile(at('m.onnx'), redness({ input: 'input', map: 'map' }, [1, 3, 64, 64], 2));
	await program('import', at('m.onnx'), set, '--out', at('b'), '--normalise', 'imagenet');
	const scorer = await openScorer(await readBundle(at('b')), openSession, { threads: 1 });
	const { score } = await scorer.score(new Uint8Array(64 * 64 * 3).fill(255));
	assert.ok(Math.abs(score - (1 - 0.406) / 0.225) < 1e-5);
	await scorer.close();
});

imports('ask for what the model does not say, and refuse what cannot be judged by', async () => {
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	const set = await pictures(at('set'));
	const usual = { input: 'input', map: 'anomaly_map', score: 'pred_score' };
	const small = new Graph();
	small.output(small.mean(small.input('input', 'float32', [1, 3, 64, 64]), [1, 2]), 'map');
	const flat = new Graph();
	const x = flat.input('input', 'float32', [1, 3, 32, 32]);
	flat.output(flat.apply('Relu', [flat.sub(flat.mean(x, [1]), flat.scalar(9))], {}), 'map');
	/** A mask under the name of a map, and a score that sinks as the map rises. */
	const turned = new Graph();
	const seen = turned.mean(turned.input('input', 'float32', [1, 3, 64, 64]), [1]);
	turned.output(seen, 'map');
	const mask = turned.apply('Cast', [turned.apply('Greater', [seen, turned.scalar(0.5)], {})], {
		to: 'float32',
	});
	turned.output(mask, 'output');
	const brightness = turned.reshape(turned.mean(seen, [1, 2, 3]), [1]);
	turned.output(brightness, 'anomaly_score');
	turned.output(turned.sub(turned.scalar(1), brightness), 'quality');
	for (const [model, args, message] of [
		[
			encodeOnnx(turned, 'mask'),
			['--normalise', 'none', '--map', 'output'],
			/its map holds only [01] and [01]: it is a mask\nName the output/,
		],
		[
			encodeOnnx(turned, 'quality'),
			['--normalise', 'none', '--score', 'quality'],
			/its score is higher for what is good\nTake the maximum/,
		],
		[redness(usual), [], /Cannot tell from ".*m.onnx" how it wants its pictures\nGive --normalise none/],
		[
			redness({ ...usual, map: 'heat' }),
			['--normalise', 'none'],
			/known as a map: "heat" \[1, 1, 64, 96\], "pred_score" \[1\]/,
		],
		[redness(usual), ['--normalise', 'none', '--score', 'best'], /it has no output "best"/],
		[redness(usual, [1, 4, 64, 64]), ['--normalise', 'none'], /it takes "input" \[1, 4, 64, 64\]/],
		[encodeOnnx(flat, 'flat'), ['--normalise', 'none'], /10 good images have 1 different scores/],
		[
			encodeOnnx(small, 'small'),
			['--normalise', 'none'],
			/its map is \[1, 1, 1, 64\]\nIt must have the size of its input/,
		],
		[Buffer.from('no model'), ['--normalise', 'none'], /Cannot read model/],
	] as const) {
		await writeFile(at('m.onnx'), model);
		const { code, err } = await program('import', at('m.onnx'), set, '--out', at('b'), ...args);
		assert.ok(code !== 0);
		assert.match(err, message);
	}
});

imports.run();
