import { execFile } from 'node:child_process';
import { reasonOf } from '../base/failure.js';
import type { Notice } from './notice.js';

/** systemd's own, which waits until what it was given is read; it is in every system that systemd starts. */
const PROGRAM = 'systemd-notify';

/** It waits 5 s at most itself. */
const PATIENCE_MS = 10_000;

/** Says a notice through the program. @returns why it could not be said; undefined when it was. Never rejects */
export function tellByProgram(
	notice: Notice,
	env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
	return new Promise((resolve) => {
		const words = ['--', ...notice];
		execFile(
			PROGRAM,
			words,
			{ env: env as NodeJS.ProcessEnv, timeout: PATIENCE_MS },
			(error, _, complaint) => {
				if (!error) return resolve(undefined);
				resolve(`${PROGRAM}: ${complaint.trim() || reasonOf(error)}`);
			},
		);
	});
}

/**
 * Says one notice after the other, because the order says whether we are ready. One that waits gives way to a newer one of its kind (its first
 * variable), which comes behind the others: so no more wait than there are kinds, and what systemd hears last is so.
 */
export function inTurn(tell: (notice: Notice) => Promise<void>): (notice: Notice) => void {
	const waiting = new Map<string, Notice>();
	let isTelling = false;
	const tellAll = async (): Promise<void> => {
		for (const [kind, notice] of waiting) {
			waiting.delete(kind);
			await tell(notice);
		}
		isTelling = false;
	};
	return (notice) => {
		const [kind = ''] = (notice[0] ?? '').split('=', 1);
		waiting.delete(kind);
		waiting.set(kind, notice);
		if (isTelling) return;
		isTelling = true;
		void tellAll();
	};
}
