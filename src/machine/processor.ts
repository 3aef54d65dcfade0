import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import type { Work } from '../measure/throughput.js';
import type { Processor } from '../model/threads.js';

/** The processor as it names itself, and how many cores we may use. */
export async function processorHere(): Promise<Processor> {
	const name = cpus()[0]?.model.trim();
	const known = name && name !== 'unknown' ? name : await boardName();
	return { name: known.replace(/\s+/g, ' '), cores: availableParallelism() };
}

/** Both in words: "AMD EPYC 9B45, 2 cores". */
export async function processorName(): Promise<string> {
	const { name, cores } = await processorHere();
	return `${name}, ${cores} core${cores === 1 ? '' : 's'}`;
}

/** Boards whose processor tells no name have one of their own (Devicetree Specification, /model). */
async function boardName(): Promise<string> {
	try {
		return (await readFile('/proc/device-tree/model', 'utf8')).replace(/[\0\s]+$/, '');
	} catch {
		return `a processor without a name (${process.arch})`;
	}
}

/** Of proc(5): the kernel's unit of time in what it tells of processes, on every platform that Node runs on. */
const TICK_MS = 10;

/** Begins to watch who works. @returns what `pids` and all others have worked since, to be asked once or more */
export async function watchWork(pids: readonly number[]): Promise<() => Promise<Work>> {
	const before = await worked(pids);
	return async () => {
		const after = await worked(pids);
		const allMs = (after.atMs - before.atMs) * cpus().length;
		if (before.oursMs === null || after.oursMs === null || !(allMs > 0)) return { ours: null, others: null };
		const oursMs = after.oursMs - before.oursMs;
		const othersMs = Math.max(0, after.busyMs - before.busyMs - oursMs);
		return { ours: oursMs / allMs, others: othersMs / allMs };
	};
}

async function worked(pids: readonly number[]) {
	const each = await Promise.all(pids.map(workedMs));
	const oursMs = each.every((ms) => ms !== null) ? each.reduce((sum: number, ms) => sum + ms!, 0) : null;
	const busyMs = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
	return { atMs: performance.now(), oursMs, busyMs };
}

/** What a process worked since it started, in milliseconds; null where that is not told. */
export async function workedMs(pid: number): Promise<number | null> {
	try {
		const told = await readFile(`/proc/${pid}/stat`, 'utf8');
		// The name may hold anything, also spaces and brackets.
		const fields = told.slice(told.lastIndexOf(')') + 2).split(' ');
		return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
	} catch {
		return null;
	}
}

/** Processes that a process has started and that run; none where that is not told. */
export async function childrenOf(pid: number): Promise<number[]> {
	try {
		const tasks = await readdir(`/proc/${pid}/task`);
		const lists = await Promise.all(
			tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
		);
		return lists.flatMap((list) => list.trim().split(' ').filter(Boolean).map(Number));
	} catch {
		return [];
	}
}
