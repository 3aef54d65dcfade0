// A cgroup with a bound on the memory of all that runs in it, and something in it that takes what there is. Needs root.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../test/free-port.js';

const ROOT = '/sys/fs/cgroup';
/** cgroups(7), version 1 and 2. */
const V1 = { root: join(ROOT, 'memory'), limit: 'memory.limit_in_bytes', used: 'memory.usage_in_bytes' };
const V2 = { root: ROOT, limit: 'memory.max', used: 'memory.current' };

/** The kernel may choose what takes the memory; so often it does no more than that. */
const MOST_KILLED = 5;

type Hog = { readonly process: ChildProcess; readonly ended: Promise<unknown> };

export type Cage = AsyncDisposable & {
	/** From here on it, and its children to come, hold their memory in here. */
	take(pid: number): void;
	/** Something takes memory until this is so, and keeps it until it is freed. */
	squeeze(isEnough: () => boolean | Promise<boolean>): Promise<void>;
	free(): Promise<void>;
};

/** `spareMb`: so much more than it holds when it is squeezed. */
export async function openCage(spareMb: number): Promise<Cage> {
	const { root, limit, used } = existsSync(V1.root) ? V1 : V2;
	const folder = join(root, `inspectord-chaos-${process.pid}`);
	const file = (name: string) => join(folder, name);
	await mkdir(folder);
	const take = (pid: number) => writeFileSync(file('cgroup.procs'), `${pid}`);
	let hog: Hog | undefined;
	const free = async () => {
		hog?.process.kill('SIGKILL');
		await hog?.ended;
		hog = undefined;
	};
	const startHog = (): Hog => {
		const process = fork(fileURLToPath(new URL('./hog.js', import.meta.url)));
		take(process.pid!);
		return { process, ended: once(process, 'exit') };
	};
	return {
		take,
		free,
		squeeze: async (isEnough) => {
			hog = startHog();
			const heldBytes = Number(await readFile(file(used), 'utf8'));
			await writeFile(file(limit), `${heldBytes + spareMb * 2 ** 20}`);
			for (let killed = 0; !(await isEnough()); ) {
				const isTaken = once(hog.process, 'message');
				hog.process.send('more', () => {});
				await Promise.race([isTaken, hog.ended]);
				if (hog.process.signalCode === null) continue;
				killed += 1;
				if (killed === MOST_KILLED)
					throw new Error('The kernel kills what takes the memory, and nothing of ours');
				hog = startHog();
			}
		},
		[Symbol.asyncDispose]: async () => {
			await free();
			await eventually('nothing is in the cage', async () => {
				const pids = await readFile(file('cgroup.procs'), 'utf8');
				return pids === '';
			});
			await rmdir(folder);
		},
	};
}
