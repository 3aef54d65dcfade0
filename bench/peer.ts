import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A side of a benchmark in Python: a script of this folder that says 'ready' and of what version, and then answers each line with milliseconds. */
export type Peer = AsyncDisposable & { readonly version: string; measure(line: string): Promise<number> };

/** Debian's, which has PyTorch with python3-torch, python3-torchvision, python3-scipy. */
export const PYTHON = '/usr/bin/python3';

/** Undefined, said on standard output, where that Python lacks what the script imports. */
export async function startPeer(
	script: string,
	args: readonly string[] = [],
	python = PYTHON,
): Promise<Peer | undefined> {
	const path = new URL(`../../bench/${script}`, import.meta.url).pathname;
	const child = spawn(python, [path, ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
	child.stdin.on('error', () => {});
	const started = new Promise<boolean>((resolve) => {
		child.once('error', () => resolve(false));
		child.once('spawn', () => resolve(true));
	});
	const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
	const [ready, ...version] = (await started) ? `${(await lines.next()).value}`.split(' ') : [];
	if (ready !== 'ready') {
		console.log(`"${python}" lacks what ${script} needs: no comparison`);
		return undefined;
	}
	return {
		version: version.join(' '),
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
