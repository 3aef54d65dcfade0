import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where we stand: a checkout with a built program. */
export const here = fileURLToPath(new URL('../../', import.meta.url));

/** What the built program prints. @throws Error with what it complained of when it fails */
export async function program(...args: string[]): Promise<string> {
	return programOf(here, args);
}

/** That of another checkout. */
export async function programOf(checkout: string, args: readonly string[]): Promise<string> {
	const child = spawn(process.execPath, [join(checkout, 'dist', 'main.js'), ...args], {
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	let [out, complaints] = ['', ''];
	child.stdout.on('data', (chunk) => {
		out += chunk;
	});
	child.stderr.on('data', (chunk) => {
		complaints += chunk;
	});
	const [code] = await once(child, 'close');
	if (code !== 0) throw new Error(`${args[0]} ended with ${code}\n${complaints}`);
	return out;
}
