import { readFile } from 'node:fs/promises';
import { uptime } from 'node:os';

/** Changes with each start of the operating system; null where it tells none. */
export async function bootId(): Promise<string | null> {
	try {
		return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
	} catch {
		return null;
	}
}

/** Since the operating system started, in milliseconds: no clock that is set moves it. */
export function upMs(): number {
	return uptime() * 1000;
}
