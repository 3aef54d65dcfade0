import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDefective } from '../../src/measure/labelled.js';
import { auroc, confusionAt } from '../../src/measure/metrics.js';
import { pixelTally } from '../../src/measure/pixel-metrics.js';
import { readMask } from '../../src/opencv/mask.js';
import { programOf } from '../program.js';
import type { Chosen, Figures } from './results.js';
import type { Dataset } from './sets.js';

const SIDE = 256;
const PUBLISHED_STEPS = [25, 50, 100];

/** Models of anomalib's by our script's names. EfficientAD is none: its teacher is a download. */
const ANOMALIB = [
	{ name: 'anomalib ReverseDistillation, ResNet18, 50 steps', model: 'reverse-distillation' },
	{ name: 'anomalib PatchCore, ResNet18, 1 % of patches', model: 'patchcore' },
];
/** Where their thresholds come from: anomalib's own way is told the labels of half of the test pictures. */
const ANOMALIB_THRESHOLDS = { labels: 'threshold by test labels', good: 'threshold by good pictures' };

/** What every lesson is given. */
export type Means = {
	/** torchvision's ResNet18, safetensors. */
	readonly teacher: string;
	readonly python: string;
	/** Where our program is built. */
	readonly checkout: string;
	readonly threads: number;
	readonly work: string;
};

/** One lesson and its test, for some of the sides that share it. */
type Lesson = (variants: readonly string[], dataset: Dataset, seed: number, means: Means) => Promise<Found>;

/** Figures by variants. */
export type Found = Readonly<Record<string, Figures>>;

/** One row of the table. Sides with the same lesson are taught together, and differ in their variant. */
export type Side = {
	readonly name: string;
	readonly variant: string;
	readonly options: string;
	readonly lesson: Lesson;
	/** What the verdict compares: the published algorithm, and what a user gets who chooses nothing but the teacher. */
	readonly role?: 'published' | 'default';
};

/** `extra`: options of `teach`, each a side of its own with both teachers. */
export function allSides(extra: readonly string[]): Side[] {
	const published = peer('accuracy_peer.py');
	return [
		...PUBLISHED_STEPS.map((steps) => ({
			name: `PyTorch, ResNet18, ${steps} steps`,
			variant: `${steps}`,
			options: '',
			lesson: published,
			role: 'published' as const,
		})),
		ours('ours as published, ResNet18, 50 steps', '--preset paper --iterations 50', true),
		{ ...ours('ours, pocket', '', false), role: 'default' },
		{ ...ours('ours, ResNet18', '', true), role: 'default' },
		...ANOMALIB.flatMap(({ name, model }) => {
			const lesson = peer('anomalib_peer.py', model);
			return Object.entries(ANOMALIB_THRESHOLDS).map(([variant, words]) => ({
				name: `${name}, ${words}`,
				variant,
				options: '',
				lesson,
			}));
		}),
		...extra.flatMap((options) => [
			ours(`ours, pocket, ${options}`, options, false),
			ours(`ours, ResNet18, ${options}`, options, true),
		]),
	];
}

/** Our side by the built program's own commands. */
function ours(name: string, options: string, resnet18: boolean): Side {
	const lesson: Lesson = async ([variant = ''], { folder, test }, seed, means) => {
		const { teacher, checkout, threads, work } = means;
		const place = await mkdtemp(join(work, 'ours-'));
		try {
			const common = ['--threads', `${threads}`, '--json'];
			const told = [
				...(resnet18 ? ['--teacher', teacher] : []),
				...options.split(' ').filter((word) => word !== ''),
			];
			const bundle = join(place, 'bundle');
			const taught = JSON.parse(
				await programOf(checkout, [
					'teach',
					folder,
					'--out',
					bundle,
					'--seed',
					`${seed}`,
					...common,
					...told,
				]),
			);
			const found = JSON.parse(await programOf(checkout, ['evaluate', bundle, folder, ...common]));
			const defective = test.filter(isDefective).length;
			const figures: Figures = {
				...{ imageAuroc: found.imageAuroc, pixelAuroc: found.pixelAuroc },
				...{ proRd4ad: found.proRd4ad, aupro03: found.aupro03 },
				...{ good: test.length - defective, defective },
				...{ threshold: found.threshold, falseRejects: found.falseRejects, escapes: found.escapes },
				falseRejectBound: taught.falseRejectBound,
				falseRejectBound95: taught.falseRejectBound95 ?? null,
				steps: taught.iterations,
				chosen: await chosenIn(taught.bundle),
				seconds: taught.seconds,
				versions: {},
			};
			return { [variant]: figures };
		} finally {
			await rm(place, { recursive: true });
		}
	};
	return { name, variant: '', options, lesson };
}

