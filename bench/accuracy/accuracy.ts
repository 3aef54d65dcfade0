// Is what we teach as good as the published algorithm in PyTorch, and as anomalib's models; and what escapes at each side's own
// threshold? One code measures all. A lesson is a line in the results file (by default results.jsonl beside this) and is not taught
// again, so that the table fills over days and machines; ours count since a commit.
// DATA is a folder of MVTec-style data sets, TEACHER torchvision's ResNet18 as safetensors:
//   npm run bench:accuracy -- DATA TEACHER [--results FILE] [--table]
//     [--sets a,b:20]       bottle:20 learns from 20 pictures only, drawn by the seed; line and line-turned are simulated; by default all
//     [--sides WORD]        only sides whose name contains it; may be given several times
//     [--seeds N or A..B]   3 are 1..3
//     [--ours='--tiles 2x2'] sides with these options of teach; may be given several times
//     [--since COMMIT]      our results of commits before it do not count
//     [--beside COMMIT]     our results of it are rows of their own, to see what changed since
//     [--program CHECKOUT]  our sides by the program that is built there, for what it was before
//     [--threads N] [--python PATH]
// PATH is a Python with PyTorch, torchvision, SciPy and Pillow: by default Debian's (python3-torch, -torchvision, -scipy, -pil). anomalib's
// sides need it there, too: python3 -m venv venv && venv/bin/pip install anomalib torch torchvision scipy openvino (6 GB), and then
// --python venv/bin/python. EfficientAD is left out: its teacher and the pictures that it needs beside ours are downloads from a hub.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { reasonOf } from '../../src/base/failure.js';
import { PYTHON } from '../peer.js';
import { here } from '../program.js';
import {
	isOurs,
	isSince,
	keepResult,
	keyOf,
	madeBy,
	provenance,
	type Result,
	readResults,
} from './results.js';
import { allSets, datasetOf } from './sets.js';
import { allSides, type Found, type Means, type Side } from './sides.js';
import { tableLines } from './table.js';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		results: { type: 'string', default: join(here, 'bench', 'accuracy', 'results.jsonl') },
		table: { type: 'boolean', default: false },
		sets: { type: 'string' },
		sides: { type: 'string', multiple: true, default: [''] },
		seeds: { type: 'string', default: '3' },
		ours: { type: 'string', multiple: true, default: [] },
		since: { type: 'string' },
		beside: { type: 'string' },
		program: { type: 'string', default: here },
		threads: { type: 'string', default: '2' },
		python: { type: 'string', default: PYTHON },
	},
});
const [data, teacher] = positionals;
if (data === undefined || teacher === undefined)
	throw new Error('give the folder of data sets and the teacher');
const sets = values.sets?.split(',') ?? (await allSets(data));
const sides = allSides(values.ours).filter(({ name }) => values.sides.some((word) => name.includes(word)));
if (sides.length === 0) throw new Error('no side has such a name');

const made = provenance(values.program);
const since = values.since === undefined ? undefined : madeBy(values.since);

/** Those that count; another program's are its own alone. */
function counted(): Result[] {
	const counts = ({ commit }: Result) =>
		values.program === here ? since === undefined || isSince(commit, since) : commit === made.commit;
	return readResults(values.results).filter((result) => !isOurs(result) || counts(result));
}

/** Our results of one commit, as those of sides of their own. */
function resultsBeside(commit: string): Result[] {
	return readResults(values.results)
		.filter((result) => isOurs(result) && result.commit === commit)
		.map((result) => ({ ...result, side: nameAt(result.side, commit) }));
}

function nameAt(side: string, commit: string): string {
	return `${side}, at ${commit}`;
}

function seedsOf(text: string): number[] {
	const [, from = '1', to] = /^(?:(\d+)\.\.)?(\d+)$/.exec(text) ?? [];
	if (to === undefined) throw new Error('write --seeds like 3 or 2..4');
	return Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => Number(from) + i);
}

/** Teaches what no counted result tells of, a seed after the other. What fails is told, and the rest goes on. */
async function fill(means: Means): Promise<number> {
	let failures = 0;
	for (const seed of seedsOf(values.seeds)) {
		for (const set of sets) {
			for (const lesson of new Set(sides.map((side) => side.lesson))) {
				const there = new Set(counted().map(keyOf));
				const missing = sides.filter(
					({ name, options, ...side }) =>
						side.lesson === lesson && !there.has(keyOf({ side: name, set, seed, options })),
				);
				if (missing.length === 0) continue;
				try {
					await using dataset = await datasetOf(set, seed, { data: data!, work: means.work });
					const variants = missing.map(({ variant }) => variant);
					await keep(missing, set, seed, await lesson(variants, dataset, seed, means));
				} catch (thrown) {
					failures += 1;
					const names = missing.map(({ name }) => name).join('; ');
					console.error(`${names}, on ${set}, seed ${seed}: ${reasonOf(thrown)}`);
				}
			}
		}
	}
	return failures;
}

async function keep(taught: readonly Side[], set: string, seed: number, found: Found): Promise<void> {
	for (const { name, options, variant } of taught) {
		const figures = found[variant];
		if (!figures) throw new Error(`nothing was told of ${name}`);
		const at = new Date().toISOString();
		await keepResult(values.results, { side: name, set, seed, options, ...made, at, figures });
	}
}

if (!values.table) {
	const work = await mkdtemp(join(tmpdir(), 'inspectord-accuracy-'));
	try {
		const { python, program: checkout } = values;
		const failures = await fill({ teacher, python, checkout, threads: Number(values.threads), work });
		if (failures > 0) process.exitCode = 1;
	} finally {
		await rm(work, { recursive: true });
	}
}
const before = values.beside === undefined ? undefined : madeBy(values.beside);
const rows = sides.flatMap((side) =>
	before === undefined || !isOurs({ side: side.name })
		? [side]
		: [{ name: nameAt(side.name, before) }, { ...side, before: nameAt(side.name, before) }],
);
const results = [...counted(), ...(before === undefined ? [] : resultsBeside(before))];
for (const line of tableLines(results, { sides: rows, sets })) console.log(line);
