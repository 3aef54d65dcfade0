import { reasonOf } from '../base/failure.js';
import type { Log } from '../base/log.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** What is told to systemd: variables of sd_notify(3), one a line. */
export type Notice = readonly string[];

const statusOf = (line: string): string => `STATUS=${line.replaceAll('\n', ' ')}`;

export const notice = {
	/** Starting, or reading the configuration again, is over. */
	ready: (status: string): Notice => ['READY=1', statusOf(status)],
	status: (line: string): Notice => [statusOf(line)],
	/** `nowMs`: of CLOCK_MONOTONIC. */
	reloading: (nowMs: number): Notice => ['RELOADING=1', `MONOTONIC_USEC=${Math.round(1000 * nowMs)}`],
	stopping: (status: string): Notice => ['STOPPING=1', statusOf(status)],
	alive: (): Notice => ['WATCHDOG=1'],
	/** Starting or stopping may take so long from now on. */
	extend: (ms: number): Notice => [`EXTEND_TIMEOUT_USEC=${Math.round(1000 * ms)}`],
};

/** The systemd that started us; where none did, nothing is said. */
export type Notifier = {
	/** For so long it waits for a sign of life before it kills us; null: it waits for none. */
	readonly watchdogMs: number | null;
	say(notice: Notice): void;
};

/** `pid`: ours. Node has no datagram sockets of Unix, so libsystemd speaks, which reads the environment of the process itself. */
export async function openNotifier(env: Environment, pid: number, log: Log): Promise<Notifier> {
	const say = env.NOTIFY_SOCKET ? await speaker(log) : () => {};
	return { watchdogMs: watchdogOf(env, pid), say };
}

/** sd_watchdog_enabled(3), in milliseconds. */
export function watchdogOf({ WATCHDOG_USEC, WATCHDOG_PID }: Environment, pid: number): number | null {
	const ms = Number(WATCHDOG_USEC) / 1000;
	const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === pid;
	return ms > 0 && isOurs ? ms : null;
}

/** A box inspects also where systemd cannot be told so. */
async function speaker(log: Log): Promise<Notifier['say']> {
	let said = '';
	const complain = (why: string): void => {
		if (why !== said) log('error', 'systemd', `cannot be told how we are: ${why}`, 'systemd.failed');
		said = why;
	};
	try {
		const { default: koffi } = await import('koffi');
		const notify = koffi.load('libsystemd.so.0').func('int sd_notify(int, const char *)');
		return (lines) => {
			const result: number = notify(0, lines.join('\n'));
			if (result < 0) complain(`errno ${-result}`);
		};
	} catch (thrown) {
		complain(reasonOf(thrown));
		return () => {};
	}
}
