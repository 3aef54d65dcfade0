import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeBundle } from '../src/disk/bundle.js';
import { teachWorld } from '../src/jobs/world.js';
import { teach } from '../src/learn/teach.js';
import type { BundleContents } from '../src/model/bundle.js';
import { seededTeacher } from '../src/model/teacher.js';
import { oneTile } from '../src/model/tiling.js';
import { frameOf } from '../src/opencv/picture.js';
import { drawPart } from '../src/sim/line.js';

/** A folder that goes away with its scope. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
	const path = await mkdtemp(join(tmpdir(), 'inspectord-test-'));
	return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/**
 * A real bundle (pocket network with a seeded teacher, pictures of 64 pixels), copied to `dir`. It is taught once a run of the
 * tests, which names a folder for all its files in INSPECTORD_TEST_RUN; a file that runs alone teaches its own. @returns `dir`
 */
export async function tinyBundle(dir: string): Promise<string> {
	taught ??= taughtBundle();
	await cp(await taught, dir, { recursive: true });
	return dir;
}

/** Of a recipe whose pictures are not like those that the bundle was taught with: nobody looks for faults of the camera. */
export const UNLIKE =
	'quality: { dark: false, overexposed: false, colour: false, blurred: false, absent: false, moved: false }';

let taught: Promise<string> | undefined;

async function taughtBundle(): Promise<string> {
	const run = process.env.INSPECTORD_TEST_RUN ?? mkdtempSync(join(tmpdir(), 'inspectord-test-'));
	if (process.env.INSPECTORD_TEST_RUN === undefined)
		process.once('exit', () => rmSync(run, { recursive: true, force: true }));
	const shared = join(run, 'tiny-bundle');
	if (existsSync(shared)) return shared;
	const own = `${shared}-${process.pid}`;
	const written = await writeBundle(own, await taughtContents(64));
	// A folder under its plain name, as bundles were before they were named by what they hold.
	await rm(own);
	// Whole or absent; another file may have been quicker.
	await rename(written.dir, shared).catch((thrown) => {
		if (!existsSync(shared)) throw thrown;
	});
	return shared;
}

/** `side`: what the network sees, in pixels; the larger, the longer a part takes. */
export function taughtContents(side: number): Promise<BundleContents> {
	const tiling = oneTile(side);
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
	return teach(images, teacher, settings, world);
}
