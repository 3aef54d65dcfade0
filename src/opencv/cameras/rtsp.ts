import { isIPv6, connect as tcp } from 'node:net';
import { connect as tls } from 'node:tls';
import type { Failure } from '../../base/failure.js';
import { masked } from '../../base/secrets.js';
import { unavailable } from './capture.js';
import {
	authorizationOf,
	challengeIn,
	connectionFailure,
	loginOf,
	refused,
	statusFault,
	withoutLogin,
} from './http.js';

const TIMEOUT_MS = 3000;

/** A description of streams has fewer. */
const MOST_CHARACTERS = 2 ** 16;

/** Errors of a connection on which something was heard, or might be if it were asked in another way. */
const HEARD = /ECONNRESET|HPE_/;

/** Why a camera cannot be reached; undefined where anything answers. It is asked what it can do: that costs a camera nothing. */
export async function rtspUnreached(address: string): Promise<Failure | undefined> {
	try {
		await ask('OPTIONS', withoutLogin(address));
		return undefined;
	} catch (thrown) {
		const { code = '' } = thrown as NodeJS.ErrnoException;
		return HEARD.test(code) ? undefined : connectionFailure(masked(address), thrown);
	}
}

/** Why a camera did not open, as it answers itself when it is asked what it sends; undefined where it finds nothing wrong. */
export async function rtspFault(address: string): Promise<Failure | undefined> {
	const shown = masked(address);
	const url = withoutLogin(address);
	const login = loginOf(new URL(address));
	try {
		let { status, challenge, body } = await ask('DESCRIBE', url);
		const authorization =
			status === 401 && login ? authorizationOf(challenge, login, 'DESCRIBE', url.href) : undefined;
		if (authorization) ({ status, challenge, body } = await ask('DESCRIBE', url, authorization));
		const fault = statusFault(status, login !== undefined);
		if (fault) return refused(shown, status, fault);
		const codecs = [...body.matchAll(/^a=rtpmap:\d+ ([^/\s]+)/gim)].map(([, name]) => name);
		if (!/^m=video/im.test(body))
			return unavailable(shown, 'it sends no video', 'Check the path: it may be that of the sound alone.');
		return unavailable(
			shown,
			`it answers, but its video${codecs.length > 0 ? ` (${codecs.join(', ')})` : ''} could not be opened`,
			'Choose H.264 or MJPEG in the settings of the camera, and close other programs that show it.',
		);
	} catch (thrown) {
		return connectionFailure(shown, thrown);
	}
}

type Answer = { readonly status: number; readonly challenge: string; readonly body: string };

function ask(method: 'OPTIONS' | 'DESCRIBE', url: URL, authorization?: string): Promise<Answer> {
	const secure = url.protocol === 'rtsps:';
	const host = url.hostname.replace(/^\[|\]$/g, '');
	const port = Number(url.port || (secure ? 322 : 554));
	return new Promise((resolve, reject) => {
		// FFmpeg does not check certificates either.
		const socket = secure
			? tls({ host, port, rejectUnauthorized: false, ...(!isIPv6(host) && { servername: host }) })
			: tcp({ host, port });
		let text = '';
		const fail = (code: string) => {
			socket.destroy();
			reject(Object.assign(new Error(code), { code }));
		};
		const timer = setTimeout(() => fail('ETIMEDOUT'), TIMEOUT_MS);
		socket.on('error', reject);
		socket.on('close', () => {
			clearTimeout(timer);
			fail('ECONNRESET');
		});
		socket.on('data', (chunk) => {
			text += chunk.toString('latin1');
			if (text.length > MOST_CHARACTERS) return fail('HPE_TOO_LONG');
			const [, status] = /^RTSP\/\d\.\d (\d{3})/.exec(text) ?? [];
			const end = text.indexOf('\r\n\r\n');
			if (status === undefined && text.length > 12) return fail('HPE_NOT_RTSP');
			if (status === undefined || end < 0) return;
			const head = text.slice(0, end);
			const body = text.slice(end + 4);
			if (body.length < Number(/^content-length:\s*(\d+)/im.exec(head)?.[1] ?? 0)) return;
			const challenges = [...head.matchAll(/^www-authenticate:\s*(.+)$/gim)].map(([, one]) => one!.trim());
			const challenge = challengeIn(challenges.join(', '));
			resolve({ status: Number(status), challenge, body });
			socket.destroy();
		});
		const lines = [
			'CSeq: 1',
			...(method === 'DESCRIBE' ? ['Accept: application/sdp'] : []),
			...(authorization ? [`Authorization: ${authorization}`] : []),
		];
		socket.write(`${method} ${url.href} RTSP/1.0\r\n${lines.join('\r\n')}\r\n\r\n`);
	});
}
