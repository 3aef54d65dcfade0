import type { Config } from './schema.js';
import { isSettingName } from './setting.js';
import type { Path } from './yaml.js';

/** What is wrong with the settings of signatures, each of which is right for itself. */
export function signedFaults({ control }: Pick<Config, 'control'>): { path: Path; message: string }[] {
	const { settings, keys } = control.signed;
	const path = ['control', 'signed', 'settings'];
	const unknown = settings.flatMap((name, i) =>
		isSettingName(name)
			? []
			: [{ path: [...path, i], message: `there is no setting "${name}": it would be guarded by nothing` }],
	);
	if (settings.length === 0 || Object.keys(keys).length > 0) return unknown;
	return [...unknown, { path, message: 'nobody could sign: give control.signed.keys too' }];
}
