import { createHash, randomBytes } from 'node:crypto';
import { Failure, reasonOf } from '../../base/failure.js';
import { eitherOf } from '../../base/retry.js';
import { masked } from '../../base/secrets.js';
import { RefusedFailure } from '../../vision/frame.js';
import { unavailable } from './capture.js';

/** Asks a camera over HTTP, and logs in as it wants. */
export type HttpCamera = {
	/** The camera's name as it may be shown. */
	readonly shown: string;
	/** The answer, its body unread. @throws Failure camera-unavailable with the reason in words; the signal's reason */
	get(signal: AbortSignal, timeoutMs: number): Promise<Response>;
};

/** A camera's picture has fewer bytes. */
export const MOST_BYTES = 64 * 2 ** 20;

type Login = { readonly user: string; readonly password: string };

/** Of an address that may hold a user and a password, for basic and digest authentication. */
export function httpCamera(address: string): HttpCamera {
	const url = withoutLogin(address);
	const shown = masked(address);
	const login = loginOf(new URL(address));
	let challenge: string | null = null;
	/** The password is for the camera alone, and for itself over TLS. */
	const isOwn = (at: URL) =>
		at.origin === url.origin || (at.hostname === url.hostname && at.protocol === 'https:');
	const answerOf = async (at: URL, signal: AbortSignal): Promise<Response> => {
		const own = login && isOwn(at) ? login : undefined;
		const ask = () => {
			const authorization =
				challenge && own && authorizationOf(challenge, own, 'GET', at.pathname + at.search);
			return fetchTwice(at, signal, {
				'cache-control': 'no-cache',
				...(authorization && { authorization }),
			});
		};
		const response = await ask();
		if (response.status !== 401 || !own) return response;
		// Also when it took an older answer: digests grow stale.
		await response.body?.cancel();
		challenge = challengeIn(response.headers.get('www-authenticate') ?? '');
		return ask();
	};
	return {
		shown,
		get: async (signal, timeoutMs) => {
			const late = new AbortController();
			const timer = setTimeout(() => late.abort(), timeoutMs);
			// Whoever reads the answer's body still hears it.
			const either = eitherOf(signal, late.signal).signal;
			let at = url;
			try {
				let response = await answerOf(at, either);
				for (let led = 0; REDIRECTS.has(response.status) && response.headers.has('location'); led += 1) {
					await response.body?.cancel();
					if (led === MOST_REDIRECTS) throw unavailable(shown, 'it leads from address to address', LED);
					at = ledTo(response.headers.get('location')!, at, shown);
					response = await answerOf(at, either);
				}
				const { status } = response;
				const loggedIn = login !== undefined && isOwn(at);
				const fault =
					(status === 401 && loggedIn ? loginFault(challenge ?? '', status) : undefined) ??
					statusFault(status, loggedIn);
				if (!fault) return response;
				await response.body?.cancel();
				throw refused(shown, status, [`${wayTo(at, url)}${fault[0]}`, fault[1]]);
			} catch (thrown) {
				signal.throwIfAborted();
				if (late.signal.aborted) throw unavailable(shown, `no answer within ${timeoutMs} ms`, UNREACHED);
				throw thrown instanceof Failure ? thrown : connectionFailure(shown, thrown, wayTo(at, url));
			} finally {
				clearTimeout(timer);
			}
		},
	};
}

/** A camera may close a connection that it kept just when it is used again. */
async function fetchTwice(
	at: URL,
	signal: AbortSignal,
	headers: Readonly<Record<string, string>>,
): Promise<Response> {
	const asked = { signal, headers, redirect: 'manual' } as const;
	try {
		return await fetch(at, asked);
	} catch (thrown) {
		if (signal.aborted || !HUNG_UP.test(codesOf(thrown))) throw thrown;
		return fetch(at, asked);
	}
}

/** Answers that name another address (RFC 9110, 15.4). */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const MOST_REDIRECTS = 5;
const LED = 'Open the address in a browser, and give the one at which it ends.';

/** @throws Failure camera-unavailable where it is none over HTTP */
function ledTo(location: string, from: URL, shown: string): URL {
	const at = URL.canParse(location, from.href) ? withoutLogin(location, from) : undefined;
	if (at && /^https?:$/.test(at.protocol)) return at;
	throw unavailable(shown, `it leads to "${masked(location)}", which is no address over HTTP`, LED);
}

function wayTo(at: URL, from: URL): string {
	return at.origin === from.origin ? '' : `it leads to "${masked(at.href)}": `;
}

