import {
	createPrivateKey,
	createPublicKey,
	generateKeyPairSync,
	type KeyObject,
	sign,
	verify,
} from 'node:crypto';
import { z } from 'zod';
import { keyName } from '../config/public-key.js';
import { canonicalJson } from './canonical.js';
import { instant, type Told } from './fields.js';

/** Of a request: who says that it is his. */
export const signatureSchema = z
	.strictObject({
		key: z.string().regex(keyName).describe('Its name in `control.signed.keys`.'),
		at: instant.describe('When it was signed: not longer ago than `control.signed.windowS`.'),
		nonce: z
			.string()
			.regex(/^[A-Za-z0-9_-]{16,64}$/, 'must be 16 to 64 letters, digits, "-" or "_"')
			.describe('Chosen at random: a box takes it once.'),
		value: z
			.string()
			.regex(/^[A-Za-z0-9_-]{85}[AQgw]$/, 'must be 64 bytes in base64url')
			.describe('Ed25519 (RFC 8032), in base64url without "=".'),
	})
	.describe('Who says that it is his (`inspectord sign`).');

export type Signature = Told<typeof signatureSchema>;

/** What a signature is for; `ask`: the request as it is sent, without what every request has. */
export type Signed = {
	readonly box: string;
	readonly name: string;
	readonly ask: unknown;
	readonly id: string;
	readonly key: string;
	readonly at: string;
	readonly nonce: string;
};

/** @returns base64url */
export function signatureOf(signed: Signed, privateKey: KeyObject): string {
	return sign(null, bytesOf(signed), privateKey).toString('base64url');
}

/** `publicKey`: 32 bytes in base64. */
export function isSignedBy(publicKey: string, signed: Signed, value: string): boolean {
	return verify(null, bytesOf(signed), publicKeyOf(publicKey), Buffer.from(value, 'base64url'));
}

/** A new key: PKCS #8 in PEM, and its public half, 32 bytes in base64. */
export function newKey(): { readonly privatePem: string; readonly publicKey: string } {
	// Of a key that is read back: Node 20 waits for itself when it collects what made a key while that is told as JWK.
	const { privateKey: privatePem } = generateKeyPairSync('ed25519', {
		privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
		publicKeyEncoding: { type: 'spki', format: 'pem' },
	});
	return { privatePem, publicKey: publicHalf(createPrivateKey(privatePem)) };
}

/** A private key of Ed25519 in PEM; undefined for what is none. */
export function privateKeyIn(pem: string): KeyObject | undefined {
	try {
		const key = createPrivateKey(pem);
		return key.asymmetricKeyType === 'ed25519' ? key : undefined;
	} catch {
		return undefined;
	}
}

/** The public half of a key, 32 bytes in base64. */
export function publicHalf(privateKey: KeyObject): string {
	const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
	return Buffer.from(x, 'base64url').toString('base64');
}

function publicKeyOf(base64: string): KeyObject {
	const x = Buffer.from(base64, 'base64').toString('base64url');
	return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

/** No field may be taken for another one, and no request for another kind of text. */
function bytesOf({ box, name, ask, id, key, at, nonce }: Signed): Uint8Array {
	return Buffer.from(canonicalJson({ box, name, ask, id, key, at, nonce }));
}
