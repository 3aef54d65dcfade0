export const LEVELS = ['error', 'warning', 'info', 'debug'] as const;
export type Level = (typeof LEVELS)[number];

/** What lines tell of, for whoever filters them: a name is never given another meaning. */
export const LOG_EVENTS = {
	'alarm.changed': 'An alarm of a station was raised, cleared, acknowledged or removed.',
	'alarm.incomplete': 'Alarms begin without the verdicts of before.',
	'broker.away': 'The broker is not reached, or the connection ended.',
	'broker.certificate': 'A certificate is wrong, or ends soon.',
	'broker.connected': 'The broker is reached.',
	'broker.lacks': 'The broker does not offer something.',
	'broker.leaving': 'It is connected anew, or elsewhere.',
	'broker.noted': 'Something about the connection that is worth knowing.',
	'broker.refuses': 'The broker refuses messages on a topic.',
	'broker.takes': 'It takes them again.',
	'config.gone': 'The file of the configuration is not there any more.',
	'config.mended': 'A revision runs whole again.',
	'config.outcome': 'What became of a configuration while nobody heard of it.',
	'config.refused': 'What was written into the file cannot run.',
	'config.stands': 'A revision runs, and is kept.',
	'config.unnoted': 'The disk does not take that a revision is proven, or that the daemon ended in order.',
	'config.undone': 'A revision was undone.',
	'daemon.ended': 'Something did not end as it should.',
	'engine.built': 'An engine is built; it is still to be proven.',
	'engine.failed': 'An engine could not be built, or does not score as it should.',
	'engine.interrupted': 'A build makes way for something else.',
	'engine.moved': 'A station is moved to an engine.',
	'engine.progress': 'How far a build or a move is.',
	'engine.ready': 'An engine is proven and can be moved to.',
	'engine.shunned': 'A station does not run with an engine any more.',
	'engine.unknown': 'What could be built cannot be told.',
	'engine.unnoted': 'What failed is forgotten at the next start.',
	'engine.waiting': 'A move to an engine waits.',
	fault: 'A fault of ours: please report it.',
	'journal.copied': 'Before a newer program changes the journal: whether a copy of it is kept.',
	'journal.damaged': 'The journal is damaged: what was found and what goes on.',
	'journal.disk-full': 'The disk is full: the reserve is in use.',
	'journal.failing': 'The journal cannot be written to: verdicts wait in memory.',
	'journal.recovered': 'It is written to again.',
	'journal.roomy': 'The disk has room again.',
	'journal.tight': 'The disk has little room left: no pictures are kept.',
	'journal.unwritten': 'Something could not be written before the end.',
	'lesson.failed': 'Something of a lesson could not be kept.',
	'lesson.progress': 'How far a lesson is.',
	'lesson.state': 'A lesson does something else now.',
	'letters.again': 'Dead letters are sent again.',
	'metrics.failed': 'Prometheus cannot be told.',
	'metrics.listening': 'Prometheus may read.',
	'parts.owed': 'The box went down while parts were in work: each has an error verdict.',
	'pictures.failed': 'Pictures could not be kept, removed or looked through.',
	'probe.noted': 'What trying a configuration shows.',
	'request.failed': 'A request could not be answered.',
	'request.ignored': 'A message that is no request of anybody.',
	'request.interrupted': 'The end of the daemon interrupted a request.',
	'schedule.done': 'What was scheduled is done.',
	'schedule.failed': 'What was scheduled could not be done.',
	'schedule.left-out': 'What was scheduled was still at work when it was due again.',
	'signal.dropped': 'A signal made no part.',
	'signal.missed': 'A signal came while the box was down: its part is an error.',
	'signal.failed': 'Signals cannot be taken.',
	'socket.failed': "The box's own socket does not work as it should.",
	'station.checked': "A station's self-check passed.",
	'station.heavy': "A station's process holds more memory than it may, and is replaced.",
	'station.killed': "A station's process did not end in time.",
	'station.state': 'A station does something else now.',
	'systemd.by-program': 'libsystemd cannot be loaded: a program tells systemd how the daemon is.',
	'systemd.failed': 'systemd cannot be told how the daemon is.',
	'trail.failed': 'An edit could not be noted.',
	'watchdog.held-up': 'The event loop of the daemon was held up.',
	'watchdog.silent': 'A part of the daemon gives no sign of life.',
	'watchdog.speaking': 'It gives signs of life again.',
} as const;

export type LogEvent = keyof typeof LOG_EVENTS;

/** A line for the maintainer; `about` names the part of the daemon that speaks. */
export type Log = (level: Level, about: string, message: string, event: LogEvent) => void;

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

/** What is thrown and no failure of the world: whoever reads it is to report it. */
export function logFault(log: Log, about: string, thrown: unknown): void {
	log('error', about, `a fault of ours: ${(thrown as Error)?.stack ?? String(thrown)}`, 'fault');
}

/** Whether a log that goes down to `least` holds lines of a level. */
export function isLogged(level: Level, least: Level): boolean {
	return LEVELS.indexOf(level) <= LEVELS.indexOf(least);
}

/** A log for machines: one object a message. Under systemd with its priorities in front. */
export function jsonLog(
	write: (line: object, prefix: string) => void,
	underSystemd: boolean,
	wallClock: () => Date,
): Log {
	return (level, about, message, event) =>
		write(
			{ at: wallClock().toISOString(), level, event, about, message },
			underSystemd ? priorities[level] : '',
		);
}

/** A log that writes one line a message; under systemd with its priorities and without a time of its own. */
export function lineLog(write: (line: string) => void, underSystemd: boolean, wallClock: () => Date): Log {
	return (level, about, message) => {
		const line = `${level === 'info' ? '' : `${level}: `}${about}: ${message.replaceAll('\n', ' ')}`;
		write(underSystemd ? priorities[level] + line : `${wallClock().toISOString().slice(11, 19)} ${line}`);
	};
}
