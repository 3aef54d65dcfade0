import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { authorizationOf, challengeIn } from '../../../src/opencv/cameras/http.js';

const logins = suite('the login of a camera over HTTP');

const digest = (more: string) => `Digest realm="a, b", nonce="n", qop="auth,auth-int"${more}`;

/** What is told, and the challenge of it that is answered. */
const challenges: readonly (readonly [header: string, chosen: string])[] = [
	[digest(''), digest('')],
	[`Basic realm="x", ${digest('')}`, digest('')],
	[`${digest('')}, Basic realm="x"`, digest('')],
	[`${digest('')}, ${digest(', algorithm=SHA-256')}`, digest('')],
	[`${digest(', algorithm=SHA-256')}, ${digest(', algorithm=MD5')}`, digest(', algorithm=SHA-256')],
	[`${digest(', algorithm=SHA3-512')}, ${digest(', algorithm="MD5"')}`, digest(', algorithm="MD5"')],
	[`${digest(', algorithm=SHA3-512')}, Basic realm = "x"`, 'Basic realm = "x"'],
	['Negotiate, NTLM, basic realm="x"', 'basic realm="x"'],
	['NTLM', 'NTLM'],
	['', ''],
];

for (const [header, chosen] of challenges)
	logins(`answers of ${header || 'nothing'} ${chosen || 'nothing'}`, () => {
		assert.is(challengeIn(header), chosen);
	});

logins('answers the examples of RFC 7616, and of no scheme that it does not know', () => {
	const told =
		'realm="http-auth@example.org", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
	const login = { user: 'Mufasa', password: 'Circle of Life' };
	// Without qop (RFC 2617, 3.2.2.1), so that nothing of it is drawn by chance.
	for (const [algorithm, response] of [
		['MD5', /response="[0-9a-f]{32}"/],
		['SHA-256', /response="[0-9a-f]{64}"/],
		['SHA-512-256', /response="[0-9a-f]{64}"/],
	] as const) {
		const answer = authorizationOf(`Digest ${told}, algorithm=${algorithm}`, login, 'GET', '/dir/index.html');
		assert.match(answer!, response);
		assert.match(answer!, `algorithm=${algorithm}`);
	}
	assert.is(authorizationOf('NTLM', login, 'GET', '/'), undefined);
});

logins.run();
