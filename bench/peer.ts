import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** PyTorch's side of a benchmark: a script of this folder that says 'ready', and then answers each line with milliseconds. */
export type Peer = AsyncDisposable & { measure(line: string): Promise<number> };

/**
 * Undefined, said on standard output, where /usr/bin/python3 lacks what the script imports (Debian's python3-torch,
 * python3-torchvision, python3-scipy).
 */
export async function startPeer(script: string, ...args: string[]): Promise<Peer | undefined> {
	const path = new URL(`../../bench/${script}`, import.meta.url).pathname;
	const child = spawn('/usr/bin/python3', [path, ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
	child.stdin.on('error', () => {});
	const started = new Promise<boolean>((resolve) => {
		child.once('error', () => resolve(false));
		child.once('spawn', () => resolve(true));
	});
	const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
	if (!(await started) || (await lines.next()).value !== 'ready') {
		console.log('PyTorch is not installed: no comparison');
		return undefined;
	}
	return {
		measure: async (line) => {
			child.stdin.write(`${line}\n`);
			return Number((await lines.next()).value);
		},
		[Symbol.asyncDispose]: async () => {
			child.stdin.end();
			await once(child, 'exit');
		},
	};
}
