/** Schemes of MQTT, and those of other tools with what to write instead. */
const schemes: Readonly<Record<string, string | true>> = {
	mqtt: true,
	mqtts: true,
	ws: true,
	wss: true,
	tcp: 'mqtt',
	http: 'ws',
	https: 'wss',
	ssl: 'mqtts',
	tls: 'mqtts',
	'mqtt+ssl': 'mqtts',
	'mqtt+tls': 'mqtts',
};

const EXAMPLE = 'write it like mqtt://host:1883 or mqtts://host:8883';

const inPassword = (sign: string, code: string) =>
	`the user or password holds "${sign}": write it ${code} there, or give username and passwordFile`;

/**
 * What is wrong with the address of a broker and what to write instead; undefined when it can be used. It is read as people write
 * addresses, not as the standard splits them: the last "@" ends what is secret. Never quotes what is secret.
 */
export function brokerAddressFault(text: string): string | undefined {
	if (text !== text.trim() || text === '') return `has blanks around it or is empty: ${EXAMPLE}`;
	const [, scheme = '', slashes = '', rest = ''] = /^([a-z][a-z0-9+.-]*):(\/*)(.*)$/is.exec(text) ?? [];
	const known = schemes[scheme.toLowerCase()];
	if (known === undefined) return `does not begin with mqtt://, mqtts://, ws:// or wss://: ${EXAMPLE}`;
	if (known !== true) return `begins with ${scheme}://, which is written ${known}:// here`;
	if (slashes !== '//') return `has ${slashes.length} slashes after "${scheme}:" instead of two: ${EXAMPLE}`;
	const at = rest.lastIndexOf('@');
	const [secret, place] = [rest.slice(0, Math.max(at, 0)), rest.slice(at + 1)];
	for (const [sign, code] of [
		['#', '%23'],
		['/', '%2F'],
		['?', '%3F'],
		['@', '%40'],
		[' ', '%20'],
	] as const)
		if (secret.includes(sign)) return inPassword(sign, code);
	if (/%(?![0-9a-f]{2})/i.test(secret)) return inPassword('%', '%25');
	if (!decodes(secret)) return 'the user or password holds a % code that is no UTF-8';
	if (/\s/.test(place)) return `holds a blank: ${EXAMPLE}`;
	const [, authority = '', path = ''] = /^([^/?#]*)(.*)$/s.exec(place) ?? [];
	const web = /^wss?$/i.test(scheme);
	if (!web && path !== '' && path !== '/')
		return `has "${path}" behind the host, which only ws:// and wss:// may have`;
	if (path.includes('#')) return 'has a "#" behind the host, which no broker ever sees: leave it out';
	return hostFault(authority) ?? (URL.canParse(text) ? undefined : `is no address: ${EXAMPLE}`);
}

/** Whether a right address is one with TLS. */
export function isEncrypted(address: string): boolean {
	return /^(mqtts|wss):/i.test(address);
}

/** A right address without what may be secret in it. */
export function openAddress(address: string): string {
	const url = new URL(address);
	url.username = '';
	url.password = '';
	url.search = '';
	return url.href;
}

/** Whether what is said to a right address stays on this machine. */
export function isLoopback(address: string): boolean {
	const { hostname } = new URL(address);
	return /^(localhost|127(\.\d+){3}|\[::1\])$/i.test(hostname);
}

/** What is wrong with the name that a certificate must be for; undefined when nothing is. */
export function serverNameFault(name: string): string | undefined {
	if (/^[\d.]+$/.test(name) || name.includes(':')) return 'is an address: the name of a server is no number';
	const level = '[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?';
	if (new RegExp(`^(?=.{1,253}$)${level}(\\.${level})*$`, 'i').test(name)) return undefined;
	return 'is no name of a server, like broker.plant.example';
}

function hostFault(authority: string): string | undefined {
	const [, bracketed, plain = '', port] =
		/^(?:(\[[^\]]*\])|([^:]*))(?::(.*))?$/s.exec(authority) ??
		([undefined, undefined, undefined, undefined] as const);
	if (bracketed === undefined && (authority.match(/:/g)?.length ?? 0) > 1)
		return 'an IPv6 address stands in brackets, like mqtt://[::1]:1883';
	const host = bracketed ?? plain;
	if (host === '') return `has no host: ${EXAMPLE}`;
	if (host === '[]' || !URL.canParse(`mqtt://${host}`)) return `"${host}" is no host`;
	if (port === undefined) return undefined;
	const number = /^\d{1,10}$/.test(port) ? Number(port) : Number.NaN;
	if (!(number >= 1 && number <= 65_535)) return `the port is "${port}": it is a number from 1 to 65535`;
	return undefined;
}

function decodes(text: string): boolean {
	try {
		decodeURIComponent(text);
		return true;
	} catch {
		return false;
	}
}
