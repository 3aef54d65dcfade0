export const LEVELS = ['error', 'warning', 'info', 'debug'] as const;
export type Level = (typeof LEVELS)[number];

/** A line for the maintainer; `about` names the part of the daemon that speaks. */
export type Log = (level: Level, about: string, message: string) => void;

/** systemd reads these prefixes as priorities (sd-daemon(3)). */
const priorities: { readonly [L in Level]: string } = {
	error: '<3>',
	warning: '<4>',
	info: '<6>',
	debug: '<7>',
};

/** A log that writes one line a message, down to `least`; under systemd with its priorities and without a time of its own. */
export function lineLog(
	write: (line: string) => void,
	least: Level,
	underSystemd: boolean,
	wallClock: () => Date,
): Log {
	const deepest = LEVELS.indexOf(least);
	return (level, about, message) => {
		if (LEVELS.indexOf(level) > deepest) return;
		const line = `${level === 'info' ? '' : `${level}: `}${about}: ${message.replaceAll('\n', ' ')}`;
		write(underSystemd ? priorities[level] + line : `${wallClock().toISOString().slice(11, 19)} ${line}`);
	};
}
