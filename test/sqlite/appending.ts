import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROCESS = fileURLToPath(new URL('./appending-process.js', import.meta.url));

/** Another process that appends to the journal of a folder, so many entries at a time. */
export function appending(folder: string, many: number) {
	const child = spawn(process.execPath, [PROCESS, folder, String(many)], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	let out = '';
	const whole = () => out.slice(0, out.lastIndexOf('\n') + 1);
	const lines = () => whole().split('\n').slice(0, -1);
	const waiting = new Set<() => void>();
	child.stdout.on('data', (chunk) => {
		out += chunk;
		for (const look of waiting) look();
	});
	const closed = new Promise((resolve) => child.once('close', resolve));
	const end = async (signal: NodeJS.Signals) => {
		child.kill(signal);
		await closed;
	};
	return {
		/** What it said. */
		out: whole,
		lines: () => lines().map((line) => JSON.parse(line) as unknown),
		said: (count: number) =>
			new Promise<void>((resolve) => {
				const look = () => lines().length >= count && resolve();
				waiting.add(look);
				look();
			}),
		killed: () => end('SIGKILL'),
		ended: () => end('SIGTERM'),
	};
}