/** `from`: where the address stands, when it is a part of one. @throws TypeError when it is none */
export function withoutLogin(address: string, from?: URL): URL {
	const url = new URL(address, from);
	url.username = '';
	url.password = '';
	return url;
}

/** The user and the password in an address. */
export function loginOf({ username, password }: URL): Login | undefined {
	return username === '' ? undefined : { user: plain(username), password: plain(password) };
}

function plain(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

export const UNTRUSTED = 'its certificate is not trusted';
const UNREACHED = 'Check that the camera is switched on, and that the address and the network are right.';
const LOGIN =
	'Write the user, ":", the password and "@" before the host of the address; "@", "#" and "/" in them as %40, %23 and %2F.';

/** What a status of HTTP or RTSP says is wrong, and what to do. */
export function statusFault(
	status: number,
	loggedIn: boolean,
): readonly [state: string, advice: string] | undefined {
	if (status === 204 || status === 205)
		return [
			`it has no picture to give (${status})`,
			'Open the address in a browser: it must show one. Restart the camera if it does not.',
		];
	if (status === 401)
		return loggedIn
			? [
					`it does not accept the user or the password (${status})`,
					'Check both; some cameras lock a user out for minutes after wrong ones.',
				]
			: [`it wants a user and a password (${status})`, LOGIN];
	if (status === 403)
		return [
			`it forbids this (${status})`,
			'Give the user the right to see the stream, in the settings of the camera.',
		];
	if (status === 404 || status === 410)
		return [`it knows no such address (${status})`, "Check the path: the camera's manual names it."];
	if (status === 454)
		return [
			`it knows no such session (${status})`,
			'Another program may hold it: try again, or restart the camera.',
		];
	if (status === 453 || status === 429)
		return [
			`it has no room for another viewer (${status})`,
			'Close other programs that show it, or allow more viewers.',
		];
	if (status === 461)
		return [
			`it does not send over TCP (${status})`,
			'Switch RTSP over TCP on in the settings of the camera.',
		];
	if (status === 503)
		return [`it is busy (${status})`, 'Close other programs that show it; wait, or restart the camera.'];
	if (status >= 500) return [`it has a fault of its own (${status})`, 'Restart the camera.'];
	if (status >= 300)
		return [`it answers with status ${status}`, 'Open the address in a browser to see what it wants.'];
	return undefined;
}

/** What a status that is a fault comes to. */
export function refused(
	shown: string,
	status: number,
	[state, advice]: NonNullable<ReturnType<typeof statusFault>>,
): Failure {
	const failure = unavailable(shown, state, advice);
	return status === 401 || status === 403 ? new RefusedFailure(failure) : failure;
}

/** Undefined where the login that is wanted can be given, or is not named. */
function loginFault(challenge: string, status: number): readonly [state: string, advice: string] | undefined {
	const scheme = /^[\w-]+/.exec(challenge)?.[0];
	if (scheme === undefined || /^(?:basic|digest)$/i.test(scheme)) return undefined;
	return [
		`it wants a login of the kind "${scheme}", which is not spoken (${status})`,
		'Choose "digest" or "basic" for HTTP in the settings of the camera.',
	];
}

const HUNG_UP = /ECONNRESET|SOCKET|EPIPE/;

/** By the codes of Node and OpenSSL. */
const CAUSES: readonly (readonly [code: RegExp, state: string, advice: string])[] = [
	[
		/ECONNREFUSED/,
		'nothing listens there (connection refused)',
		'Check the port, and that the camera has started.',
	],
	[/ENOTFOUND|EAI_/, 'its host is unknown', 'Check the name, or give the IP address.'],
	[/EHOSTUNREACH|ENETUNREACH|EHOSTDOWN/, 'its host cannot be reached', UNREACHED],
	[/TIMEDOUT|TIMEOUT/, 'no answer', UNREACHED],
	[
		/SELF_SIGNED|UNABLE_TO|CERT|ALTNAME|DEPTH_ZERO/,
		UNTRUSTED,
		'Give the authority that signed it in NODE_EXTRA_CA_CERTS, or use http:// within your own network.',
	],
	[
		/WRONG_VERSION|EPROTO|ERR_SSL|PACKET_LENGTH/,
		'it does not speak TLS there',
		'Use http:// or rtsp://, or the port for TLS.',
	],
	[HUNG_UP, 'it hung up', 'Check that this port speaks the protocol of the address.'],
	[/HPE_|HTTPParser/, 'what it answers is not HTTP', 'Check the port.'],
	[/bad port/, 'its port belongs to another protocol', 'Give the camera another port for HTTP.'],
];

/** Why a camera could not be reached. */
export function connectionFailure(shown: string, thrown: unknown, way = ''): Failure {
	const codes = codesOf(thrown);
	const known = CAUSES.find(([code]) => code.test(codes));
	if (known) return unavailable(shown, `${way}${known[1]}`, known[2]);
	const reason = thrown instanceof Error && thrown.cause ? reasonOf(thrown.cause) : reasonOf(thrown);
	return unavailable(shown, `${way}${reason}`, UNREACHED);
}

function codesOf(thrown: unknown): string {
	const codes: string[] = [];
	let error: unknown = thrown;
	for (let depth = 0; error instanceof Error && depth < 4; depth += 1) {
		codes.push((error as NodeJS.ErrnoException).code ?? '', error.name);
		// The one refusal of fetch that has no code (Fetch, "port blocking").
		if (error.message === 'bad port') codes.push(error.message);
		const { errors } = error as AggregateError;
		error = error.cause ?? errors?.[0];
	}
	return codes.join(' ');
}

/** The hashes of digests (RFC 7616, 6.1): as they are called there, and by OpenSSL. */
const HASHES: ReadonlyMap<string, string> = new Map([
	['MD5', 'md5'],
	['SHA-256', 'sha256'],
	['SHA-512-256', 'sha512-256'],
]);

function hashOf(algorithm = 'MD5'): string | undefined {
	return HASHES.get(algorithm.toUpperCase().replace(/-SESS$/, ''));
}

/** Of several challenges the first digest that can be answered, as it does not show the password; else the basic one, else the first. */
export function challengeIn(header: string): string {
	const challenges: string[] = [];
	for (const part of header.match(/(?:"(?:\\.|[^"\\])*"|[^",])+/g) ?? []) {
		// A scheme has no "=" behind it; what has is told of the one before.
		if (/^\s*[\w-]+\s*(?:$|\s[^\s=])/.test(part)) challenges.push(part.trim());
		else if (challenges.length > 0) challenges[challenges.length - 1] += `,${part}`;
	}
	const digest = (one: string) => /^digest\b/i.test(one) && hashOf(toldIn(one, 'algorithm')) !== undefined;
	return (
		challenges.find(digest) ?? challenges.find((one) => /^basic\b/i.test(one)) ?? challenges[0] ?? header
	);
}

