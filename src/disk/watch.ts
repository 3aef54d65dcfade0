import { watch } from 'node:fs';

/**
 * Calls with the name of whatever changes in a folder, null where the system does not tell it, until the signal is aborted; where the system tells of no
 * change it never calls. What is moved to a name changes that.
 */
export function watchFolder(
	folder: string,
	onChange: (name: string | null) => void,
	signal: AbortSignal,
): void {
	try {
		const watcher = watch(folder, { signal, persistent: false }, (_, name) => onChange(name));
		// A folder that goes, or too many that are watched: who must know looks for himself, too.
		watcher.on('error', () => watcher.close());
	} catch {}
}
