const SHOWN = '***';

/** A quote ends a quoted text where something of a sentence follows it: a password may hold one. */
const QUOTED = String.raw`(?:(?!["'\x60](?:[\s:,.;)\]}]|$))[^\n])`;
const SCHEME = '[a-z][a-z0-9+.-]{0,20}';

/** Names of parameters, properties and headers whose values are secret; longer names may end so: "user-pw", "access_token". */
const NAMES = String.raw`[\w.-]{0,40}(?:pass|passw|passwd|password|passphrase|passwort|kennwort|loginpas|pwd|psw|pw|token|secret|key|auth|credentials?|signature|sig)`;

/**
 * What is secret in a text, by the spelling around it: each pattern finds what stands before, the secret, and what stands
 * after. Addresses are read as people mistype them, not as the standard splits them: a password may hold "@", "#" and "/", and
 * the last "@" ends it. Rather a host too few is shown than a password.
 */
const spellings: readonly { readonly pattern: RegExp; readonly userinfo: boolean }[] = [
	// "scheme://user:password@host": in quotes with spaces, without to the next space; then within the query of another address.
	{ pattern: new RegExp(`(?<=["'\`])(${SCHEME}:/{1,2}(?!/))(${QUOTED}+)(@)`, 'gi'), userinfo: true },
	{ pattern: new RegExp(`(?<!["'\`\\w])(?!file:)(${SCHEME}:/{1,2}(?!/))(\\S+)(@)`, 'gi'), userinfo: true },
	{ pattern: new RegExp(`(\\b${SCHEME}%3a%2f%2f)([^\\s&]+)(%40)`, 'gi'), userinfo: true },
	// "user:password@host": no scheme, or no slashes. OpenCV begins its lines with "WARN:0@0.1", packages are "npm:@a/b@1".
	{
		pattern:
			/(?<![^\s"'`=(])((?!(?:file|npm|node|warn|info|error|debug):)[^\s"'`@:/=(]+:)((?!\/)\S+)(@)(?=[\w[])/gi,
		userinfo: false,
	},
	// "password=…" in a query or a pipeline: with a type, in quotes, or to the next space or "&".
	{
		pattern: new RegExp(`(${NAMES}\\s*=\\s*(?:\\(\\w+\\)\\s*)?")((?:\\\\.|[^"\\\\\n])+)(")`, 'gi'),
		userinfo: false,
	},
	{
		pattern: new RegExp(`(${NAMES}\\s*=\\s*(?:\\(\\w+\\)\\s*)?')((?:\\\\.|[^'\\\\\n])+)(')`, 'gi'),
		userinfo: false,
	},
	{
		pattern: new RegExp(
			`(${NAMES}(?:\\s*=\\s*|%3d)(?:\\(\\w+\\)\\s*)?["']?)((?:${QUOTED.replace('[^\\n]', '[^\\s&]')})+)()`,
			'gi',
		),
		userinfo: false,
	},
	// A private key in PEM, whole or begun.
	{
		pattern: /(-----BEGIN [A-Z ]*PRIVATE KEY-----)((?:(?!-----).)+)(-----END [A-Z ]*PRIVATE KEY-----|$)/gis,
		userinfo: false,
	},
	// "password": "…" in JSON, and the header of a request.
	{ pattern: new RegExp(`("${NAMES}"\\s*:\\s*")((?:\\\\.|[^"\\\\\n])+)(")`, 'gi'), userinfo: false },
	{ pattern: /(\bauthorization\s*[:=]\s*(?:basic|bearer|digest)?\s*)([^\s"']+)()/gi, userinfo: false },
];

/** Shorter secrets are masked only where they stand alone: "cam" must not blacken "camera". */
const LEAST_INSIDE = 6;

/**
 * A text as it may be shown: passwords in addresses and parameters become "***", and so does every one of `known` wherever it
 * stands. Masking twice is masking once.
 */
export function masked(text: string, known: readonly string[] = []): string {
	const longestFirst = [...known].filter(Boolean).sort((a, b) => b.length - a.length);
	return replaced(longestFirst.reduce(without, text), () => {});
}

/** The same of every text in a value. */
export function maskedThroughout<T>(value: T, known: readonly string[]): T {
	if (typeof value === 'string') return masked(value, known) as T;
	if (typeof value !== 'object' || value === null) return value;
	if (Array.isArray(value)) return value.map((one) => maskedThroughout(one, known)) as T;
	return Object.fromEntries(
		Object.entries(value).map(([key, one]) => [key, maskedThroughout(one, known)]),
	) as T;
}

/** The secrets in an address or a pipeline, each in the spellings that a library's message may show it in. */
export function secretsIn(address: string): string[] {
	const found: string[] = [];
	replaced(`"${address}"`, (secret) => found.push(secret));
	return spellingsOf(...found);
}

/** A password as it is, decoded and encoded as in an address. */
export function spellingsOf(...secrets: readonly string[]): string[] {
	const all = secrets.flatMap((secret) => {
		const plain = decoded(secret);
		const stripped = secret.replace(/\\(.)/g, '$1');
		return [
			secret,
			plain,
			stripped,
			...[secret, plain].flatMap((one) => [encodeURIComponent(one), encodeURI(one)]),
		];
	});
	return [...new Set(all)].filter((secret) => secret !== '' && secret !== SHOWN);
}

function replaced(text: string, found: (secret: string) => void): string {
	return spellings.reduce(
		(shown, { pattern, userinfo }) =>
			shown.replace(pattern, (_, before: string, inside: string, after: string) => {
				const colon = userinfo ? inside.search(/:|%3a/i) : -1;
				const open = colon < 0 ? '' : /^.*?(?::|%3a)/i.exec(inside)![0];
				const secret = inside.slice(open.length);
				if (secret === '' || secret === SHOWN) return before + inside + after;
				found(secret);
				return before + open + SHOWN + after;
			}),
		text,
	);
}

function without(text: string, secret: string): string {
	if (secret.length >= LEAST_INSIDE) return text.replaceAll(secret, SHOWN);
	const exactly = secret.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
	return text.replace(new RegExp(`(?<![\\p{L}\\p{N}])${exactly}(?![\\p{L}\\p{N}])`, 'gu'), () => SHOWN);
}

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}
