import { Failure } from '../../src/base/failure.js';
import type { Child, Ended } from '../../src/process/child.js';
import type { Parent } from '../../src/process/parent.js';
import type { Being } from './time.js';

export type SimulatedChild<Down, Up> = Child<Down, Up> & {
	readonly process: Being;
	kill(): void;
	/** Its parent is gone. */
	orphan(): void;
};

export type ProcessWorld = {
	readonly daemon: Being;
	readonly process: Being;
	/** Thrown in it that is no failure of the world. */
	readonly onFault: (thrown: unknown) => void;
};

const IPC_MS = 0.3;
const ORPHAN_MS = 10_000;
/** As main.ts ends. */
const EXIT_OF_A_FAILURE = 1;

/** What hangs, or waits for its process to be gone. */
export const never = new Promise<never>(() => {});

let pids = 1000;

/** A process of ours: `run` is the real code of one, and can be ended between any two of its waits. `die`: ends it without a word. */
export function startProcess<Down, Up>(
	{ daemon, process, onFault }: ProcessWorld,
	run: (
		parent: Pick<Parent<Down, Up>, 'send' | 'onMessage'>,
		signal: AbortSignal,
		die: () => void,
	) => Promise<void>,
): SimulatedChild<Down, Up> {
	const terminated = new AbortController();
	let hear = (_: Up): void => {};
	let listen = (_: Down): void => {};
	let settle = (_: Ended): void => {};
	let hasEnded = false;
	const ended = new Promise<Ended>((resolve) => {
		settle = resolve;
	});
	const over = (how: Omit<Ended, 'stderrTail'>): void => {
		if (hasEnded) return;
		hasEnded = true;
		process.kill();
		daemon.later(IPC_MS, () => settle({ ...how, stderrTail: '' }));
	};
	const kill = () => over({ code: null, signal: 'SIGKILL' });
	const parent = {
		send: async (message: Up) => void daemon.later(IPC_MS, () => hear(message)),
		onMessage: (listener: (message: Down) => void) => {
			listen = listener;
		},
	};
	process.later(0, () => {
		run(parent, terminated.signal, () => over({ code: null, signal: 'SIGSEGV' })).then(
			() => process.alive && over({ code: 0, signal: null }),
			(thrown) => {
				if (!process.alive) return;
				if (!(thrown instanceof Failure)) onFault(thrown);
				over({ code: EXIT_OF_A_FAILURE, signal: null });
			},
		);
	});
	pids += 1;
	return {
		pid: pids,
		process,
		kill,
		orphan: () => {
			process.later(IPC_MS, () => terminated.abort());
			process.later(ORPHAN_MS, () => process.kill());
		},
		send: async (message) => {
			if (hasEnded) throw new Failure('child-died', 'Cannot reach the child process: it has ended');
			process.later(IPC_MS, () => listen(message));
		},
		onMessage: (listener) => {
			hear = listener;
		},
		ended,
		stop: async (graceMs) => {
			process.later(IPC_MS, () => terminated.abort());
			daemon.later(graceMs, kill);
			return ended;
		},
	};
}
