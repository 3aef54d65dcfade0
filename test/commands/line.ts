import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodePng } from '../../src/opencv/picture.js';
import type { Answer } from '../../src/protocol/answer.js';
import type { RequestName } from '../../src/protocol/requests.js';
import { drawPart } from '../../src/sim/line.js';
import { answerOf, stationsRun } from '../answer-of.js';
import { program, type Running, start } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

export type Line = AsyncDisposable & {
	readonly path: string;
	readonly config: string;
	readonly box: () => Running;
	/** Asks on the box. */
	ask(...words: string[]): ReturnType<typeof program>;
	/** The same without a program of its own. */
	answer(name: RequestName, what?: object): Promise<Answer>;
	/** All stations inspect. */
	ready(): Promise<unknown>;
};

/** A box `t` with stations, each with its settings, recipe `r`, and a folder of four `pictures`. */
export async function line(
	more: string,
	stations: Readonly<Record<string, string>>,
	trigger = '{ everyMs: 50 }',
): Promise<Line> {
	const folder = await temporaryFolder();
	const { path } = folder;
	await mkdir(join(path, 'pictures'), { recursive: true });
	for (let i = 0; i < 4; i += 1)
		await writeFile(join(path, `pictures/${i}.png`), encodePng(drawPart(1, i, undefined, 96).image));
	await mkdir(join(path, 'bundles'));
	await tinyBundle(join(path, 'bundles/tiny'));
	const config = join(path, 'line.yaml');
	const rows = Object.entries(stations).map(([name, settings]) => `  ${name}: { recipe: r, ${settings} }`);
	await writeFile(
		config,
		`box: t\n${more}\nstations:\n${rows.join('\n')}\nrecipes:\n  r: { model: bundles/tiny, threads: 1, trigger: ${trigger} }\n`,
	);
	const boxes: Running[] = [];
	const ask = (...words: string[]) => program('ask', ...words, '--config', config);
	const state = join(path, 't-state');
	return {
		path,
		config,
		ask,
		answer: (name, what) => answerOf(state, name, what),
		box: () => {
			const running = start('run', '--config', config);
			boxes.push(running);
			return running;
		},
		ready: () => stationsRun(state, Object.keys(stations).length),
		[Symbol.asyncDispose]: async () => {
			for (const running of boxes) await running[Symbol.asyncDispose]();
			await folder[Symbol.asyncDispose]();
		},
	};
}
