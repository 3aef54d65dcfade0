import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { getPriority } from 'node:os';
import { pause, timeLimit } from '../base/retry.js';
import { createRing } from '../base/ring.js';
import type { Ending } from './causes.js';
import { type Line, lineCutter, lineOf } from './lines.js';

/** What is kept of what it said, but for what only --verbose shows. */
const KEPT_LINES = 200;

/** What of it is shown to people. */
const TAIL_LINES = 20;
const MOST_TAIL = 4000;

/** Of a build: stations share the machine, it gets what they leave. */
export const NICE = 15;

const GRACE_MS = 2000;

/** Output of a process that has ended comes within this, or somebody else holds it open. */
const OUTPUT_MS = 1000;

/** Programs of util-linux that run another one in their place: it ends with us whatever happens, and others come first to the disk. */
const wrappers: readonly (readonly string[])[] = [
	['/usr/bin/setpriv', '--pdeathsig', 'KILL'],
	['/usr/bin/ionice', '-t', '-c', '3'],
];

export type Ran = Ending & {
	readonly seconds: number;
	readonly lines: readonly Line[];
	readonly tail: string;
};

export type RunOptions = {
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly limitMs: number;
	/** Its niceness, where ours is lower; where it is left out, ours. */
	readonly nice?: number;
	readonly signal: AbortSignal;
	/** Hears every line, also what only --verbose shows. */
	readonly hear: (line: Line) => void;
};

/**
 * Runs trtexec, or what stands in for it, to its end; the signal and the limit end it with all that it started.
 * @throws the signal's reason; Error when it cannot be started
 */
export async function run(
	path: string,
	args: readonly string[],
	{ env, limitMs, nice, signal, hear }: RunOptions,
): Promise<Ran> {
	signal.throwIfAborted();
	const started = performance.now();
	const wrapped = [lowered(nice), ...wrappers].filter(([one]) => one !== undefined && isThere(one));
	const [program, ...words] = [...wrapped.flat(), path, ...args];
	const child = spawn(program!, words, {
		env: env as NodeJS.ProcessEnv,
		stdio: ['ignore', 'pipe', 'pipe'],
		// A process group of its own, which can be ended whole.
		detached: true,
	});
	const kept = createRing<Line>(KEPT_LINES);
	const cutter = () =>
		lineCutter((raw) => {
			const line = lineOf(raw);
			if (line.severity !== 'V') kept.put(line);
			hear(line);
		});
	const ended = endOf(child, [cutter(), cutter()]);
	using limit = timeLimit(limitMs, signal);
	const over = limit.signal;
	const stop = () => void stopGroup(child, ended);
	over.addEventListener('abort', stop, { once: true });
	if (over.aborted) stop();
	try {
		const { code, signal: by } = await ended;
		const isLate = over.aborted && !signal.aborted && (by !== null || code !== 0);
		signal.throwIfAborted();
		const lines = kept.all();
		return {
			code,
			signal: by,
			limitSeconds: isLate ? Math.round(limitMs / 1000) : null,
			seconds: (performance.now() - started) / 1000,
			lines,
			tail: tailOf(lines),
		};
	} finally {
		over.removeEventListener('abort', stop);
	}
}

type Ended = { readonly code: number | null; readonly signal: string | null };

/** @throws Error when it cannot be started */
async function endOf(
	child: ChildProcess,
	[out, err]: readonly ReturnType<typeof lineCutter>[],
): Promise<Ended> {
	for (const [stream, cutter] of [
		[child.stdout, out],
		[child.stderr, err],
	] as const) {
		stream!.setEncoding('utf8');
		stream!.on('data', (chunk: string) => cutter!.take(chunk));
	}
	const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
	const ended = await new Promise<Ended>((resolve, reject) => {
		child.once('error', reject);
		child.once('exit', (code, signal) => resolve({ code, signal }));
	});
	// What it started goes with it, and holds its output open no more.
	killGroup(child, 'SIGKILL');
	const done = new AbortController();
	await Promise.race([closed.then(() => done.abort()), pause(OUTPUT_MS, done.signal)]);
	done.abort();
	child.stdout?.destroy();
	child.stderr?.destroy();
	out!.end();
	err!.end();
	return ended;
}

async function stopGroup(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
	killGroup(child, 'SIGTERM');
	const done = new AbortController();
	await Promise.race([ended.catch(() => {}).then(() => done.abort()), pause(GRACE_MS, done.signal)]);
	if (!done.signal.aborted) killGroup(child, 'SIGKILL');
	done.abort();
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
	if (pid === undefined) return;
	try {
		process.kill(-pid, signal);
	} catch {
		// There is nobody left in it.
	}
}

/** What lowers its priority from its first moment on. */
function lowered(nice: number | undefined): readonly string[] {
	return nice === undefined ? [] : ['/usr/bin/nice', '-n', `${Math.max(0, nice - getPriority())}`];
}

function isThere(path: string): boolean {
	try {
		accessSync(path, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}

/** Its last words for people. */
function tailOf(lines: readonly Line[]): string {
	const shown = lines
		.slice(-TAIL_LINES)
		.map(({ severity, text }) => (severity ? `[${severity}] ${text}` : text));
	return shown.join('\n').slice(-MOST_TAIL);
}
