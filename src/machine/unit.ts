import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';

/** How systemd has a service; null where none runs, `unheard` where one runs and does not answer who asks (without D-Bus it answers root alone). */
export type Unit = Found | 'unheard' | null;

type Found = {
	readonly isThere: boolean;
	/** It starts with the box. */
	readonly isEnabled: boolean;
	/** As systemd calls it: active, activating, failed, inactive. */
	readonly state: string;
	/** Since it was started by hand or with the box. */
	readonly restarts: number;
	/** Whom it runs as, and where; empty where the unit does not say. */
	readonly user: string;
	readonly folder: string;
};

/** sd_booted(3). */
const RUNS = '/run/systemd/system';

const ANSWER_MS = 5000;

const ASKED = ['LoadState', 'UnitFileState', 'ActiveState', 'NRestarts', 'User', 'WorkingDirectory'];

/** Never throws. */
export function unit(name: string): Promise<Unit> {
	return new Promise((resolve) => {
		const args = ['show', name, `--property=${ASKED.join()}`];
		execFile('systemctl', args, { timeout: ANSWER_MS }, (error, said) =>
			resolve(error ? (existsSync(RUNS) ? 'unheard' : null) : unitIn(said)),
		);
	});
}

/** Of what `systemctl show` prints. */
export function unitIn(said: string): Unit {
	const told = Object.fromEntries(said.split('\n').map((line) => line.split('=', 2) as [string, string]));
	const { LoadState = '', UnitFileState = '', ActiveState = '', NRestarts = '0' } = told;
	const { User = '', WorkingDirectory = '' } = told;
	if (LoadState === '') return null;
	return {
		isThere: LoadState === 'loaded',
		isEnabled: UnitFileState === 'enabled',
		state: ActiveState,
		restarts: Number(NRestarts),
		user: User,
		folder: WorkingDirectory.replace(/^[!-]/, ''),
	};
}
