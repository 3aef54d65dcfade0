import { Failure } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { type Library, loadLibrary } from './library.js';
import type { Notice } from './notice.js';
import { inTurn, tellByProgram } from './program.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** The systemd that started us; where none did, nothing is said. */
export type Notifier = {
	/** For so long it waits for a sign of life before it kills us; null: it waits for none. */
	readonly watchdogMs: number | null;
	say(notice: Notice): void;
};

/** `pid`: ours; `load`: how libsystemd is loaded. */
export async function openNotifier(
	env: Environment,
	pid: number,
	log: Log,
	load = loadLibrary,
): Promise<Notifier> {
	const say = env.NOTIFY_SOCKET ? await speaker(env, log, load) : () => {};
	return { watchdogMs: watchdogOf(env, pid), say };
}

/** sd_watchdog_enabled(3), in milliseconds. */
export function watchdogOf({ WATCHDOG_USEC, WATCHDOG_PID }: Environment, pid: number): number | null {
	const ms = Number(WATCHDOG_USEC) / 1000;
	const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === pid;
	return ms > 0 && isOurs ? ms : null;
}

/** Without libsystemd a program speaks: a unit of Type=notify that hears nothing is killed when its start times out. */
async function speaker(env: Environment, log: Log, load: typeof loadLibrary): Promise<Notifier['say']> {
	let said: string | undefined;
	const complain = (why: string | undefined): void => {
		if (why !== undefined && why !== said)
			log('error', 'systemd', `cannot be told how we are: ${why}`, 'systemd.failed');
		said = why;
	};
	let library: Library;
	try {
		library = await load();
	} catch (failure) {
		if (!(failure instanceof Failure)) throw failure;
		const { message, advice } = failure;
		log(
			'error',
			'systemd',
			`${message}. ${advice}. Until then the program systemd-notify tells systemd how we are, which needs NotifyAccess=all in the unit`,
			'systemd.by-program',
		);
		return inTurn(async (notice) => complain(await tellByProgram(notice, env)));
	}
	return (notice) => {
		const result = library.notify(notice.join('\n'));
		complain(result < 0 ? `errno ${-result}` : undefined);
	};
}
