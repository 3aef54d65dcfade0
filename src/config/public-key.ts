/** Of a key that may sign. */
export const keyName = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** Points of order 1, 2, 4 and 8, for which anybody can make signatures: all spellings of their y, in hexadecimal and without the sign. */
const WEAK = new Set([
	'0000000000000000000000000000000000000000000000000000000000000000',
	'0100000000000000000000000000000000000000000000000000000000000000',
	'26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
	'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
	'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
	'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
	'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/** What is wrong with a public key of Ed25519; undefined when nothing is. */
export function publicKeyFault(text: string): string | undefined {
	const bytes = Buffer.from(text, 'base64');
	if (bytes.length !== 32 || bytes.toString('base64') !== text)
		return 'is no public key of Ed25519: 32 bytes in base64, as `inspectord key NAME` says it';
	const y = Buffer.from(bytes);
	y[31]! &= 0x7f;
	return WEAK.has(y.toString('hex')) ? 'is a key with which everybody can sign' : undefined;
}
