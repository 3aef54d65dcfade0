import { spawn } from 'node:child_process';

/** Runs a command, which is killed after `limitS`. @returns the child, and how it ended: its code or signal, all that it said and its last complaints */
export function ended(command, args, limitS, options = {}) {
	const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
	let [out, err] = ['', ''];
	child.stdout.on('data', (chunk) => {
		out += chunk;
	});
	child.stderr.on('data', (chunk) => {
		err = (err + chunk).slice(-4000);
	});
	const timer = setTimeout(() => child.kill('SIGKILL'), 1000 * limitS);
	const done = new Promise((resolve) =>
		child.once('close', (code, signal) => {
			clearTimeout(timer);
			resolve({ code, signal, out, err });
		}),
	);
	return { child, done };
}
