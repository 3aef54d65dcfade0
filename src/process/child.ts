import { type ChildProcess, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Failure } from '../base/failure.js';
import { pause } from '../base/retry.js';

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));

/** What is kept of a child's last words: a whole stack, with the line that names the error. */
const STDERR_TAIL = 8000;

export type Ended = {
	readonly code: number | null;
	readonly signal: string | null;
	readonly stderrTail: string;
	/** It had said its last word, hung in a library or driver, and was killed. */
	readonly isStuck?: true;
};

/** A process of ours that blocks, crashes or hangs without taking the daemon along. */
export type Child<Down, Up> = {
	readonly pid: number;
	/** @throws Failure child-died when it is gone */
	send(message: Down): Promise<void>;
	/** Hears every message, in order, from the start. */
	onMessage(listener: (message: Up) => void): void;
	readonly ended: Promise<Ended>;
	/** Asks it to end, and kills it when it has not after `graceMs`: a camera read or a run can block its thread for ever. */
	stop(graceMs: number): Promise<Ended>;
};

export type ChildOptions = {
	readonly env: Readonly<Record<string, string | undefined>>;
	/** Added to the priority, as with nice(1). When memory runs out our children go before us, and one with less before the others. */
	readonly nice?: number;
};

/** Starts our own program with one of its hidden commands. */
export function startChild<Down, Up>(command: string, { env, nice = 0 }: ChildOptions): Child<Down, Up> {
	const child = fork(MAIN, [command], {
		serialization: 'advanced',
		env: env as NodeJS.ProcessEnv,
		execArgv: [],
		stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
		// Ctrl-C in a terminal goes to the whole group: the daemon decides when its children end.
		detached: true,
	});
	const { pid } = child;
	if (pid === undefined)
		throw new Failure(
			'child-died',
			`Cannot start child process "${command}"`,
			'Is the machine out of memory or processes?',
		);
	if (nice !== 0) setPriority(pid, nice);
	goFirst(pid, nice > 0 ? 1000 : 500);
	const ended = endOf(child);
	return {
		pid,
		send: (message) =>
			new Promise((resolve, reject) => {
				const gone = () =>
					reject(new Failure('child-died', `Cannot reach child process "${command}": it has ended`));
				if (!child.connected) return gone();
				child.send(message as object, (error) => (error ? gone() : resolve()));
			}),
		onMessage: (listener) => {
			child.on('message', (message) => listener(message as Up));
		},
		ended,
		stop: async (graceMs) => {
			child.kill('SIGTERM');
			const done = new AbortController();
			await Promise.race([ended.then(() => done.abort()), pause(graceMs, done.signal)]);
			if (!done.signal.aborted) child.kill('SIGKILL');
			return ended;
		},
	};
}

/** proc(5): the higher, the sooner it is killed for memory; at 1000 before all others. Where that is not known, nothing is lost. */
function goFirst(pid: number, adjustment: number): void {
	try {
		writeFileSync(`/proc/${pid}/oom_score_adj`, `${adjustment}`);
	} catch {}
}

/** One that let go of its channel so long ago hangs: its own exit waits for a read that never comes back. */
const LEFT_MS = 5000;

function endOf(child: ChildProcess): Promise<Ended> {
	let stderrTail = '';
	let isStuck = false;
	let timer: NodeJS.Timeout | undefined;
	child.once('disconnect', () => {
		timer = setTimeout(() => {
			isStuck = child.kill('SIGKILL');
		}, LEFT_MS).unref();
	});
	child.once('exit', () => clearTimeout(timer));
	child.stderr?.on('data', (chunk: Buffer) => {
		stderrTail = (stderrTail + chunk.toString()).slice(-STDERR_TAIL);
	});
	return new Promise((resolve) => {
		child.on('error', (error) => resolve({ code: null, signal: null, stderrTail: error.message }));
		child.on('close', (code, signal) =>
			resolve({ code, signal, stderrTail: stderrTail.trim(), ...(isStuck && { isStuck }) }),
		);
	});
}
