import { resolve } from 'node:path';
import { Failure } from '../base/failure.js';
import { readBundle } from '../disk/bundle.js';
import { readDataset } from '../disk/dataset.js';
import { openScorer } from '../inspect/scorer.js';
import { evaluate } from '../learn/evaluation.js';
import { summaryLines } from '../learn/summary.js';
import { readMask, readPicture } from '../opencv/picture.js';
import { openSession } from '../ort/session.js';
import type { Command } from './command.js';

export const evaluateCommand: Command = {
	name: 'evaluate',
	summary: 'Say how well a bundle tells good from defective on labelled images',
	positionals: ['BUNDLE', 'DATASET'],
	options: {
		threads: { value: 'N', summary: 'threads for the model (default: one a core)' },
		json: { summary: 'print the figures as one line of JSON' },
	},
	async run({ positionals, options }, context) {
		const [bundleDir, datasetDir] = positionals.map((path) => resolve(path));
		const threads = threadsOf(options.threads);
		const bundle = await readBundle(bundleDir!);
		const { test } = await readDataset(datasetDir!);
		const scorer = await openScorer(bundle, openSession, { threads });
		try {
			const world = { readPicture, readMask, score: scorer.score, now: () => performance.now() };
			const evaluation = await evaluate(test, world, {
				size: scorer.size,
				threshold: bundle.manifest.calibration.threshold,
				signal: context.signal,
				onProgress: (done, of) => {
					if (context.interactive) context.note(`evaluating ${done} of ${of} images`, { transient: true });
				},
			});
			if (options.json) {
				context.print(JSON.stringify(evaluation.figures));
				return;
			}
			for (const line of summaryLines(evaluation)) context.print(line);
			const { images, msPerImage } = evaluation.figures;
			context.print(
				`${images} images, ${msPerImage.toFixed(1)} ms an image on provider "${scorer.provider}".`,
			);
		} finally {
			await scorer.close();
		}
	},
};

function threadsOf(option: string | boolean | undefined): number {
	if (option === undefined) return 0;
	const threads = Number(option);
	if (Number.isInteger(threads) && threads >= 1) return threads;
	throw new Failure('usage', `Cannot use --threads "${option}": it must be a whole number from 1`);
}
