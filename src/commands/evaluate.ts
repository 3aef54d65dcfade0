import { basename, resolve } from 'node:path';
import { PRECISIONS } from '../base/precision.js';
import { PROVIDERS } from '../base/provider.js';
import { wishOf } from '../config/provider.js';
import { readBundle } from '../disk/bundle.js';
import { readDataset } from '../disk/dataset.js';
import { enginesFolder } from '../disk/engines.js';
import { assertFilePlace, writeWhole } from '../disk/file.js';
import { type Evaluation, evaluate } from '../evaluate/evaluation.js';
import { galleries } from '../evaluate/exhibits.js';
import { reportHtml } from '../evaluate/report.js';
import { summaryLines } from '../evaluate/summary.js';
import { chooseProvider } from '../inspect/choose-provider.js';
import type { Scorer } from '../inspect/scorer.js';
import { promisedBy, promiseWords } from '../measure/promise.js';
import type { Bundle } from '../model/bundle.js';
import type { Manifest } from '../model/manifest.js';
import { tileCount } from '../model/tiling.js';
import { readMask } from '../opencv/mask.js';
import { encodeJpeg, encodePng, readPicture } from '../opencv/picture.js';
import { openProviders } from '../station/providers.js';
import type { Size } from '../vision/image.js';
import { type Command, choiceOption, numberOption, textOption } from './terminal/command.js';

export const evaluateCommand: Command = {
	name: 'evaluate',
	summary:
		'Says how well a bundle tells good from defective, on an MVTec-style data set: test/good, test/<defect> and, for the figures of pixels, ground_truth/<defect>/<name>_mask.png.',
	positionals: ['BUNDLE', 'DATASET'],
	options: {
		report: { value: 'FILE.html', summary: 'write a page with curves and the pictures that it gets wrong' },
		precision: { value: 'NAME', summary: 'fp32, fp16 or int8 (default: what the bundle runs in)' },
		provider: {
			value: 'NAME',
			summary: `what computes, and nothing else: ${PROVIDERS.join(', ')}; or auto, the best that is there`,
			fallback: 'cpu',
		},
		engines: {
			value: 'FOLDER',
			summary: 'where engines of TensorRT are kept (default: as inspectord engine has it)',
		},
		threads: { value: 'N', summary: 'processor threads, 0 for one a core', fallback: '0' },
		json: { summary: 'print the figures as one line of JSON' },
	},
	run: async (args, context) => {
		const [bundleDir = '', datasetDir = ''] = args.positionals;
		const threads = numberOption(args, 'threads', { lowest: 0, highest: 256 });
		const report = textOption(args, 'report');
		if (report !== undefined) await assertFilePlace(report);
		const bundle = await readBundle(bundleDir);
		const { test } = await readDataset(datasetDir, context.note);
		const wanted = choiceOption(args, 'provider', ['auto', ...PROVIDERS]) ?? 'cpu';
		const engineFolder = textOption(args, 'engines') ?? enginesFolder(context.env);
		const settings = {
			threads,
			precision: choiceOption(args, 'precision', PRECISIONS),
			ceilingMs: Number.POSITIVE_INFINITY,
		};
		const providers = openProviders(context.env, { engineFolder, shunned: [] });
		const { scorer, degraded } = await chooseProvider(bundle, wishOf(wanted), settings, providers);
		if (degraded) context.note(degraded.message);
		try {
			const world = { ...worldOf(bundle, scorer), now: () => performance.now() };
			const evaluation = await evaluate(test, world, {
				size: scorer.size,
				threshold: bundle.manifest.calibration.threshold,
				taught: await bundle.likenesses(),
				signal: context.signal,
				onProgress: (done, of) => context.note(`evaluating ${done} of ${of} images`, { transient: true }),
			});
			const { json } = args.options;
			for (const line of json ? [evaluation.figures] : figureLines(evaluation, scorer)) context.print(line);
			if (report === undefined) return;
			await writeWhole(report, await pageOf(evaluation, bundle, datasetDir, scorer));
			if (!json) context.print(`The report is "${report}".`);
		} finally {
			await scorer.close();
		}
	},
};

function figureLines(evaluation: Evaluation, { provider }: Scorer): string[] {
	const { images, msPerImage } = evaluation.figures;
	return [
		...summaryLines(evaluation),
		`${images} images, ${msPerImage.toFixed(1)} ms an image on provider "${provider}".`,
	];
}

/** Pictures and masks as the bundle was taught: the whole of them, or its region. */
export function worldOf({ manifest }: Bundle, { score }: Scorer) {
	const region = manifest.input.region ?? undefined;
	return {
		readPicture: (path: string) => readPicture(path, path, region),
		readMask: (path: string, size: Size, picture: string) => readMask(path, size, { picture, region }),
		score,
	};
}

async function pageOf(
	evaluation: Evaluation,
	bundle: Bundle,
	datasetDir: string,
	scorer: Scorer,
): Promise<string> {
	const { name, createdAt, architecture, input, calibration, training, versions } = bundle.manifest;
	const { backbone, teacher } = architecture;
	const scale = { low: calibration.mapMedian, threshold: calibration.threshold };
	const world = { ...worldOf(bundle, scorer), encodeJpeg, encodePng };
	return reportHtml({
		...evaluation,
		title: `${name} on ${basename(resolve(datasetDir))}`,
		scale,
		sheet: await bundle.sheet(),
		galleries: await galleries(evaluation.scored, world, scorer.size, scale),
		facts: [
			['data set', resolve(datasetDir)],
			['bundle', `${bundle.id} in ${resolve(bundle.dir)}, made ${createdAt}`],
			['model', `${scorer.precision}, SHA-256 ${scorer.model}`],
			['network', `${backbone}, ${tilingText(input.tiling)}, on provider "${scorer.provider}"`],
			['teacher', `${teacher.origin}${teacher.seeded ? ' (random weights: for demonstrations only)' : ''}`],
			[
				'taught',
				`from ${training.images} good pictures in ${training.iterations} steps of ${training.batch}, seed ${training.seed}`,
			],
			[
				'threshold',
				`the ${rankWords(calibration)} of the scores of ${calibration.scores.length} good pictures that were kept from training: ${promiseWords(promisedBy(calibration))}, if they are like those`,
			],
			[
				'made with',
				`inspectord ${versions.inspectord}, ONNX Runtime ${versions.onnxruntime}, OpenCV ${versions.opencv}`,
			],
		],
	});
}

function rankWords({ scores, threshold }: Manifest['calibration']): string {
	const rank = 1 + scores.filter((score) => score > threshold).length;
	return rank === 1 ? 'highest' : `highest but ${rank - 1}`;
}

function tilingText(tiling: Manifest['input']['tiling']): string {
	const { side, rows, columns } = tiling;
	const tile = `${side} × ${side} pixels`;
	return tileCount(tiling) === 1 ? tile : `${rows} × ${columns} tiles of ${tile}`;
}
