import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { permutation, randomFrom } from '../../src/base/random.js';
import { readDataset } from '../../src/disk/dataset.js';
import type { LabelledPicture } from '../../src/measure/labelled.js';
import { program } from '../program.js';

/** Sets by which the program's ways were chosen: figures on them flatter. All others confirm. */
const CHOSEN_ON = ['bottle', 'magnetic_tile', 'screw', 'line', 'line-turned'];

/** Sets that the program draws itself, by what `simulate` is told. */
const SIMULATED: Readonly<Record<string, readonly string[]>> = {
	line: ['--good', '100', '--defects', '60', '--seed', '7'],
	'line-turned': ['--good', '100', '--defects', '60', '--seed', '7', '--turn', '180'],
};

/** What is taught and tested: a folder laid out like MVTec AD's, and its test pictures. */
export type Dataset = { readonly folder: string; readonly test: readonly LabelledPicture[] };

/** Where sets come from: the folder that holds them, and one to draw and link into. */
export type Sets = { readonly data: string; readonly work: string };

/** `bottle:20` is bottle with only 20 good pictures to learn from. */
export function partsOf(set: string): { readonly name: string; readonly pictures: number | undefined } {
	const [, name = set, pictures] = /^(.+?)(?::(\d+))?$/.exec(set) ?? [];
	return { name, pictures: pictures === undefined ? undefined : Number(pictures) };
}

export function isChosenOn(set: string): boolean {
	return CHOSEN_ON.includes(partsOf(set).name);
}

/** Those in a folder, in the order of their names, and the simulated ones. */
export async function allSets(data: string): Promise<string[]> {
	const found = (await readdir(data)).filter((name) => existsSync(join(data, name, 'test')));
	return [...found.sort(), ...Object.keys(SIMULATED)];
}

/** A set as the lesson of a seed sees it: with few pictures, the seed draws which. Simulated ones are drawn once a run. */
export async function datasetOf(
	set: string,
	seed: number,
	{ data, work }: Sets,
): Promise<Dataset & AsyncDisposable> {
	const { name, pictures } = partsOf(set);
	const drawn = SIMULATED[name];
	const whole = drawn ? join(work, name) : join(data, name);
	if (drawn && !existsSync(whole)) await program('simulate', whole, ...drawn);
	const few = pictures === undefined ? undefined : await fewOf(whole, pictures, seed, work);
	const folder = few ?? whole;
	const { test } = await readDataset(folder);
	return {
		folder,
		test,
		[Symbol.asyncDispose]: async () => {
			if (few !== undefined) await rm(few, { recursive: true });
		},
	};
}

/** A folder with links to some of the pictures. */
async function fewOf(whole: string, pictures: number, seed: number, work: string): Promise<string> {
	const { train } = await readDataset(whole);
	const folder = await mkdtemp(join(work, 'few-'));
	await mkdir(join(folder, 'train', 'good'), { recursive: true });
	for (const other of ['test', 'ground_truth'])
		if (existsSync(join(whole, other))) await symlink(resolve(whole, other), join(folder, other));
	const chosen = permutation(train.length, randomFrom(seed)).slice(0, pictures);
	for (const i of chosen.sort((a, b) => a - b)) {
		const name = `${String(i).padStart(4, '0')}${extname(train[i]!)}`;
		await symlink(resolve(train[i]!), join(folder, 'train', 'good', name));
	}
	return folder;
}
