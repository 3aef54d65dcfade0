import { join } from 'node:path';
import { writeWhole } from './file.js';
import { realFiles, textIn } from './files.js';

/** What a person wishes of a daemon that runs, in a file of the journal's folder: it needs nothing but that folder. */
const SEND_AGAIN = 'send-again.json';

/** Asks for dead letters of these events to be sent again; a wish that was not seen yet is joined. @throws Failure file-unwritable */
export async function wishSendAgain(folder: string, events: readonly number[]): Promise<void> {
	const before = await sendAgain(folder);
	await writeWhole(join(folder, SEND_AGAIN), JSON.stringify([...new Set([...before, ...events])]));
}

/** The events that are wished for; anything else than whole numbers is none. */
export async function sendAgain(folder: string, files = realFiles): Promise<readonly number[]> {
	try {
		const read: unknown = JSON.parse(textIn(await files.read(join(folder, SEND_AGAIN))));
		return Array.isArray(read) ? read.filter((one): one is number => Number.isSafeInteger(one)) : [];
	} catch {
		return [];
	}
}

/** It was seen. */
export async function forgetSendAgain(folder: string, files = realFiles): Promise<void> {
	await files.remove(join(folder, SEND_AGAIN));
}
