import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { here } from '../program.js';

/** What one lesson came to on one set. Null where a side or a set cannot tell. */
export type Figures = {
	readonly imageAuroc: number | null;
	readonly pixelAuroc: number | null;
	readonly proRd4ad: number | null;
	readonly aupro03: number | null;
	readonly good: number;
	readonly defective: number;
	readonly threshold: number | null;
	/** Good parts above the side's own threshold, defective ones at or below it. */
	readonly falseRejects: number | null;
	readonly escapes: number | null;
	/** The share of good parts that the side itself says will be rejected at most. */
	readonly falseRejectBound: number | null;
	/** The same, with 95 % confidence. */
	readonly falseRejectBound95: number | null;
	readonly steps: number | null;
	/** What a lesson of ours chose by itself; null of peers, and undefined where it was not kept yet. */
	readonly chosen?: Chosen | null;
	readonly seconds: number;
	readonly versions: Readonly<Record<string, string>>;
};

/** Out of a bundle's manifest. */
export type Chosen = {
	/** How maps become one; with the share of spoiled copies that would pass by each way that was tried. */
	readonly scoring: string | null;
	readonly passes: Readonly<Record<string, number>>;
	/** How the threshold comes from scores. */
	readonly rule: string;
	/** Rows and columns of squares, and the pixels of their sides. */
	readonly squares: string;
};

/** A line of the results file. */
export type Result = {
	readonly side: string;
	readonly set: string;
	readonly seed: number;
	/** What the side was told. */
	readonly options: string;
	/** The last one that changed what the program is made of; with a `+` where the tree had changes. */
	readonly commit: string;
	readonly machine: string;
	readonly at: string;
	readonly figures: Figures;
};

/** What a result is of; of several, the last one counts. */
export type Key = Pick<Result, 'side' | 'set' | 'seed' | 'options'>;

export function keyOf({ side, set, seed, options }: Key): string {
	return JSON.stringify([side, set, seed, options]);
}

/** Whether the program made it, and another commit may make another. */
export function isOurs({ side }: Pick<Result, 'side'>): boolean {
	return side.startsWith('ours');
}

/** @throws Error where a line is no result */
export function readResults(file: string): Result[] {
	if (!existsSync(file)) return [];
	const lines = readFileSync(file, 'utf8').split('\n');
	return lines.flatMap((line, i) => {
		if (line === '') return [];
		try {
			return [JSON.parse(line) as Result];
		} catch {
			throw new Error(`Cannot read line ${i + 1} of "${file}": it is no JSON`);
		}
	});
}

/** One write, so that several benches may fill one file. */
export async function keepResult(file: string, result: Result): Promise<void> {
	await appendFile(file, `${JSON.stringify(result)}\n`);
}

/** What the program is made of. */
const PROGRAM = ['--', 'src', 'models', 'package-lock.json'];

/** Where and by what results are made that the program of a checkout makes. */
export function provenance(checkout: string): Pick<Result, 'commit' | 'machine'> {
	const processors = cpus();
	const machine = `${processors[0]?.model ?? 'unknown'}, ${processors.length} cores`;
	const commit = madeBy('HEAD', checkout);
	const changed = git(checkout, 'status', '--porcelain', ...PROGRAM);
	return { commit: changed ? `${commit}+` : commit, machine };
}

/** The last commit up to one that changed what the program is made of. */
export function madeBy(commit: string, checkout = here): string {
	return git(checkout, 'log', '-1', '--format=%h', commit, ...PROGRAM) ?? 'unknown';
}

/** Whether a commit holds another one, itself included. */
export function isSince(commit: string, since: string): boolean {
	return git(here, 'merge-base', '--is-ancestor', since, commit.replace('+', '')) !== undefined;
}

function git(checkout: string, ...args: string[]): string | undefined {
	try {
		return execFileSync('git', args, {
			cwd: checkout,
			encoding: 'utf8',
			stdio: ['ignore', 'pipe', 'ignore'],
		}).trim();
	} catch {
		return undefined;
	}
}
