import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Failure, reasonOf } from '../base/failure.js';
import { eitherOf } from '../base/retry.js';

/** A server that sends nothing for so long is given up; what came is kept. */
const SILENCE_MS = 30_000;

/**
 * Fetches an address into a file; what an interrupted download left there is continued where the server can.
 * `report` hears bytes, and of how many where the server tells.
 * @throws Failure download-failed; the file keeps what came, for the next attempt
 */
export async function download(
	address: string,
	path: string,
	report: (done: number, of: number | undefined) => void,
	signal: AbortSignal,
): Promise<void> {
	const have = await stat(path).then(
		({ size }) => size,
		() => 0,
	);
	const silence = new AbortController();
	let timer = setTimeout(() => silence.abort(new Error('the server fell silent')), SILENCE_MS);
	using either = eitherOf(signal, silence.signal);
	try {
		const response = await fetch(address, {
			headers: have > 0 ? { range: `bytes=${have}-` } : {},
			signal: either.signal,
		});
		// The file is whole already: the range begins behind its end.
		if (response.status === 416 && have > 0) return;
		if (!response.ok || !response.body)
			throw new Error(`the server answers ${response.status} ${response.statusText}`);
		const continued = response.status === 206;
		const length = Number(response.headers.get('content-length') ?? Number.NaN);
		let done = continued ? have : 0;
		const of = Number.isFinite(length) ? done + length : undefined;
		const counted = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]).map(
			(chunk: Uint8Array) => {
				clearTimeout(timer);
				timer = setTimeout(() => silence.abort(new Error('the server fell silent')), SILENCE_MS);
				done += chunk.length;
				report(done, of);
				return chunk;
			},
		);
		await pipeline(counted, createWriteStream(path, { flags: continued ? 'a' : 'w' }));
		if (of !== undefined && done !== of) throw new Error(`${done} of ${of} bytes came`);
	} catch (thrown) {
		signal.throwIfAborted();
		const cause = thrown instanceof Error && thrown.cause ? thrown.cause : thrown;
		throw new Failure(
			'download-failed',
			`Cannot download "${address}": ${reasonOf(silence.signal.aborted ? silence.signal.reason : cause)}`,
			'Without a network, bring the file on a stick and give it with --file. A new attempt goes on where this one ended.',
		);
	} finally {
		clearTimeout(timer);
	}
}
