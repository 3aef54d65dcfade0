import { noneSuch } from '../base/words.js';
import { instantOf } from '../protocol/fields.js';
import { isSignedBy } from '../protocol/signature.js';
import { Refusal, type SignedRequest } from './answer.js';

/** Who may sign what a box is asked. */
export type SignedSettings = {
	/** Public keys of Ed25519, by name: 32 bytes in base64. */
	readonly keys: Readonly<Record<string, string>>;
	readonly windowS: number;
};

export type SignaturesWorld = {
	readonly box: string;
	readonly wallClock: () => number;
	/** By the operating system; null where that is not known. */
	readonly isSynchronised: () => boolean | null;
	/** Resolves when it is on disk that it is used, with whether it is for the first time. */
	readonly use: (nonce: {
		readonly key: string;
		readonly nonce: string;
		readonly atMs: number;
	}) => Promise<boolean>;
};

/**
 * Whether requests are signed by whom they say: for this box, this request and this time, and each signature once.
 * The nonce is used up only by a signature that is right. @throws Refusal denied
 */
export function signatureCheck(
	{ keys, windowS }: SignedSettings,
	{ box, wallClock, isSynchronised, use }: SignaturesWorld,
): (signed: SignedRequest) => Promise<void> {
	return async ({ name, ask, id, signature }) => {
		const { key, at, nonce, value } = signature;
		const publicKey = Object.hasOwn(keys, key) ? keys[key] : undefined;
		if (publicKey === undefined) throw denied('key', noneSuch('key', key, Object.keys(keys)));
		if (!isSignedBy(publicKey, { box, name, ask, id, key, at, nonce }, value))
			throw denied('value', 'does not fit: it is by another key, or of another request, id or box');
		const nowMs = wallClock();
		if (!(Math.abs(nowMs - Date.parse(at)) <= windowS * 1000)) {
			const doubt = isSynchronised() === false ? ', which is not synchronised' : '';
			throw denied('at', `is more than ${windowS} s from the clock of this box${doubt}: ${instantOf(nowMs)}`);
		}
		if (!(await use({ key, nonce, atMs: Date.parse(at) })))
			throw denied('nonce', 'was used before, or is older than what this box remembers: sign it again');
	};
}

function denied(field: string, message: string): Refusal {
	const path = `signature.${field}`;
	return new Refusal('denied', `${path}: ${message}`, [{ path, message }]);
}
