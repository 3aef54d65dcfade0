import { readFile } from 'node:fs/promises';
import type { Below } from './below.js';

/** What a process holds in memory, in bytes; null where that is not told. */
export async function memoryOf(pid: number): Promise<number | null> {
	try {
		const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
		return kilobytes === undefined ? null : Number(kilobytes) * 1024;
	} catch {
		return null;
	}
}

/**
 * What a process holds alone and its part of what it shares (Pss of /proc/PID/smaps_rollup, proc(5)), in bytes: stations load the same
 * libraries. Where the kernel does not tell that, all that it holds; null where that is not told either.
 */
export async function shareOf(pid: number): Promise<number | null> {
	try {
		const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
		if (kilobytes !== undefined) return Number(kilobytes) * 1024;
	} catch {}
	return memoryOf(pid);
}

/** Of the whole machine, in bytes; null where that is not told. A Jetson's GPU takes from the same. */
export type Memory = {
	readonly totalBytes: number | null;
	/** What programs may still take without swapping. */
	readonly availableBytes: number | null;
	/** Of all swap, zram among it. */
	readonly swapBytes: number | null;
};

/** Of /proc/meminfo (proc_meminfo(5)). Never throws. */
export async function memory({ text }: Below): Promise<Memory> {
	const told = (await text('/proc/meminfo')) ?? '';
	const bytesOf = (name: string) => {
		const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(told)?.[1];
		return kilobytes === undefined ? null : Number(kilobytes) * 1024;
	};
	return {
		totalBytes: bytesOf('MemTotal'),
		availableBytes: bytesOf('MemAvailable'),
		swapBytes: bytesOf('SwapTotal'),
	};
}
