import { watch } from 'node:fs';

/** Calls whenever something changes in a folder, until the signal is aborted; where the system tells of no change it never calls. */
export function watchFolder(folder: string, onChange: () => void, signal: AbortSignal): void {
	try {
		const watcher = watch(folder, { signal, persistent: false }, onChange);
		// A folder that goes, or too many that are watched: who must know looks for himself, too.
		watcher.on('error', () => watcher.close());
	} catch {}
}
