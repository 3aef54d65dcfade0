import { readFile } from 'node:fs/promises';
import { arch, release, type } from 'node:os';

/** The operating system in words: distribution, kernel, processor. */
export async function systemName(): Promise<string> {
	const kernel = `${type()} ${release()} ${arch()}`;
	try {
		const told = await readFile('/etc/os-release', 'utf8');
		const name = /^PRETTY_NAME=(?:"(.*)"|(.*))$/m.exec(told);
		return name ? `${name[1] ?? name[2]}, ${kernel}` : kernel;
	} catch {
		return kernel;
	}
}
