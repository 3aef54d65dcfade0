import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { configSchema } from '../../src/config/schema.js';
import { concernOf, credentialsOf, secretsOfCredentials } from '../../src/daemon/credentials.js';
import { loadConfig } from '../../src/daemon/settings.js';
import { createAuthority, hasOpenssl } from '../certificates.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';

const credentials = suite('who the box is to the broker');

const rest = { stations: { s: { camera: { source: '0' }, recipe: 'r' } }, recipes: { r: { model: 'm' } } };
const configOf = (mqtt: object) => configSchema.parse({ box: 't', mqtt, ...rest });

credentials('is the first line of a file as it stands', async () => {
	await using folder = await temporaryFolder();
	const passwordFile = join(folder.path, 'password');
	const usernameFile = join(folder.path, 'user');
	await writeFile(usernameFile, 'box 4\nmore');
	const config = configOf({ usernameFile, passwordFile });
	for (const [content, password] of [
		[' p w \n', ' p w '],
		['p\r\nsecond\r\n', 'p'],
		['\ufeffpäß', 'päß'],
	] as const) {
		await writeFile(passwordFile, content);
		assert.equal(await credentialsOf(config, {}), { username: 'box 4', password });
	}
	await writeFile(passwordFile, '\nsecond');
	assert.match(
		(await failureOf(credentialsOf(config, {}))).message,
		/^Cannot read password file ".*": its first line is empty$/,
	);
	assert.equal(await credentialsOf(configOf({ username: 'u' }), {}), { username: 'u' });
	assert.equal(await credentialsOf(configOf({}), {}), {});
});

credentials('is a credential of systemd, from the folder that it names', async () => {
	await using folder = await temporaryFolder();
	await writeFile(join(folder.path, 'mqtt-password'), 'geheim\n');
	const config = configOf({ username: 'u', passwordFile: 'credential:mqtt-password' });
	const env = { CREDENTIALS_DIRECTORY: folder.path };
	assert.equal(await credentialsOf(config, env), { username: 'u', password: 'geheim' });
	for (const none of [{}, { CREDENTIALS_DIRECTORY: '' }]) {
		const failure = await failureOf(credentialsOf(config, none));
		assert.match(failure.message, /"credential:mqtt-password": no credentials were handed to this process/);
		assert.match(failure.advice ?? '', /"mqtt-password" in LoadCredential/);
	}
	const absent = await failureOf(credentialsOf(configOf({ passwordFile: 'credential:other' }), env));
	assert.match(absent.message, /Cannot read password file ".*\/other": there is no such file/);
});

credentials('lies beside the configuration, and a credential where systemd puts it', async () => {
	await using folder = await temporaryFolder();
	const file = join(folder.path, 'line.yaml');
	const tls = '{ ca: ca.pem, cert: certs/box.pem, key: "credential:key" }';
	await writeFile(
		file,
		`box: t\nmqtt: { url: mqtts://h, usernameFile: user, passwordFile: "credential:pw", tls: ${tls} }\nstations: { s: { camera: { source: "0" }, recipe: r } }\nrecipes: { r: { model: m } }\n`,
	);
	const { mqtt } = await loadConfig(file, {});
	assert.is(mqtt.usernameFile, join(folder.path, 'user'));
	assert.is(mqtt.passwordFile, 'credential:pw');
	assert.equal(mqtt.tls, {
		ca: join(folder.path, 'ca.pem'),
		cert: join(folder.path, 'certs/box.pem'),
		key: 'credential:key',
		verify: true,
	});
});

