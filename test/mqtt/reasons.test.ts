import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { causeText } from '../../src/mqtt/reasons.js';

const reasons = suite('reasons in words');

/** OpenSSL 3.0 (Node 20, 22) and 3.5 (Node 24) name the same alert by other words. */
const spellings: readonly (readonly [codes: readonly string[], says: RegExp])[] = [
	[
		['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', 'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED'],
		/this box's certificate has expired/,
	],
	[['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'], /authority/],
	[['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'], /wants a certificate/],
];

reasons('are the same whichever OpenSSL gives the code', () => {
	for (const [codes, says] of spellings)
		for (const code of codes) assert.match(causeText(code) ?? '', says, code);
});

reasons('are none for a code that nobody knows', () => {
	for (const code of ['ERR_SSL_', 'ERR_SSL_X_ALERT_', 'toString', '__proto__', 7, undefined, null])
		assert.is(causeText(code), undefined, String(code));
});

reasons.run();
