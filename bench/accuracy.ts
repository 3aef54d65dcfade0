// Is what we teach as good as the published algorithm in PyTorch? Both sides, seeds and data sets in one run; the same code measures
// the maps of both. DATA is a folder of MVTec-style data sets, TEACHER torchvision's ResNet18:
// npm run bench:accuracy -- DATA TEACHER [--iterations N] [--seeds N] [--sets a,b] [--sides WORD] [--threads N] [--maps DIR]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readDataset } from '../src/disk/dataset.js';
import { GOOD, type LabelledPicture } from '../src/measure/labelled.js';
import { auroc } from '../src/measure/metrics.js';
import { pixelTally } from '../src/measure/pixel-metrics.js';
import { readMask } from '../src/opencv/mask.js';
import { summary } from './median.js';
import { program } from './program.js';

const SIDE = 256;

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		iterations: { type: 'string', default: '100' },
		seeds: { type: 'string', default: '3' },
		sets: { type: 'string', default: 'bottle,magnetic_tile' },
		/** Only the rows whose name contains it. */
		sides: { type: 'string', default: '' },
		threads: { type: 'string', default: '2' },
		/** Where PyTorch's maps are kept: what is there is not computed again. */
		maps: { type: 'string' },
	},
});
const [data, teacher] = positionals;
if (data === undefined || teacher === undefined)
	throw new Error('give the folder of data sets and the teacher');
const place = values.maps ?? (await mkdtemp(join(tmpdir(), 'inspectord-accuracy-')));
await mkdir(place, { recursive: true });

type Row = Readonly<Record<'image' | 'pixel' | 'proRd4ad' | 'aupro03', number | null>>;

/** Our side by its own commands. The paper's preset trains on all pictures but two, the standard one on four fifths. */
async function ours(set: string, seed: number, options: readonly string[]): Promise<Row> {
	const bundle = join(place, `ours-${set}-${seed}`);
	await program(
		'teach',
		join(data!, set),
		'--out',
		bundle,
		'--seed',
		`${seed}`,
		'--threads',
		values.threads,
		...options,
	);
	const found = JSON.parse(
		await program('evaluate', bundle, join(data!, set), '--threads', values.threads, '--json'),
	);
	return {
		image: found.imageAuroc,
		pixel: found.pixelAuroc,
		proRd4ad: found.proRd4ad,
		aupro03: found.aupro03,
	};
}

async function theirs(set: string, seed: number, test: readonly LabelledPicture[]): Promise<Row> {
	const maps = join(place, `${set}-${values.iterations}-${seed}.f32`);
	if (!existsSync(maps)) {
		const script = fileURLToPath(new URL('../../bench/accuracy_peer.py', import.meta.url));
		const args = [
			script,
			join(data!, set),
			teacher!,
			values.iterations,
			`${seed}`,
			values.threads,
			`${maps}.part`,
		];
		const child = spawn('/usr/bin/python3', args, { stdio: ['pipe', 'ignore', 'inherit'] });
		child.stdin.end(test.map(({ path }) => path).join('\n'));
		const [code] = await once(child, 'close');
		if (code !== 0)
			throw new Error("PyTorch's side failed: it needs Debian's python3-torch, -torchvision, -scipy, -pil");
		await rename(`${maps}.part`, maps);
	}
	const masked = test.some(({ mask }) => mask !== null);
	const tally = pixelTally({ width: SIDE, height: SIDE }, masked ? test.length : 0);
	const scores: number[] = [];
	await using file = await open(maps);
	for (const { kind, mask } of test) {
		const map = new Float32Array(SIDE * SIDE);
		await file.read(new Uint8Array(map.buffer));
		scores.push(map.reduce((a, b) => Math.max(a, b)));
		if (masked && (mask !== null || kind === GOOD)) {
			tally.add(map, mask === null ? null : (await readMask(mask, { width: SIDE, height: SIDE })).data);
		}
	}
	const { pixelAuroc, proRd4ad, aupro03 } = tally.metrics();
	return {
		image: auroc(
			scores,
			test.map(({ kind }) => kind !== GOOD),
		),
		pixel: pixelAuroc,
		proRd4ad,
		aupro03,
	};
}

const paper = ['--preset', 'paper', '--holdout', '0.01', '--iterations', values.iterations];
const sides = {
	'PyTorch, ResNet18': theirs,
	'ours as published, ResNet18': (set, seed) => ours(set, seed, ['--teacher', teacher, ...paper]),
	'ours, ResNet18, as many steps': (set, seed) =>
		ours(set, seed, ['--teacher', teacher, '--iterations', values.iterations]),
	'ours, pocket (the default)': (set, seed) => ours(set, seed, []),
} satisfies Record<string, (set: string, seed: number, test: readonly LabelledPicture[]) => Promise<Row>>;

const figures = ['image', 'pixel', 'proRd4ad', 'aupro03'] as const;
const results: Record<string, Record<string, (number | null)[]>> = {};
console.log(
	`| data, ${values.seeds} seeds | side | image AUROC | pixel AUROC | pro_rd4ad | aupro_0.3 |\n| --- | --- | --- | --- | --- | --- |`,
);
for (const set of values.sets.split(',')) {
	const { test } = await readDataset(join(data, set));
	for (const [side, run] of Object.entries(sides).filter(([side]) => side.includes(values.sides))) {
		const rows: Row[] = [];
		for (let seed = 1; seed <= Number(values.seeds); seed += 1) rows.push(await run(set, seed, test));
		const cells = figures.map((figure) => {
			const found = rows.flatMap((row) => row[figure] ?? []);
			if (found.length === 0) return { mean: null, text: '–' };
			const mean = found.reduce((a, b) => a + b) / found.length;
			const { low, high } = summary(found);
			return { mean, text: `${mean.toFixed(4)} (${low.toFixed(4)} to ${high.toFixed(4)})` };
		});
		results[set] = { ...results[set], [side]: cells.map(({ mean }) => mean) };
		console.log(`| ${set} | ${side} | ${cells.map(({ text }) => text).join(' | ')} |`);
	}
}
console.log(JSON.stringify(results));
