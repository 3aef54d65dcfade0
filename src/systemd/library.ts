import { unloadable } from '../base/failure.js';

/** libsystemd's sd_notify(3), to which Node has no other way: it has no datagram sockets of Unix. */
export type Library = {
	/** What the process's own environment names hears it at once. @returns below 0: an errno, negated */
	notify(lines: string): number;
};

/** @throws Failure library-unusable */
export async function loadLibrary(): Promise<Library> {
	try {
		const { default: koffi } = await import('koffi');
		const call = koffi.load('libsystemd.so.0').func('int sd_notify(int, const char *)');
		return { notify: (lines) => call(0, lines) as number };
	} catch (thrown) {
		throw unloadable('libsystemd', thrown);
	}
}
