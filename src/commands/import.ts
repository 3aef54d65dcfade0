import { basename, resolve } from 'node:path';
import { Failure } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import { assertBundlePlace, writeBundle } from '../disk/bundle.js';
import { readOnnx } from '../disk/onnx.js';
import { type Contract, contractOf, MAPS, SCORES } from '../graph/contract.js';
import { type Adapter, adaptOnnx, describeOnnx } from '../graph/foreign.js';
import type { Normalisation } from '../graph/picture.js';
import { goodFrames, preparedImages } from '../jobs/good-images.js';
import { teachWorld } from '../jobs/world.js';
import { adopt } from '../learn/adopt.js';
import { promisedBy, promiseWords } from '../measure/promise.js';
import { IMAGENET } from '../model/teacher.js';
import { bundleLines } from './terminal/bundle-lines.js';
import { type Command, numberOption, textOption } from './terminal/command.js';

/** How PyTorch's vision models want their pictures. */
const normalisations = {
	none: { mean: [0, 0, 0], deviation: [1, 1, 1] },
	imagenet: IMAGENET,
} as const;

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
			map: textOption(args, 'map'),
			score: textOption(args, 'score'),
			size:
				textOption(args, 'size') === undefined
					? undefined
					: numberOption(args, 'size', { lowest: 32, highest: 4096 }),
		};
		const bytes = await readOnnx(file);
		const model = describeOnnx(bytes);
		const contract = contractOf(file, model, asked);
		const normalisation = normalisationOf(file, textOption(args, 'normalise'), contract);
		const adapter: Adapter = { ...contract, ...normalisation };
		const { width, height } = adapter;
		if (contract.maybeScores.length > 0) {
			const names = contract.maybeScores.map((name) => `"${name}"`).join(' or ');
			context.note(`the score is the maximum of the map; if it is ${names}, name that with --score`);
		}
		const tiling = { side: Math.max(width, height), rows: 1, columns: 1, width, height };
		const contents = await adopt(
			preparedImages(await goodFrames(folder, context.note), undefined, tiling),
			adaptOnnx(bytes, adapter),
			{
				name: basename(resolve(out)),
				file,
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
		const falseRejectBound95 = promisedBy(calibration);
		if (args.options.json) {
			context.print({
				bundle: dir,
				isNamed,
				heldOut: training.heldOut,
				threshold,
				falseRejectBound,
				falseRejectBound95,
			});
			return;
		}
		context.print(
			`Took "${file}" (${width} × ${height} pixels, map "${adapter.map}", score ${adapter.score ? `"${adapter.score}"` : 'the maximum of the map'}).`,
		);
		context.print(
			`${training.heldOut} good pictures set the threshold to ${threshold.toFixed(4)}: ${promiseWords(falseRejectBound95)}, if they are like these.`,
		);
		for (const line of bundleLines(resolve(out), dir, isNamed)) context.print(line);
	},
};

/** What is normalised before the model, which no model tells. @throws Failure usage */
function normalisationOf(
	file: string,
	asked: string | undefined,
	{ bytes, layout }: Contract,
): Normalisation {
	const name = asked ?? (bytes ? 'none' : undefined);
	const advice = 'Give --normalise none when the model normalises them itself, or --normalise imagenet.';
	if (name === undefined)
		throw new Failure('usage', `Cannot tell from "${file}" how it wants its pictures`, advice);
	if (name !== 'none' && name !== 'imagenet')
		throw new Failure('usage', `There is no normalisation "${name}"`, advice);
	if (name === 'imagenet' && (bytes || layout.channels === 1)) {
		const taken = bytes ? 'in uint8' : 'in grey';
		throw new Failure(
			'usage',
			`Cannot normalise for "${file}": it takes pictures ${taken}`,
			'Give --normalise none.',
		);
	}
	return normalisations[name];
}
