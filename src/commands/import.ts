import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import { assertBundlePlace, writeBundle } from '../disk/bundle.js';
import { type Adapter, adaptOnnx, describeOnnx, type ForeignModel, type Port } from '../graph/foreign.js';
import { goodFrames, preparedImages } from '../jobs/good-images.js';
import { teachWorld } from '../jobs/world.js';
import { adopt } from '../learn/adopt.js';
import { DEVIATION, MEAN } from '../model/teacher.js';
import { bundleLines } from './terminal/bundle-lines.js';
import { type Command, numberOption, textOption } from './terminal/command.js';

/** How PyTorch's vision models want their pictures. */
const normalisations = {
	none: { mean: [0, 0, 0], deviation: [1, 1, 1] },
	imagenet: { mean: MEAN, deviation: DEVIATION },
} as const;

/** Names that anomalib's releases gave to the outputs. */
const MAPS = ['anomaly_map', 'anomaly_maps', 'map', 'output'];
const SCORES = ['pred_score', 'pred_scores', 'score'];

export const importCommand: Command = {
	name: 'import',
	summary:
		'Makes a bundle of an ONNX model that was trained elsewhere and gives a map and a score (as anomalib exports them): good pictures set the threshold and prove it ever after.',
	positionals: ['MODEL.onnx', 'IMAGES'],
	options: {
		out: {
			value: 'BUNDLE',
			summary:
				'the name to write it under: bundles/lid becomes bundles/lid@HASH, and what has that name stays',
		},
		normalise: {
			value: 'NAME',
			summary:
				'what the model wants of RGB in 0 to 1: none (it normalises itself, as anomalib 1 and later) or imagenet',
		},
		size: { value: 'PIXELS', summary: "side of its input, where the model's own is free" },
		map: { value: 'NAME', summary: `its output that is the map (default: ${MAPS.join(', ')})` },
		score: {
			value: 'NAME',
			summary: `its output that is the score (default: ${SCORES.join(', ')}); map for the maximum of the map`,
		},
		threads: { value: 'N', summary: 'processor threads, 0 for one a core', fallback: '0' },
		json: { summary: 'print the result as one line of JSON' },
	},
	run: async (args, context) => {
		const [file = '', folder = ''] = args.positionals;
		const out = textOption(args, 'out');
		if (out === undefined)
			throw new Failure('usage', 'import needs a place for the bundle', 'Give one with --out BUNDLE.');
		await assertBundlePlace(out);
		const threads = numberOption(args, 'threads', { lowest: 0, highest: 256 });
		const asked = {
			normalise: textOption(args, 'normalise'),
			map: textOption(args, 'map'),
			score: textOption(args, 'score'),
			size:
				textOption(args, 'size') === undefined
					? undefined
					: numberOption(args, 'size', { lowest: 32, highest: 4096 }),
		};
		const { bytes, model } = await readModel(file);
		const adapter = adapterOf(file, model, asked);
		const { width, height } = adapter;
		const tiling = { side: Math.max(width, height), rows: 1, columns: 1, width, height };
		const contents = await adopt(
			preparedImages(await goodFrames(folder, context.note), undefined, tiling),
			adaptOnnx(bytes, adapter),
			{
				name: basename(resolve(out)),
				tiling,
				threads,
				origin: `"${basename(file)}" by ${model.producer || 'an unnamed producer'}`,
				sha256: sha256Of(bytes),
			},
			teachWorld(context.version, context.signal, (progress) => {
				if (progress.phase === 'warning') context.note(`warning: ${progress.message}`);
				if (progress.phase === 'calibrating')
					context.note(`scoring ${progress.done} of ${progress.of} good pictures`, { transient: true });
			}),
		);
		const { manifest, dir, isNamed } = await writeBundle(resolve(out), contents);
		const { calibration, training } = manifest;
		const { threshold, falseRejectBound } = calibration;
		if (args.options.json) {
			context.print({ bundle: dir, isNamed, heldOut: training.heldOut, threshold, falseRejectBound });
			return;
		}
		context.print(
			`Took "${file}" (${width} × ${height} pixels, map "${adapter.map}", score ${adapter.score ? `"${adapter.score}"` : 'the maximum of the map'}).`,
		);
		context.print(`${training.heldOut} good pictures set the threshold to ${threshold.toFixed(4)}.`);
		for (const line of bundleLines(resolve(out), dir, isNamed)) context.print(line);
	},
};

async function readModel(file: string): Promise<{ bytes: Uint8Array; model: ForeignModel }> {
	try {
		const bytes = await readFile(file);
		return { bytes, model: describeOnnx(bytes) };
	} catch (thrown) {
		throw new Failure(
			'model-failed',
			`Cannot read model "${file}": ${reasonOf(thrown)}`,
			'Give an .onnx file.',
		);
	}
}

type Asked = {
	readonly normalise: string | undefined;
	readonly map: string | undefined;
	readonly score: string | undefined;
	readonly size: number | undefined;
};

/** The contract, read from the model where it says so, and from the options elsewhere. @throws Failure usage, model-failed */
function adapterOf(file: string, { inputs, outputs }: ForeignModel, asked: Asked): Adapter {
	const refuse = (state: string, advice: string) =>
		new Failure('model-failed', `Cannot import model "${file}": ${state}`, advice);
	const [input, ...more] = inputs;
	if (!input || more.length > 0 || !input.float || input.shape.length !== 4 || (input.shape[1] ?? 3) !== 3) {
		throw refuse(
			`it takes ${inputs.map(shown).join(', ')}`,
			'It must take one float32 picture [1, 3, height, width].',
		);
	}
	const [height, width] = [input.shape[2] ?? asked.size, input.shape[3] ?? asked.size];
	if (height === undefined || width === undefined)
		throw refuse(
			`the size of its input is free (${shown(input)})`,
			'Give the one it was trained with by --size.',
		);
	const named = (wanted: string | undefined, usual: readonly string[]) =>
		outputs.find(({ name }) => (wanted === undefined ? usual.includes(name) : name === wanted))?.name;
	const map = named(asked.map, MAPS);
	const pixels = outputs.find(({ name }) => name === map)?.shape ?? [];
	if (
		!pixels.includes(null) &&
		pixels.length > 0 &&
		pixels.reduce<number>((a, b) => a * b!, 1) !== width * height
	)
		throw refuse(
			`its map is [${pixels.join(', ')}]`,
			`It must have the size of its input, ${width} × ${height}.`,
		);
	if (map === undefined)
		throw refuse(
			`none of its outputs is known as a map: ${outputs.map(shown).join(', ')}`,
			'Name it with --map.',
		);
	const score = asked.score === 'map' ? undefined : named(asked.score, SCORES);
	if (score === undefined && asked.score !== undefined && asked.score !== 'map')
		throw refuse(
			`it has no output "${asked.score}": ${outputs.map(shown).join(', ')}`,
			'Name it with --score.',
		);
	const normalise = asked.normalise ?? '';
	if (normalise !== 'none' && normalise !== 'imagenet') {
		throw new Failure(
			'usage',
			asked.normalise === undefined
				? `Cannot tell from "${file}" how it wants its pictures`
				: `There is no normalisation "${normalise}"`,
			'Give --normalise none when the model normalises them itself, or --normalise imagenet.',
		);
	}
	return { input: input.name, width, height, map, score, ...normalisations[normalise] };
}

function shown({ name, shape }: Port): string {
	return `"${name}" [${shape.map((n) => n ?? '?').join(', ')}]`;
}
