export const LEVELS = ['error', 'warning', 'info', 'debug'] as const;
export type Level = (typeof LEVELS)[number];

/** A line for the maintainer; `about` names the part of the daemon that speaks. */
export type Log = (level: Level, about: string, message: string) => void;

/** A line as it was said; wall clock, in milliseconds. */
export type LogLine = {
	readonly atMs: number;
	readonly level: Level;
	readonly about: string;
	readonly message: string;
};

/** One that somebody should read. */
export type Trouble = LogLine & { readonly level: 'error' | 'warning' };

/** systemd reads these prefixes as priorities (sd-daemon(3)). */
const priorities: { readonly [L in Level]: string } = {
	error: '<3>',
	warning: '<4>',
	info: '<6>',
	debug: '<7>',
};

/** Whether a log that goes down to `least` holds lines of a level. */
export function isLogged(level: Level, least: Level): boolean {
	return LEVELS.indexOf(level) <= LEVELS.indexOf(least);
}

/** A log that writes one line a message; under systemd with its priorities and without a time of its own. */
export function lineLog(write: (line: string) => void, underSystemd: boolean, wallClock: () => Date): Log {
	return (level, about, message) => {
		const line = `${level === 'info' ? '' : `${level}: `}${about}: ${message.replaceAll('\n', ' ')}`;
		write(underSystemd ? priorities[level] + line : `${wallClock().toISOString().slice(11, 19)} ${line}`);
	};
}
