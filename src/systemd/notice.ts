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
