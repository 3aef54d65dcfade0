import { setImmediate as turn } from 'node:timers/promises';

/** What Node warns of in this process during some work, in words. */
export async function warningsDuring(work: () => Promise<unknown>): Promise<readonly string[]> {
	const warnings: string[] = [];
	const warned = ({ message }: Error) => warnings.push(message);
	process.on('warning', warned);
	try {
		await work();
		// Each is told a moment later.
		await turn();
	} finally {
		process.off('warning', warned);
	}
	return warnings;
}
