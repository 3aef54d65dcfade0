import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { Failure, reasonOf } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { withShortPath } from './place.js';

export type LocalListener = {
	/** Asked for by one line: the name, a space, JSON. Resolves with the answer's line; undefined: there is none. */
	onRequest(name: string, bytes: Uint8Array, onProgress: (line: string) => void): Promise<string | undefined>;
	readonly log: Log;
};

/** At a time; one more is not let in. */
const MOST_CLIENTS = 16;

/** Of a line, in bytes, and how long it may take to come. */
const MOST_BYTES = 262_144;
const LINE_MS = 5000;

const OWNER_ONLY = 0o600;

/**
 * Listens on a Unix socket that its owner alone may open. One connection asks one thing: lines of progress come back, and the
 * answer as the last one. @throws Failure file-unwritable
 */
export async function listenLocally(path: string, listener: LocalListener): Promise<AsyncDisposable> {
	const clients = new Set<Socket>();
	const server = createServer((socket) => {
		clients.add(socket);
		socket.once('close', () => clients.delete(socket));
		socket.on('error', () => socket.destroy());
		serve(socket, listener);
	});
	server.maxConnections = MOST_CLIENTS;
	try {
		// The folder's lock says that nobody else listens there.
		rmSync(path, { force: true });
		await new Promise<void>((resolve, reject) => {
			server.once('error', reject).once('listening', resolve);
			const before = process.umask(0o777 & ~OWNER_ONLY);
			try {
				withShortPath(path, (short) => server.listen(short));
			} finally {
				process.umask(before);
			}
		});
		chmodSync(path, OWNER_ONLY);
	} catch (thrown) {
		server.close();
		throw new Failure(
			'file-unwritable',
			`Cannot listen on "${path}": ${reasonOf(thrown)}`,
			'Choose a folder for the journal that can hold a Unix socket.',
		);
	}
	server.on('error', (error) => listener.log('warning', 'control', reasonOf(error), 'socket.failed'));
	return {
		[Symbol.asyncDispose]: () =>
			new Promise((resolve) => {
				server.close(() => resolve());
				for (const client of clients) client.end();
				setTimeout(() => {
					for (const client of clients) client.destroy();
				}, GOODBYE_MS).unref();
			}),
	};
}

/** What is on its way to a client gets so long at the end. */
const GOODBYE_MS = 500;

function serve(socket: Socket, { onRequest, log }: LocalListener): void {
	let read = Buffer.alloc(0);
	const tooLate = setTimeout(() => socket.destroy(), LINE_MS);
	const hear = (chunk: Buffer): void => {
		read = Buffer.concat([read, chunk]);
		const end = read.indexOf('\n');
		if (end < 0 && read.length <= MOST_BYTES) return;
		clearTimeout(tooLate);
		socket.off('data', hear);
		if (end < 0 || end > MOST_BYTES) return void socket.destroy();
		const line = read.subarray(0, end);
		const space = line.indexOf(' ');
		const name = line.subarray(0, space < 0 ? line.length : space).toString();
		const bytes = space < 0 ? Buffer.alloc(0) : line.subarray(space + 1);
		const tell = (text: string) => void (socket.writable && socket.write(`${text}\n`));
		void onRequest(name, bytes, tell)
			.then((answer) => {
				if (answer !== undefined) tell(answer);
			})
			.catch((thrown) => log('error', 'control', reasonOf(thrown), 'request.failed'))
			.finally(() => socket.end());
	};
	socket.on('data', hear);
	socket.once('close', () => clearTimeout(tooLate));
}
