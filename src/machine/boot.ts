import { readFile } from 'node:fs/promises';

/** Changes with each start of the operating system; null where it tells none. */
export async function bootId(): Promise<string | null> {
	try {
		return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
	} catch {
		return null;
	}
}
