import { createConnection, type Socket } from 'node:net';
import { Failure, reasonOf } from '../base/failure.js';
import { withShortPath } from './place.js';

/** Of all that a daemon says to one request. */
const MOST_BYTES = 1_000_000;

const states: Readonly<Record<string, string>> = {
	ENOENT: 'no daemon runs there',
	ECONNREFUSED: 'no daemon runs there',
	EACCES: 'this user may not',
	ECONNRESET: 'it ended meanwhile',
	EPIPE: 'it ended meanwhile',
};

/**
 * Asks the daemon behind a socket; `onLine` hears each line as it comes, the answer last. Resolves when the daemon has closed.
 * @throws Failure daemon-unreachable
 */
export async function askLocally(
	path: string,
	name: string,
	json: string,
	onLine: (line: string) => void,
	signal: AbortSignal,
): Promise<void> {
	await new Promise<void>((resolve, reject) => {
		const failed = (error: NodeJS.ErrnoException): void => {
			signal.removeEventListener('abort', end);
			reject(unreachable(path, error));
		};
		let socket: Socket;
		const end = () => socket.destroy();
		try {
			socket = withShortPath(path, (short) => createConnection(short));
		} catch (thrown) {
			return failed(thrown as NodeJS.ErrnoException);
		}
		let read = '';
		let characters = 0;
		signal.addEventListener('abort', end, { once: true });
		socket.setEncoding('utf8');
		socket.once('connect', () => socket.write(`${name} ${json}\n`));
		socket.on('data', (chunk: string) => {
			characters += chunk.length;
			if (characters > MOST_BYTES) socket.destroy(new Error('it says too much'));
			const lines = (read + chunk).split('\n');
			read = lines.pop()!;
			for (const line of lines) onLine(line);
		});
		socket.once('error', failed);
		socket.once('close', () => {
			signal.removeEventListener('abort', end);
			resolve();
		});
	});
}

function unreachable(path: string, error: NodeJS.ErrnoException): Failure {
	return new Failure(
		'daemon-unreachable',
		`Cannot ask the daemon at "${path}": ${states[error.code ?? ''] ?? reasonOf(error)}`,
		error.code === 'EACCES'
			? 'Ask as the user whom the daemon runs as.'
			: 'Start it with `inspectord run`, or say which one is meant with --config or --state.',
	);
}
