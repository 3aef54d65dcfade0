import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeBundle } from '../src/disk/bundle.js';
import { teachWorld } from '../src/jobs/world.js';
import { teach } from '../src/learn/teach.js';
import { seededTeacher } from '../src/model/teacher.js';
import { oneTile } from '../src/model/tiling.js';
import { frameOf } from '../src/opencv/picture.js';
import { drawPart } from '../src/sim/line.js';

const tiling = oneTile(64);

/** A folder that goes away with its scope. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
	const path = await mkdtemp(join(tmpdir(), 'inspectord-test-'));
	return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A real bundle, taught in a second or two: pocket network with a seeded teacher, pictures of 64 pixels. @returns its folder */
export async function tinyBundle(dir: string): Promise<string> {
	const teacher = {
		weights: seededTeacher('pocket', 1),
		sha256: '0'.repeat(64),
		origin: 'seed',
		seeded: true,
	};
	const images = {
		count: 10,
		name: (i: number) => `part ${i}`,
		image: async (i: number) => {
			const frame = frameOf(drawPart(1, i, undefined, 128).image);
			const input = frame.modelInput(undefined, tiling);
			frame.release();
			return { input, size: frame };
		},
	};
	const settings = {
		name: 'tiny',
		backbone: 'pocket',
		tiling,
		preset: 'paper',
		precision: 'fp32',
		iterations: 5,
		batch: 4,
		seed: 1,
		holdout: 0.2,
		threads: 1,
	} as const;
	const world = teachWorld('test', new AbortController().signal, () => {});
	const contents = await teach(images, teacher, settings, world);
	// A folder under its plain name, as bundles were before they were named by what they hold.
	const written = await writeBundle(dir, contents);
	await rm(dir);
	await rename(written.dir, dir);
	return dir;
}
