import { realFiles } from './files.js';

/** Where an interrupted lesson is kept: beside the bundle that it shall become. */
export function checkpointPath(bundle: string): string {
	return `${bundle}.checkpoint`;
}

export async function removeCheckpoint(path: string, files = realFiles): Promise<void> {
	await files.remove(path);
}
