import { execFile } from 'node:child_process';
import type { Service } from '../base/service.js';
import { type Clock, unknownClock } from '../protocol/verdict.js';

/** Whether the wall clock can be trusted, as far as is known now. */
export type ClockWatch = Service & { readonly clock: Clock };

export type ClockWorld = {
	/** Whether the operating system says that its clock is synchronised; null where it says nothing. */
	readonly ask: () => Promise<boolean | null>;
	readonly wallClock: () => number;
	readonly everyMs: number;
};

const EVERY_MS = 30_000;

const ANSWER_MS = 5000;

/** Asks again and again; until the first answer nothing is known. */
export function watchClock({ ask, wallClock, everyMs }: ClockWorld = realClockWorld): ClockWatch {
	let clock = unknownClock;
	const look = async (): Promise<void> => {
		const synchronised = await ask();
		if (synchronised === clock.synchronised) return;
		clock = { synchronised, since: synchronised === null ? null : new Date(wallClock()).toISOString() };
	};
	void look();
	const timer = setInterval(() => void look(), everyMs);
	timer.unref();
	return {
		name: 'clock',
		get clock() {
			return clock;
		},
		[Symbol.asyncDispose]: async () => clearInterval(timer),
	};
}

const realClockWorld: ClockWorld = {
	ask: () => askSystemd('timedatectl'),
	wallClock: Date.now,
	everyMs: EVERY_MS,
};

/** What the kernel knows, as systemd tells it of whichever service sets the clock (timedatectl(1)). */
export function askSystemd(program: string): Promise<boolean | null> {
	return new Promise((resolve) => {
		const args = ['show', '--property=NTPSynchronized', '--value'];
		execFile(program, args, { timeout: ANSWER_MS }, (error, said) => {
			const answer = error ? '' : said.trim();
			resolve(answer === 'yes' ? true : answer === 'no' ? false : null);
		});
	});
}
