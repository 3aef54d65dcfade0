import { readFile } from 'node:fs/promises';

/** What a process holds in memory, in bytes; null where that is not told. */
export async function memoryOf(pid: number): Promise<number | null> {
	try {
		const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
		return kilobytes === undefined ? null : Number(kilobytes) * 1024;
	} catch {
		return null;
	}
}
