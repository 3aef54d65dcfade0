import { join } from 'node:path';
import { Failure } from '../base/failure.js';
import { assertReplaceable, FolderWriter } from '../disk/folder.js';
import { encodePng } from '../opencv/picture.js';
import { DEFECTS } from '../sim/defects.js';
import { HELD_DEGREES } from '../sim/flange.js';
import { drawPart } from '../sim/line.js';
import { type Command, numberOption } from './terminal/command.js';

/** Says that a folder is our own earlier work, which may be replaced. */
const MARKER = 'inspectord-simulated.json';

/** One picture to draw: where it goes, which part of the line it is, and with what defect. */
type Plan = {
	readonly path: string;
	readonly mask?: string;
	readonly index: number;
	readonly defect?: (typeof DEFECTS)[number];
};

export const simulate: Command = {
	name: 'simulate',
	summary:
		'Writes pictures of the simulated line as an MVTec-style data set: train/good, test/good (a fifth as many more), test/<defect> and masks in ground_truth.',
	positionals: ['OUT'],
	options: {
		good: { value: 'N', summary: 'good parts to train on', fallback: '200' },
		defects: { value: 'N', summary: 'defective parts in all, spread over the four kinds', fallback: '40' },
		seed: { value: 'S', summary: 'the same seed draws the same parts', fallback: '1' },
		size: { value: 'PIXELS', summary: 'side of the pictures', fallback: '512' },
		turn: {
			value: 'DEGREES',
			summary: 'how far parts lie turned to either side',
			fallback: `${HELD_DEGREES}`,
		},
		json: { summary: 'print the counts as one line of JSON' },
	},
	run: async (args, context) => {
		const [out = ''] = args.positionals;
		const good = numberOption(args, 'good', { lowest: 1, highest: 100_000 });
		const defects = numberOption(args, 'defects', { lowest: 0, highest: 100_000 });
		const seed = numberOption(args, 'seed', { lowest: 0, highest: 2 ** 32 - 1 });
		const size = numberOption(args, 'size', { lowest: 64, highest: 4096 });
		const turn = numberOption(args, 'turn', { lowest: 0, highest: 180, whole: false });
		if (out === '') throw new Failure('usage', 'simulate needs a folder to write to');
		const plans = planOf(good, defects);
		await assertReplaceable(out, MARKER);
		await using folder = await FolderWriter.open(out);
		for (const [done, { path, mask, index, defect }] of plans.entries()) {
			context.signal.throwIfAborted();
			const part = drawPart(seed, index, defect, size, turn);
			await folder.write(path, encodePng(part.image));
			if (mask !== undefined && part.mask) await folder.write(mask, encodePng(part.mask));
			context.note(`drawing ${done + 1} of ${plans.length}`, { transient: true });
		}
		const test = Math.ceil(good / 5);
		const counts = { train: good, testGood: test, testDefective: defects, seed, size, turn };
		await folder.write(MARKER, `${JSON.stringify(counts)}\n`);
		await folder.commit();
		context.print(
			args.options.json
				? JSON.stringify(counts)
				: `Wrote ${good} good parts to train on, ${test} good and ${defects} defective ones to test with, to "${out}".`,
		);
	},
};

function planOf(good: number, defects: number): Plan[] {
	const file = (i: number) => `${String(i).padStart(3, '0')}.png`;
	const test = Math.ceil(good / 5);
	const plans: Plan[] = [];
	for (let i = 0; i < good; i += 1) plans.push({ path: join('train', 'good', file(i)), index: i });
	for (let i = 0; i < test; i += 1) plans.push({ path: join('test', 'good', file(i)), index: good + i });
	for (let i = 0; i < defects; i += 1) {
		const defect = DEFECTS[i % DEFECTS.length]!;
		const number = Math.floor(i / DEFECTS.length);
		plans.push({
			path: join('test', defect, file(number)),
			mask: join('ground_truth', defect, file(number).replace('.png', '_mask.png')),
			index: good + test + i,
			defect,
		});
	}
	return plans;
}
