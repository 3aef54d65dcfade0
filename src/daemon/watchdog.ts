import type { Log } from '../base/log.js';
import type { Timers } from '../base/retry.js';
import { type Notice, notice } from '../systemd/notice.js';
import type { Notifier } from '../systemd/notify.js';

/** What may hang while the rest goes on. `silentMs`: for how long it has owed a sign of life. */
export type Stage = { readonly kind: string; readonly name: string; readonly silentMs: number };

/**
 * For so long a service of a kind may owe one before it hangs; what is not listed lives by the daemon's event loop, as its answers to
 * requests do. A damaged journal is read for minutes; a station is replaced long before, and only a replacing that hangs shows here.
 */
const LIMITS_MS: Readonly<Record<string, number>> = {
	journal: 300_000,
	broker: 120_000,
	station: 60_000,
};

/** Without a systemd that wants it sooner. */
const TICK_MS = 5000;

/** Signs of life within the time that systemd waits for one. */
const SIGNS = 3;

/** When the event loop is held up for so long, somebody should know. */
const HELD_UP_MS = 2000;

/** While it starts, it asks for so many ticks more at each. */
const EXTENSION_TICKS = 6;

export type WatchdogWorld = {
	readonly notifier: Notifier;
	readonly stages: () => readonly Stage[];
	/** What the daemon does, in one line. */
	readonly status: () => string;
	/** Other stages are silent now: said before systemd kills us. */
	readonly onSilent: (names: readonly string[]) => void;
	readonly now: () => number;
	readonly every: Timers['every'];
	readonly log: Log;
};

/** Tells systemd how the daemon is. Disposing ends it. */
export type Watchdog = Disposable & {
	/** Everything was begun. */
	ready(): void;
	/** The configuration is read again while `work` goes on. */
	during(nowMs: number, work: () => Promise<void>): Promise<void>;
	stopping(): void;
};

/** The stages that hang, by name. */
export function silentOf(stages: readonly Stage[]): readonly string[] {
	return stages
		.filter(({ kind, silentMs }) => silentMs > (LIMITS_MS[kind] ?? Number.POSITIVE_INFINITY))
		.map(({ name }) => name);
}

/**
 * Feeds systemd's watchdog while no stage hangs and the event loop turns; while the daemon starts, asks in the same way for more
 * time. A stage that hangs is named in the log and the state, and then nothing is said any more.
 */
export function startWatchdog({
	notifier,
	stages,
	status,
	onSilent,
	now,
	every,
	log,
}: WatchdogWorld): Watchdog {
	const tickMs = Math.min(TICK_MS, (notifier.watchdogMs ?? Number.POSITIVE_INFINITY) / SIGNS);
	const extension = notice.extend(EXTENSION_TICKS * tickMs);
	let sign: Notice = extension;
	let isReady = false;
	let silent: readonly string[] = [];
	let told = '';
	let seenMs = now();
	const tell = (line: string): void => {
		if (line !== told) notifier.say(notice.status(line));
		told = line;
	};
	const tick = (): void => {
		const heldUpMs = now() - seenMs - tickMs;
		seenMs = now();
		if (heldUpMs > HELD_UP_MS)
			log(
				'warning',
				'watchdog',
				`the event loop was held up for ${Math.round(heldUpMs)} ms`,
				'watchdog.held-up',
			);
		const found = silentOf(stages());
		if (found.join() !== silent.join()) {
			for (const name of found.filter((one) => !silent.includes(one)))
				log('error', 'watchdog', `${name} gives no sign of life${killed(notifier)}`, 'watchdog.silent');
			for (const name of silent.filter((one) => !found.includes(one)))
				log('info', 'watchdog', `${name} gives signs of life again`, 'watchdog.speaking');
			silent = found;
			onSilent(silent);
		}
		tell(silent.length > 0 ? `silent: ${silent.join(', ')}` : status());
		if (silent.length === 0) notifier.say(sign);
	};
	const stop = every(tickMs, tick);
	tick();
	return {
		ready: () => {
			isReady = true;
			sign = notice.alive();
			told = status();
			notifier.say(notice.ready(told));
			notifier.say(sign);
		},
		during: async (nowMs, work) => {
			// Who starts reads it anyway.
			if (!isReady) return;
			notifier.say(notice.reloading(nowMs));
			try {
				await work();
			} finally {
				if (isReady) notifier.say(notice.ready(status()));
			}
		},
		stopping: () => {
			isReady = false;
			sign = notice.alive();
			told = 'stopping';
			notifier.say(notice.stopping(told));
			notifier.say(sign);
		},
		[Symbol.dispose]: stop,
	};
}

function killed({ watchdogMs }: Notifier): string {
	return watchdogMs === null ? '' : `: systemd kills the daemon within ${Math.ceil(watchdogMs / 1000)} s`;
}
