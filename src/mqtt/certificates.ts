import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { reasonOf } from '../base/failure.js';
import type { Tls } from './connection.js';

/** What is wrong with one of the files of a `Tls`, and what to do. */
export type TlsFault = {
	readonly part: 'ca' | 'cert' | 'key';
	readonly state: string;
	readonly advice: string;
};

const CERTIFICATE =
	/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----.*?-----END (?:X509 |TRUSTED )?CERTIFICATE-----/gs;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;

/** Of the extended uses of a certificate: to show a server who one is (RFC 5280, section 4.2.1.12). */
const CLIENT_USE = '1.3.6.1.5.5.7.3.2';

const advices = {
	clock: 'Renew it; or is the clock of this box wrong?',
	pem: 'Give it in PEM: the text that begins with -----BEGIN.',
	open: 'Write it without a passphrase (openssl pkey -in FILE -out FILE), readable for this box alone.',
	pair: 'Give the key with which the certificate was requested.',
} as const;

/** The first thing for which no broker can be met with these files at that time of the wall clock; undefined: nothing is seen. */
export function tlsFault({ ca, cert, key }: Tls, wallMs: number): TlsFault | undefined {
	return (
		(ca === undefined ? undefined : authoritiesFault(ca, wallMs)) ??
		(cert === undefined || key === undefined ? undefined : pairFault(cert, key, wallMs))
	);
}

/** What will be wrong soon, in words: a certificate of ours that ends within `withinMs`. */
export function tlsConcern({ cert = '' }: Tls, wallMs: number, withinMs: number): string | undefined {
	const read = certificatesIn(cert);
	const own = typeof read === 'string' ? undefined : read[0];
	if (!own || Date.parse(own.validTo) - wallMs > withinMs) return undefined;
	return `this box's certificate expires on ${own.validTo}`;
}

function authoritiesFault(text: string, wallMs: number): TlsFault | undefined {
	const part = 'ca';
	const read = certificatesIn(text);
	if (typeof read === 'string') return { part, state: read, advice: advices.pem };
	const times = read.map((certificate) => timeFault(certificate, wallMs));
	// One of several may have ended: they are kept beside their successors.
	if (times.every((time) => time !== undefined)) return { part, state: times[0]!, advice: advices.clock };
	return unusable(part, { ca: text });
}

function pairFault(cert: string, key: string, wallMs: number): TlsFault | undefined {
	const read = certificatesIn(cert);
	if (typeof read === 'string') return { part: 'cert', state: read, advice: advices.pem };
	const [own] = read;
	const time = timeFault(own!, wallMs);
	if (time !== undefined) return { part: 'cert', state: time, advice: advices.clock };
	// Node calls the extended uses so.
	const uses = own!.keyUsage as string[] | undefined;
	if (uses && !uses.includes(CLIENT_USE))
		return {
			part: 'cert',
			state: 'it is not made for clients',
			advice: 'Have it made with extendedKeyUsage = clientAuth.',
		};
	const opened = privateKeyIn(key);
	if ('state' in opened) return { part: 'key', ...opened };
	if (!own!.checkPrivateKey(opened))
		return { part: 'key', state: 'it does not belong to the certificate', advice: advices.pair };
	return unusable('cert', { cert, key });
}

/** All certificates of a text, or why there are none. */
function certificatesIn(text: string): readonly X509Certificate[] | string {
	const blocks = text.match(CERTIFICATE) ?? [];
	if (blocks.length === 0)
		return `it holds no certificate${PRIVATE_KEY.test(text) ? ', but a private key' : ''}`;
	const certificates: X509Certificate[] = [];
	for (const block of blocks) {
		try {
			certificates.push(new X509Certificate(block));
		} catch {
			return `its certificate ${certificates.length + 1} is damaged`;
		}
	}
	return certificates;
}

function privateKeyIn(text: string): KeyObject | Omit<TlsFault, 'part'> {
	if (!PRIVATE_KEY.test(text)) {
		const other = CERTIFICATE.test(text) ? ', but a certificate' : '';
		return { state: `it holds no private key${other}`, advice: advices.pem };
	}
	if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(text))
		return { state: 'it is encrypted', advice: advices.open };
	try {
		return createPrivateKey(text);
	} catch {
		return { state: 'it is damaged', advice: advices.pem };
	}
}

function timeFault({ validFrom, validTo }: X509Certificate, wallMs: number): string | undefined {
	if (wallMs > Date.parse(validTo)) return `it expired on ${validTo}`;
	if (wallMs < Date.parse(validFrom)) return `it is not valid before ${validFrom}`;
	return undefined;
}

/** What OpenSSL itself finds, like a key that is too short for its level of security. */
function unusable(
	part: TlsFault['part'],
	files: { ca?: string; cert?: string; key?: string },
): TlsFault | undefined {
	try {
		createSecureContext(files);
		return undefined;
	} catch (thrown) {
		return { part, state: `OpenSSL refuses it: ${reasonOf(thrown)}`, advice: 'Have it made anew.' };
	}
}
