import { Failure } from '../base/failure.js';
import { fileState } from '../base/file-state.js';
import { realFiles } from './files.js';

/** A file that people write by hand is never larger. */
const MOST_BYTES = 1 << 20;

/**
 * A text file in UTF-8, whole, without a mark of its byte order. `what` names its part in the error: "configuration", "password file";
 * `again` tells what to do when it is no text.
 * @throws Failure file-unreadable
 */
export async function readText(path: string, what: string, again = 'Save it as UTF-8.'): Promise<string> {
	return (await readMarkedText(path, what, again)).replace(/^\ufeff/, '');
}

/** The same with its mark of the byte order, if it has one. @throws Failure file-unreadable */
export async function readMarkedText(
	path: string,
	what: string,
	again = 'Save it as UTF-8.',
	files = realFiles,
): Promise<string> {
	const unreadable = (state: string, advice: string) =>
		new Failure('file-unreadable', `Cannot read ${what} "${path}": ${state}`, advice);
	let bytes: Uint8Array;
	try {
		bytes = await files.read(path);
	} catch (thrown) {
		throw unreadable(fileState(thrown), 'Check the path and the permissions.');
	}
	if (bytes.length > MOST_BYTES) throw unreadable(`it has ${bytes.length} bytes`, 'Is it the right file?');
	if (/^(\xff\xfe|\xfe\xff)/.test(Buffer.from(bytes.subarray(0, 2)).toString('latin1')) || bytes.includes(0))
		throw unreadable('it is UTF-16, or no text', again);
	try {
		return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		throw unreadable(`it is not UTF-8 (line ${lineOfFault(bytes)})`, again);
	}
}

/** The first line that does not decode, from 1. */
function lineOfFault(bytes: Uint8Array): number {
	const lines = Buffer.from(bytes).toString('utf8').split('\n');
	return lines.findIndex((line) => line.includes('\ufffd')) + 1;
}
