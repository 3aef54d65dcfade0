import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import { Failure } from '../../base/failure.js';
import { keyName } from '../../config/public-key.js';
import { readText } from '../../disk/text.js';
import { withoutEnvelope } from '../../protocol/envelope.js';
import { instantOf } from '../../protocol/fields.js';
import { privateKeyIn, type Signature, signatureOf } from '../../protocol/signature.js';
import { type Arguments, textOption } from './command.js';

/**
 * A request with its signature, by the private key in a file; the key has the file's name, or that given as `--signer`.
 * @throws Failure usage, file-unreadable
 */
export async function signedRequest<A extends { readonly id: string }>(
	box: string,
	name: string,
	asked: A,
	file: string,
	args: Arguments,
): Promise<A & { readonly signature: Signature }> {
	const key = textOption(args, 'signer') ?? basename(file).replace(/\.[^.]*$/, '');
	if (!keyName.test(key))
		throw new Failure(
			'usage',
			`"${key}" is no name of a key`,
			'Give it with --signer NAME, as it stands on the box.',
		);
	const privateKey = privateKeyIn(await readText(file, 'private key'));
	if (!privateKey)
		throw new Failure(
			'usage',
			`Cannot sign with "${file}": it is no private key of Ed25519 in PEM`,
			'Make one with inspectord key NAME.',
		);
	const at = instantOf(Date.now());
	const nonce = randomBytes(18).toString('base64url');
	const { id } = asked;
	const ask = withoutEnvelope(asked);
	const value = signatureOf({ box, name, ask, id, key, at, nonce }, privateKey);
	return { ...asked, signature: { key, at, nonce, value } };
}
