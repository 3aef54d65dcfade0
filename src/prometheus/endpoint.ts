import { createServer, type Server, type ServerResponse } from 'node:http';
import { Failure, reasonOf } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { aborted, keepConnected, type Pace } from '../base/retry.js';
import type { Service } from '../base/service.js';
import { listenPlace } from '../config/listen.js';
import { CONTENT_TYPE } from './exposition.js';

export type EndpointWorld = {
	/** What is said to whoever asks. */
	readonly text: () => Promise<string>;
	readonly pace: Pace;
	readonly log: Log;
};

export type Endpoint = Service & {
	/** Where it is reached; undefined while somebody else has its port. */
	readonly url: string | undefined;
};

/** At a time; one more is not let in. */
const MOST_CLIENTS = 16;

/** Nobody may keep a connection for longer than this without asking. */
const REQUEST_MS = 5000;

/** While another program has the port, it is tried again. */
const again = { firstMs: 1000, mostMs: 60_000, lastedMs: 60_000 } as const;

/** Whether a place can be listened on. @returns what was found, in words @throws Failure port-busy */
export async function tryToListen(listen: string): Promise<string> {
	await close(await opened(listen, () => {}));
	return `"${listen}" can be listened on`;
}

/** Answers GET /metrics. A port that another program has is no reason not to inspect: it is waited for. */
export function startEndpoint(listen: string, { text, pace, log }: EndpointWorld): Endpoint {
	const ending = new AbortController();
	let url: string | undefined;
	let said = '';
	/** One look at the box serves all who ask meanwhile. */
	let looking: Promise<string> | undefined;
	const look = (): Promise<string> => {
		looking ??= text().finally(() => {
			looking = undefined;
		});
		return looking;
	};
	const listening = keepConnected(
		async ({ opened: stands }) => {
			try {
				const server = await opened(listen, (response) => void answer(response, look, log));
				stands();
				const address = server.address();
				const port = typeof address === 'object' ? address?.port : undefined;
				url = `http://${listen.slice(0, listen.lastIndexOf(':'))}:${port}/metrics`;
				log('info', 'metrics', `are told at ${url}`, 'metrics.listening');
				await aborted(ending.signal);
				await close(server);
				return 'done';
			} catch (thrown) {
				if (!(thrown instanceof Failure)) throw thrown;
				if (thrown.message !== said) log('warning', 'metrics', thrown.message, 'metrics.failed');
				said = thrown.message;
				return 'again';
			}
		},
		again,
		ending.signal,
		pace,
	);
	return {
		name: 'metrics',
		get url() {
			return url;
		},
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			await listening;
		},
	};
}

/** @throws Failure port-busy */
async function opened(listen: string, onMetrics: (response: ServerResponse) => void): Promise<Server> {
	const server = createServer(
		{ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
		(request, response) => {
			const isRead = request.method === 'GET' || request.method === 'HEAD';
			if (request.url?.split('?')[0] !== '/metrics') response.writeHead(404).end();
			else if (!isRead) response.writeHead(405, { allow: 'GET, HEAD' }).end();
			else onMetrics(response);
		},
	);
	server.maxConnections = MOST_CLIENTS;
	try {
		await new Promise<void>((resolve, reject) => {
			server.once('error', reject).listen(listenPlace(listen)!, resolve);
		});
	} catch (thrown) {
		throw new Failure('port-busy', `Cannot listen on "${listen}": ${reasonOf(thrown)}`);
	}
	server.removeAllListeners('error').on('error', () => {});
	return server;
}

async function answer(response: ServerResponse, look: () => Promise<string>, log: Log): Promise<void> {
	try {
		const text = await look();
		response.writeHead(200, { 'content-type': CONTENT_TYPE }).end(text);
	} catch (thrown) {
		log('warning', 'metrics', `cannot be told: ${reasonOf(thrown)}`, 'metrics.failed');
		response.writeHead(503).end();
	}
}

function close(server: Server): Promise<void> {
	return new Promise((resolve) => {
		server.close(() => resolve());
		server.closeAllConnections();
	});
}
