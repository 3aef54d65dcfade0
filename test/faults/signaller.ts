import * as fs from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Random } from '../../src/base/random.js';
import type { Being } from './time.js';

/** From the first half of a file to the second: less than it must not have grown for. */
const TORN_MS = 4;

export type SignallerWorld = {
	readonly path: string;
	readonly nature: Being;
	readonly random: Random;
	readonly wallClock: () => number;
	/** Something is there now. */
	readonly appeared: () => void;
};

/** What of the line signals by files, each when the one before was taken. */
export function createSignaller({ path, nature, random, wallClock, appeared }: SignallerWorld) {
	return {
		/** Whether the one before was taken. */
		get isFree(): boolean {
			return !fs.existsSync(path);
		},
		/** Writes the next one, under another name first or bit by bit; `written` is called when it is whole. */
		signal: (part: string, written: () => void): void => {
			const isTorn = random.uniform() < 0.5;
			const wallS = wallClock() / 1000;
			const file = fs.openSync(isTorn ? path : `${path}.new`, 'w');
			const write = (text: string): void => {
				fs.writeSync(file, text);
				// Marks are made of it, and must come again.
				fs.futimesSync(file, wallS, wallS);
			};
			const end = (): void => {
				fs.closeSync(file);
				if (!isTorn) {
					fs.renameSync(`${path}.new`, path);
					appeared();
				}
				written();
			};
			write(part.slice(0, -1));
			if (isTorn) appeared();
			const rest = () => {
				write(part.slice(-1));
				end();
			};
			if (isTorn) nature.later(TORN_MS, rest);
			else rest();
		},
		/** Files that nobody has removed. */
		left: (): readonly string[] =>
			fs.readdirSync(dirname(path)).filter((name) => name.startsWith(basename(path))),
	};
}
