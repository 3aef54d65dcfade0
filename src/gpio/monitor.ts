import { execFile, spawn } from 'node:child_process';
import { access } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { Failure, reasonOf } from '../base/failure.js';

/** A line of a GPIO chip, and which of its edges are signals. */
export type GpioLine = {
	readonly chip: string;
	readonly line: number;
	readonly edge: 'rising' | 'falling' | 'both';
};

type Environment = Readonly<Record<string, string | undefined>>;

const ADVICE = "Install libgpiod's tools (Debian: apt install gpiod).";

/** Of what gpiomon says when it fails. */
const STDERR_TAIL = 500;

const VERSION_MS = 5000;

/** gpiomon's arguments: libgpiod 2 names the chip by an option, 1 by a word; each line of its output is an edge. */
export function gpiomonArguments({ chip, line, edge }: GpioLine, major: number): readonly string[] {
	if (major >= 2) return [`--edges=${edge}`, `--chip=${chip}`, `${line}`];
	return [...(edge === 'both' ? [] : [`--${edge}-edge`]), chip, `${line}`];
}

/** libgpiod's major version. @throws Failure gpio-unavailable */
async function majorOf(env: Environment): Promise<number> {
	const options = { env: env as NodeJS.ProcessEnv, timeout: VERSION_MS };
	const told = await promisify(execFile)('gpiomon', ['--version'], options).catch((thrown) => {
		const isAbsent = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
		const state = isAbsent ? 'it is not installed' : reasonOf(thrown);
		throw new Failure('gpio-unavailable', `Cannot run "gpiomon": ${state}`, ADVICE);
	});
	const [, major] = /\bv?(\d+)\.\d/.exec(told.stdout) ?? [];
	if (major === undefined)
		throw new Failure('gpio-unavailable', 'Cannot run "gpiomon": it does not tell its version', ADVICE);
	return Number(major);
}

/** Whether a line could be watched, as far as that is seen without taking it. @returns what was found, in words @throws Failure gpio-unavailable */
export async function tryLine({ chip, line }: GpioLine, env: Environment): Promise<string> {
	const major = await majorOf(env);
	const path = chip.startsWith('/') ? chip : `/dev/${chip}`;
	await access(path).catch(() => {
		const advice =
			'gpiodetect lists the chips; the user needs the right to open it (often the group "gpio").';
		throw new Failure(
			'gpio-unavailable',
			`Cannot watch line ${line} of "${chip}": there is no "${path}"`,
			advice,
		);
	});
	return `"${path}" is there, gpiomon is of libgpiod ${major}`;
}

/**
 * Hears the edges of a line until the signal is aborted. Whoever watches it dies with us, so that nobody keeps the line.
 * @throws Failure gpio-unavailable when it cannot be watched any more
 */
export async function watchLine(
	line: GpioLine,
	env: Environment,
	{ onWatching, onEdge }: { readonly onWatching: () => void; readonly onEdge: () => void },
	signal: AbortSignal,
): Promise<void> {
	const told = gpiomonArguments(line, await majorOf(env));
	// Into a pipe gpiomon says what it has seen when a buffer is full: stdbuf makes that each line.
	const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'stdbuf', '-oL', 'gpiomon', ...told], {
		env: env as NodeJS.ProcessEnv,
		stdio: ['ignore', 'pipe', 'pipe'],
		signal,
		killSignal: 'SIGKILL',
	});
	let tail = '';
	child.stderr.on('data', (chunk: Buffer) => {
		tail = (tail + chunk.toString()).slice(-STDERR_TAIL);
	});
	createInterface(child.stdout).on('line', onEdge);
	child.once('spawn', onWatching);
	const ended = await new Promise<string>((resolve) => {
		child.once('error', (error) => resolve(error.message));
		child.once('close', (code, by) => resolve(tail.trim() || `gpiomon ended (${by ?? `exit code ${code}`})`));
	});
	if (signal.aborted) return;
	throw new Failure('gpio-unavailable', `Cannot watch line ${line.line} of "${line.chip}": ${ended}`);
}
