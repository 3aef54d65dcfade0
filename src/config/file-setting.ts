/** What a systemd unit hands over with LoadCredential= and its like, instead of a path (systemd.exec(5)). */
const CREDENTIAL = 'credential:';

/** Of the name of a credential: systemd's own rule, and no way out of its folder. */
const named = /^(?!.*\.\.)(?!\.$)[!-.0-9;-~]{1,255}$/;

/** What is wrong with a setting that names a file, or a credential as `credential:NAME`; undefined when nothing is. */
export function fileFault(text: string): string | undefined {
	if (text.trim() === '') return 'is empty: write the path of a file, or credential:NAME';
	if (text.includes('\0')) return 'has a character that no path may hold';
	const name = credentialIn(text);
	if (name === undefined)
		return /^credentials?\s*:/i.test(text) ? 'names a credential: write it credential:NAME' : undefined;
	if (named.test(name)) return undefined;
	return `names no credential: NAME in credential:NAME is up to 255 letters, digits and signs, without blanks, "/", ":" and ".."`;
}

/** The name of the credential that a setting stands for; undefined when it is a path. */
export function credentialIn(text: string): string | undefined {
	return text.startsWith(CREDENTIAL) ? text.slice(CREDENTIAL.length) : undefined;
}
