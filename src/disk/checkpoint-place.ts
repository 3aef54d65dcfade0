import { rm } from 'node:fs/promises';

/** Where an interrupted lesson is kept: beside the bundle that it shall become. */
export function checkpointPath(bundle: string): string {
	return `${bundle}.checkpoint`;
}

export async function removeCheckpoint(path: string): Promise<void> {
	await rm(path, { force: true });
}
