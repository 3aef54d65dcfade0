import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** What the built program prints. @throws Error when it fails */
export async function program(...args: string[]): Promise<string> {
	const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
	let out = '';
	child.stdout.on('data', (chunk) => {
		out += chunk;
	});
	const [code] = await once(child, 'close');
	if (code !== 0) throw new Error(`${args[0]} ended with ${code}`);
	return out;
}
