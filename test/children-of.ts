import { readdir, readFile } from 'node:fs/promises';

/** Processes that a process started and that run. */
export async function childrenOf(pid: number): Promise<number[]> {
	const tasks = await readdir(`/proc/${pid}/task`);
	const lists = await Promise.all(
		tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8')),
	);
	return lists.flatMap((list) => list.trim().split(' ').filter(Boolean).map(Number));
}
