import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodePng } from '../src/opencv/picture.js';
import { drawPart } from '../src/sim/line.js';
import { stationsRun } from './answer-of.js';
import { type Outcome, program, type Running, start } from './program.js';
import { temporaryFolder, tinyBundle } from './tiny-bundle.js';

/** A box with one station, as a person runs it. */
export type Line = AsyncDisposable & {
	readonly path: string;
	readonly config: string;
	/** Starts it. */
	box(): Running;
	/** Ends it in an orderly way. */
	stop(): Promise<Outcome>;
	/** Asks on the box. */
	ask(...words: string[]): Promise<Outcome>;
	/** Resolves when its station runs. */
	ready(): Promise<unknown>;
	rewrite(change: (text: string) => string): Promise<void>;
};

/** Box `t` with station `s`, whose recipe is `r`; `more`: lines of its configuration. */
export async function lineWith(more: string): Promise<Line> {
	const folder = await temporaryFolder();
	const { path } = folder;
	await mkdir(join(path, 'pictures'));
	for (let i = 0; i < 4; i += 1)
		await writeFile(join(path, `pictures/${i}.png`), encodePng(drawPart(1, i, undefined, 96).image));
	await tinyBundle(join(path, 'bundle'));
	const config = join(path, 'line.yaml');
	await writeFile(
		config,
		`box: t\n${more}\nstations:\n  s: { camera: { source: pictures, loop: true }, recipe: r }\nrecipes:\n  r: { model: bundle, threads: 1, trigger: { everyMs: 100 } }\n`,
	);
	const boxes: Running[] = [];
	const ask = (...words: string[]) => program('ask', ...words, '--config', config);
	return {
		path,
		config,
		box: () => {
			const running = start('run', '--config', config);
			boxes.push(running);
			return running;
		},
		stop: () => {
			const last = boxes.at(-1)!;
			last.child.kill('SIGTERM');
			return last.ended;
		},
		ask,
		ready: () => stationsRun(join(path, 't-state')),
		rewrite: async (change) => writeFile(config, change(await readFile(config, 'utf8'))),
		[Symbol.asyncDispose]: async () => {
			for (const running of boxes) await running[Symbol.asyncDispose]();
			await folder[Symbol.asyncDispose]();
		},
	};
}
