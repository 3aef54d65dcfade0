import { join } from 'node:path';
import { Failure } from '../base/failure.js';
import { spellingsOf } from '../base/secrets.js';
import { credentialIn } from '../config/file-setting.js';
import type { Config } from '../config/schema.js';
import { readText } from '../disk/text.js';
import { tlsConcern, tlsFault } from '../mqtt/certificates.js';
import type { Credentials, Tls } from '../mqtt/connection.js';

type Env = Readonly<Record<string, string | undefined>>;

const files = {
	usernameFile: 'user file',
	passwordFile: 'password file',
	ca: 'certificate of the authority',
	cert: 'certificate',
	key: 'private key',
} as const;

/** A certificate that ends within two weeks is told. */
const SOON_MS = 14 * 86_400_000;

/** Shorter lines of a private key tell nothing of it. */
const LEAST_LINE = 12;

/**
 * Who this box is to the broker, as its files are now. @throws Failure file-unreadable, certificate-invalid when no broker could be
 * met with what they hold
 */
export async function credentialsOf({ mqtt }: Pick<Config, 'mqtt'>, env: Env): Promise<Credentials> {
	const { usernameFile, passwordFile } = mqtt;
	const username =
		usernameFile === undefined ? mqtt.username : await firstLine(usernameFile, files.usernameFile, env);
	const password =
		passwordFile === undefined ? undefined : await firstLine(passwordFile, files.passwordFile, env);
	const tls = mqtt.tls && (await tlsOf(mqtt.tls, env));
	return {
		...(username !== undefined && { username }),
		...(password !== undefined && { password }),
		...(tls && { tls }),
	};
}

/** What of credentials will be wrong soon, in words. */
export function concernOf({ tls }: Credentials): string | undefined {
	return tls && tlsConcern(tls, Date.now(), SOON_MS);
}

/** What of credentials must never be shown: the password, and every line of the private key. */
export function secretsOfCredentials({ password = '', tls }: Credentials): string[] {
	const lines = (tls?.key ?? '').split(/\r?\n/).filter((line) => !line.startsWith('-----'));
	return [...spellingsOf(password), ...lines.filter((line) => line.length >= LEAST_LINE)];
}

async function tlsOf(
	{ verify, serverName, ...named }: NonNullable<Config['mqtt']['tls']>,
	env: Env,
): Promise<Tls> {
	const tls: { -readonly [K in keyof Tls]: Tls[K] } = { verify };
	if (serverName !== undefined) tls.serverName = serverName;
	for (const part of ['ca', 'cert', 'key'] as const) {
		const setting = named[part];
		if (setting !== undefined)
			tls[part] = await textOf(
				setting,
				files[part],
				env,
				'Give it in PEM: the text that begins with -----BEGIN.',
			);
	}
	const fault = tlsFault(tls, Date.now());
	if (!fault) return tls;
	const { part, state, advice } = fault;
	throw new Failure('certificate-invalid', `Cannot use ${files[part]} "${named[part]}": ${state}`, advice);
}

/** As it stands, without the end of the line. */
async function firstLine(setting: string, what: string, env: Env): Promise<string> {
	const [line = ''] = (await textOf(setting, what, env)).split(/\r?\n/);
	if (line !== '') return line;
	throw new Failure(
		'file-unreadable',
		`Cannot read ${what} "${setting}": its first line is empty`,
		`Write the ${what.split(' ')[0]} there, and nothing else.`,
	);
}

async function textOf(setting: string, what: string, env: Env, advice?: string): Promise<string> {
	const credential = credentialIn(setting);
	if (credential === undefined) return readText(setting, what, advice);
	const { CREDENTIALS_DIRECTORY: folder } = env;
	if (folder !== undefined && folder !== '') return readText(join(folder, credential), what, advice);
	throw new Failure(
		'file-unreadable',
		`Cannot read ${what} "${setting}": no credentials were handed to this process`,
		`Name "${credential}" in LoadCredential of the systemd unit; outside of one there is none.`,
	);
}
