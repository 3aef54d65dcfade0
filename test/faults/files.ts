import * as fs from 'node:fs';
import type { Files } from '../../src/disk/files.js';
import type { DiskFault } from './disk.js';
import type { Being } from './time.js';

const STEP_MS = 0.2;
const SLOWEST_MS = 200;

/**
 * Files of the real file system for one process, a step after the other: it may die, or find the disk full, between any two of them. `absent`: where
 * nothing is, until somebody else writes there. `onStep` is called before and after each, and may be its end.
 */
export function filesOf(
	process: Being,
	faults: ReadonlySet<DiskFault>,
	absent: Set<string>,
	onStep: () => void,
): Files {
	const step = <T>(work: () => T): Promise<T> =>
		new Promise((resolve, reject) => {
			process.later(faults.has('slow') ? SLOWEST_MS * process.chance() : STEP_MS, () => {
				onStep();
				if (!process.alive) return;
				try {
					resolve(work());
				} catch (thrown) {
					reject(thrown);
				}
				onStep();
			});
		});
	const refuse = (): void => {
		if (faults.has('full')) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
		if (faults.has('failing')) throw Object.assign(new Error('input/output error'), { code: 'EIO' });
	};
	const change = <T>(work: () => T): Promise<T> =>
		step(() => {
			refuse();
			return work();
		});
	return {
		read: (path) => step(() => fs.readFileSync(path)),
		// Time of its own would cost as much as all that a box does: a file that is waited for is looked for all the time.
		look: async (path) => {
			if (absent.has(path)) return undefined;
			const found = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
			if (!found) {
				absent.add(path);
				return undefined;
			}
			const { ino, size, mtimeNs } = found;
			const mark = `${ino}-${mtimeNs}`;
			return { isFile: found.isFile(), size: Number(size), version: `${mark}-${size}`, mark };
		},
		head: (path, mostBytes) =>
			step(() => {
				if (faults.has('failing')) refuse();
				return fs.readFileSync(path).subarray(0, mostBytes);
			}),
		write: async (path, content, mode) => {
			const bytes = Buffer.from(content);
			await change(() => fs.writeFileSync(path, bytes.subarray(0, bytes.length / 2), { mode }));
			await change(() => fs.writeFileSync(path, bytes, { mode }));
		},
		flush: () => change(() => {}),
		rename: (from, to) =>
			change(() => {
				fs.renameSync(from, to);
				absent.delete(to);
			}),
		remove: (path) =>
			step(() => {
				// A full disk lets go.
				if (faults.has('failing')) refuse();
				fs.rmSync(path, { force: true });
			}),
		list: (folder) => step(() => fs.readdirSync(folder)),
		makeFolder: (path, mode) => change(() => void fs.mkdirSync(path, { recursive: true, mode })),
		ownedBy: (path) => step(() => fs.statSync(path)),
		own: (path, { mode }) => change(() => fs.chmodSync(path, mode)),
		assertWritable: () => change(() => {}),
		realPath: (path) => step(() => fs.realpathSync(path)),
		linkAt: (path) => step(() => fs.readlinkSync(path)),
		removeFolder: (path) =>
			step(() => {
				if (faults.has('failing')) refuse();
				fs.rmSync(path, { recursive: true, force: true });
			}),
	};
}