/** What the manifest of a bundle tells, also one of before that tells less. */
async function chosenIn(bundle: string): Promise<Chosen> {
	const { calibration, input } = JSON.parse(await readFile(join(bundle, 'manifest.json'), 'utf8'));
	const { rows, columns, side } = input.tiling;
	return {
		scoring: calibration.scoring?.chosen ?? null,
		passes: calibration.scoring?.passes ?? {},
		rule: calibration.rule,
		squares: `${rows}x${columns} of ${side}`,
	};
}

/** No peer says how many good parts it will reject. */
const UNSTATED = { falseRejectBound: null, falseRejectBound95: null };

/** What a peer prints. */
type Told = {
	readonly found: Readonly<
		Record<
			string,
			{ readonly seconds: number; readonly steps: number | null; readonly threshold: number | null }
		>
	>;
	readonly versions: Readonly<Record<string, string>>;
};

/** A Python script of the bench's that writes scores and maps; ours is the code that measures them. */
function peer(script: string, ...first: string[]): Lesson {
	return async (variants, { folder, test }, seed, { teacher, python, threads, work }) => {
		const place = await mkdtemp(join(work, 'peer-'));
		try {
			const out = join(place, 'maps');
			const path = fileURLToPath(new URL(`../../../bench/${script}`, import.meta.url));
			const args = [path, ...first, folder, teacher, `${seed}`, `${threads}`, out, ...variants];
			const pictures = test.map((picture) => ({ path: picture.path, defective: isDefective(picture) }));
			const said = await pythonSays(python, args, JSON.stringify(pictures));
			const { found, versions } = JSON.parse(said) as Told;
			const figures: Record<string, Figures> = {};
			for (const [variant, { seconds, steps, threshold }] of Object.entries(found)) {
				const measured = await measure(`${out}.${variant}`, test, threshold);
				figures[variant] = { ...measured, ...UNSTATED, steps, seconds, versions };
			}
			return figures;
		} finally {
			await rm(place, { recursive: true });
		}
	};
}

/** The last line that a script prints. @throws Error with the end of what it complained of */
async function pythonSays(python: string, args: readonly string[], input: string): Promise<string> {
	const child = spawn(python, args, { stdio: 'pipe' });
	let [out, complaints] = ['', ''];
	child.stdout.on('data', (chunk) => {
		out += chunk;
	});
	child.stderr.on('data', (chunk) => {
		complaints = (complaints + chunk).slice(-4000);
	});
	child.stdin.on('error', () => {});
	child.stdin.end(input);
	const [code] = await once(child, 'close');
	if (code !== 0) throw new Error(`"${python}" ended with ${code}\n${complaints}`);
	return out.trim().split('\n').at(-1) ?? '';
}

/** Figures from a file of scores and maps, in the order of the pictures. */
async function measure(
	file: string,
	test: Dataset['test'],
	threshold: number | null,
): Promise<Omit<Figures, keyof typeof UNSTATED | 'steps' | 'seconds' | 'versions'>> {
	const masked = test.some(({ mask }) => mask !== null);
	const tally = pixelTally({ width: SIDE, height: SIDE }, masked ? test.length : 0);
	const scores: number[] = [];
	await using maps = await open(file);
	for (const picture of test) {
		const record = new Float32Array(1 + SIDE * SIDE);
		const { bytesRead } = await maps.read(new Uint8Array(record.buffer));
		if (bytesRead !== record.byteLength || record.some(Number.isNaN))
			throw new Error(`"${file}" has no whole map of every picture`);
		scores.push(record[0]!);
		if (!masked || (isDefective(picture) && picture.mask === null)) continue;
		const size = { width: SIDE, height: SIDE };
		const mask = picture.mask === null ? null : await readMask(picture.mask, size, { picture: picture.path });
		tally.add(record.subarray(1), mask?.data ?? null);
	}
	const defective = test.map(isDefective);
	const { pixelAuroc, proRd4ad, aupro03 } = tally.metrics();
	const counts = threshold === null ? null : confusionAt(threshold, scores, defective);
	return {
		...{ imageAuroc: auroc(scores, defective), pixelAuroc, proRd4ad, aupro03 },
		...{ good: defective.filter((is) => !is).length, defective: defective.filter(Boolean).length },
		...{ threshold, falseRejects: counts?.falseRejects ?? null, escapes: counts?.escapes ?? null },
	};
}
