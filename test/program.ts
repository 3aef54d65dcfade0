import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The compiled program. */
export const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));

export type Outcome = { readonly code: number | null; readonly out: string; readonly err: string };

/** The real program, as a person starts it. */
export type Running = AsyncDisposable & {
	readonly child: ChildProcess;
	readonly out: () => string;
	readonly err: () => string;
	readonly ended: Promise<Outcome>;
};

export function start(...args: string[]): Running {
	return startWith({}, ...args);
}

/** The same, with more in its environment. */
export function startWith(env: NodeJS.ProcessEnv, ...args: string[]): Running {
	const child = spawn(process.execPath, [MAIN, ...args], {
		stdio: ['ignore', 'pipe', 'pipe'],
		env: { ...process.env, ...env },
	});
	const said = { out: '', err: '' };
	child.stdout.on('data', (chunk) => {
		said.out += chunk;
	});
	child.stderr.on('data', (chunk) => {
		said.err += chunk;
	});
	const ended = new Promise<Outcome>((resolve) => child.once('close', (code) => resolve({ code, ...said })));
	return {
		child,
		out: () => said.out,
		err: () => said.err,
		ended,
		[Symbol.asyncDispose]: async () => {
			if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
			assertCalm(await ended);
		},
	};
}

/** Runs the program to its end. */
export async function program(...args: string[]): Promise<Outcome> {
	const outcome = await start(...args).ended;
	assertCalm(outcome);
	return outcome;
}

/** What Node itself warns of is a fault of ours: listeners that nobody takes away, a promise that nobody awaits. */
function assertCalm({ err }: Outcome): void {
	const [warning] = /\(node:\d+\) .*Warning.*/.exec(err) ?? [];
	if (warning !== undefined) throw new Error(`the program says: ${warning}`);
}