credentials('is refused with words that help where a file cannot be what it is said to be', async () => {
	if (!hasOpenssl()) return;
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	const authority = createAuthority(at('authority'), 'good');
	const box = authority.sign('box', 'box');
	const other = authority.sign('other', 'other');
	const old = authority.sign('old', 'box', { days: -1 });
	const forServers = authority.sign('server', 'box', { use: 'serverAuth' });
	const der = at('box.der');
	execFileSync('openssl', ['x509', '-in', box.cert, '-outform', 'der', '-out', der]);
	const locked = at('locked.key');
	execFileSync('openssl', ['pkey', '-in', box.key, '-aes128', '-passout', 'pass:x', '-out', locked]);
	const pem = await readFile(box.cert, 'utf8');
	const lines = pem.split('\n');
	const damaged = [...lines.slice(0, 3), ...lines.slice(4)].join('\n');
	const both = `${await readFile(old.cert, 'utf8')}${await readFile(authority.cert, 'utf8')}`;
	for (const [name, content] of Object.entries({ empty: '', words: 'secret\n', damaged, both, pem }))
		await writeFile(at(name), content);
	await mkdir(at('folder'));
	const own = { cert: box.cert, key: box.key };
	const tried = (tls: object) => credentialsOf(configOf({ url: 'mqtts://h', tls }), {});
	for (const good of [own, { ca: authority.cert }, { ...own, ca: at('both') }, { verify: false, ...own }])
		assert.ok((await tried(good)).tls);
	const cases: readonly (readonly [tls: object, message: RegExp, advice: RegExp])[] = [
		[{ ca: at('absent') }, /^Cannot read certificate of the authority ".*absent": there is no such/, /path/],
		[{ ca: at('folder') }, /it is a folder/, /path/],
		[{ ca: at('empty') }, /it holds no certificate$/, /PEM/],
		[{ ca: at('words') }, /it holds no certificate$/, /PEM/],
		[{ ca: box.key }, /it holds no certificate, but a private key$/, /PEM/],
		[{ ca: der }, /or no text$/, /PEM/],
		[{ ca: at('damaged') }, /its certificate 1 is damaged$/, /PEM/],
		[{ ca: old.cert }, /it expired on .* GMT$/, /clock/],
		[{ ...own, cert: at('empty') }, /^Cannot use certificate ".*empty": it holds no certificate$/, /PEM/],
		[{ ...own, cert: old.cert }, /it expired on/, /clock/],
		[{ ...own, ...forServers }, /it is not made for clients$/, /clientAuth/],
		[
			{ ...own, key: other.key },
			/^Cannot use private key ".*": it does not belong to the certificate$/,
			/key/,
		],
		[{ ...own, key: box.cert }, /it holds no private key, but a certificate$/, /PEM/],
		[{ ...own, key: locked }, /it is encrypted$/, /passphrase/],
		[{ ...own, key: at('empty') }, /it holds no private key$/, /PEM/],
	];
	for (const [tls, message, advice] of cases) {
		const failure = await failureOf(tried(tls));
		assert.match(failure.message, message);
		assert.match(failure.advice ?? '', advice);
	}
	if (process.getuid?.() === 0) return;
	await chmod(at('words'), 0);
	assert.match((await failureOf(tried({ ca: at('words') }))).message, /permission denied/);
});

credentials('are a concern in the last two weeks of a certificate', async () => {
	if (!hasOpenssl()) return;
	await using folder = await temporaryFolder();
	const good = createAuthority(join(folder.path, 'good'), 'good');
	const concernFor = async (days: number) => {
		const tls = good.sign(`box-${days}`, 'box', { days });
		return concernOf(await credentialsOf(configOf({ url: 'mqtts://h', tls }), {}));
	};
	assert.match((await concernFor(13)) ?? '', /^this box's certificate expires on .* GMT$/);
	assert.is(await concernFor(15), undefined);
	assert.is(concernOf({ tls: { verify: true } }), undefined);
});

credentials('keeps the password and each line of the key secret', async () => {
	if (!hasOpenssl()) return;
	await using folder = await temporaryFolder();
	const box = createAuthority(join(folder.path, 'good'), 'good').sign('box', 'box');
	await writeFile(join(folder.path, 'password'), 'päss word\n');
	const config = configOf({
		url: 'mqtts://h',
		username: 'u',
		passwordFile: join(folder.path, 'password'),
		tls: { cert: box.cert, key: box.key },
	});
	const secrets = secretsOfCredentials(await credentialsOf(config, {}));
	for (const line of (await readFile(box.key, 'utf8')).split('\n').slice(1, 3))
		assert.ok(secrets.includes(line));
	assert.ok(secrets.includes('päss word'));
	assert.ok(secrets.includes(encodeURIComponent('päss word')));
	assert.not.ok(secrets.some((secret) => secret.startsWith('---')));
	assert.equal(secretsOfCredentials({}), []);
});

credentials.run();
