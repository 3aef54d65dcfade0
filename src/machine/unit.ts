import { execFile } from 'node:child_process';

/** How systemd has a service; null where no systemd answers. */
export type Unit = {
	readonly isThere: boolean;
	/** It starts with the box. */
	readonly isEnabled: boolean;
	/** As systemd calls it: active, activating, failed, inactive. */
	readonly state: string;
	/** Since it was started by hand or with the box. */
	readonly restarts: number;
} | null;

const ANSWER_MS = 5000;

const ASKED = ['LoadState', 'UnitFileState', 'ActiveState', 'NRestarts'];

/** Never throws. */
export function unit(name: string): Promise<Unit> {
	return new Promise((resolve) => {
		const args = ['show', name, `--property=${ASKED.join()}`];
		execFile('systemctl', args, { timeout: ANSWER_MS }, (error, said) =>
			resolve(error ? null : unitIn(said)),
		);
	});
}

/** Of what `systemctl show` prints. */
export function unitIn(said: string): Unit {
	const told = Object.fromEntries(said.split('\n').map((line) => line.split('=', 2) as [string, string]));
	const { LoadState = '', UnitFileState = '', ActiveState = '', NRestarts = '0' } = told;
	if (LoadState === '') return null;
	return {
		isThere: LoadState === 'loaded',
		isEnabled: UnitFileState === 'enabled',
		state: ActiveState,
		restarts: Number(NRestarts),
	};
}
