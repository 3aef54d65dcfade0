import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whether OpenSSL is there to make certificates; says so where not. */
export function hasOpenssl(): boolean {
	if (existsSync('/usr/bin/openssl')) return true;
	console.log('skipped: openssl is not installed');
	return false;
}

/** The paths of a certificate and its private key, in PEM. */
export type Pair = { readonly cert: string; readonly key: string };

export type Authority = Pair & {
	/** A certificate for `name`; days below 0: it has expired. */
	sign(file: string, name: string, options?: SignOptions): Pair;
	/** Revokes what was signed as `file`. @returns the path of the list of what is revoked */
	revoke(file: string): string;
};

export type SignOptions = {
	readonly use?: 'serverAuth' | 'clientAuth';
	/** Names and addresses as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1". */
	readonly names?: string;
	readonly days?: number;
};

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** An authority of its own, whose files lie in `folder`. */
export function createAuthority(folder: string, name: string): Authority {
	mkdirSync(folder, { recursive: true });
	const pair = pairIn(folder, 'authority');
	const ca = [
		'-addext',
		'basicConstraints=critical,CA:TRUE',
		'-addext',
		'keyUsage=critical,keyCertSign,cRLSign',
	];
	openssl(
		'req',
		'-x509',
		...CURVE,
		'-keyout',
		pair.key,
		'-out',
		pair.cert,
		'-days',
		'2',
		...ca,
		...subject(name),
	);
	return {
		...pair,
		sign: (file, commonName, { use = 'clientAuth', names, days = 2 } = {}) => {
			const made = pairIn(folder, file);
			const request = join(folder, `${file}.csr`);
			const extensions = join(folder, `${file}.ext`);
			const alternatives = names === undefined ? '' : `subjectAltName=${names}\n`;
			writeFileSync(extensions, `${alternatives}extendedKeyUsage=${use}\n`);
			openssl('req', '-new', ...CURVE, '-keyout', made.key, '-out', request, ...subject(commonName));
			const by = ['-CA', pair.cert, '-CAkey', pair.key, '-CAcreateserial', '-extfile', extensions];
			openssl('x509', '-req', '-in', request, ...by, '-days', `${days}`, '-out', made.cert);
			return made;
		},
		revoke: (file) => {
			const at = (name: string) => join(folder, name);
			const lines = ['[ca]', 'default_ca = own', '[own]', `database = ${at('index')}`, 'default_md = sha256'];
			writeFileSync(at('ca.conf'), `${lines.join('\n')}\ndefault_crl_days = 2\n`);
			writeFileSync(at('index'), '');
			const by = ['-config', at('ca.conf'), '-cert', pair.cert, '-keyfile', pair.key];
			openssl('ca', ...by, '-revoke', at(`${file}.pem`));
			openssl('ca', ...by, '-gencrl', '-out', at('revoked.pem'));
			return at('revoked.pem');
		},
	};
}

/** What a box reads of these files. */
export function tlsOf(ca: string, own?: Pair) {
	const read = (path: string) => readFileSync(path, 'utf8');
	return { ca: read(ca), verify: true, ...(own && { cert: read(own.cert), key: read(own.key) }) };
}

function pairIn(folder: string, name: string): Pair {
	return { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
}

const subject = (name: string) => ['-subj', `/CN=${name}`];

function openssl(...args: string[]): void {
	execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