function toldIn(challenge: string, name: string): string | undefined {
	const found = new RegExp(`\\b${name}\\s*=\\s*(?:"([^"]*)"|([^\\s,]+))`, 'i').exec(challenge);
	return found?.[1] ?? found?.[2];
}

/** The answer to a challenge (RFC 7617 and RFC 7616), undefined where it asks for another scheme. */
export function authorizationOf(
	challenge: string,
	{ user, password }: Login,
	method: string,
	uri: string,
): string | undefined {
	if (/^basic\b/i.test(challenge)) return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
	if (!/^digest\b/i.test(challenge)) return undefined;
	const told = (name: string) => toldIn(challenge, name);
	const algorithm = told('algorithm');
	const hash = (text: string) =>
		createHash(hashOf(algorithm) ?? 'md5')
			.update(text)
			.digest('hex');
	const [realm, nonce, opaque] = [told('realm') ?? '', told('nonce') ?? '', told('opaque')];
	const qop = told('qop')
		?.split(/\s*,\s*/)
		.includes('auth')
		? 'auth'
		: undefined;
	const [nc, cnonce] = ['00000001', randomBytes(8).toString('hex')];
	const own = hash(`${user}:${realm}:${password}`);
	const a1 = /-sess$/i.test(algorithm ?? '') ? hash(`${own}:${nonce}:${cnonce}`) : own;
	const a2 = hash(`${method}:${uri}`);
	const response = qop ? hash(`${a1}:${nonce}:${nc}:${cnonce}:${qop}:${a2}`) : hash(`${a1}:${nonce}:${a2}`);
	return [
		`Digest username="${user.replace(/["\\]/g, '\\$&')}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}"`,
		...(algorithm ? [`algorithm=${algorithm}`] : []),
		...(opaque === undefined ? [] : [`opaque="${opaque}"`]),
		...(qop ? [`qop=${qop}, nc=${nc}, cnonce="${cnonce}"`] : []),
	].join(', ');
}
