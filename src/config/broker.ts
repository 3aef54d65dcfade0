import { isEncrypted, isLoopback } from './address.js';
import type { Config } from './schema.js';
import type { Path } from './yaml.js';

type Mqtt = Config['mqtt'];
type Found = { readonly path: Path; readonly message: string };

/** The brokers that stand for one another, in the order in which they are tried. */
export function addressesOf({ url }: Pick<Mqtt, 'url'>): readonly string[] {
	return typeof url === 'string' ? [url] : url;
}

/** What is wrong with the settings of the broker, each of which is right for itself. */
export function brokerFaults({ mqtt }: Pick<Config, 'mqtt'>): Found[] {
	const at = (key: string, message: string): Found => ({ path: ['mqtt', ...key.split('.')], message });
	return [...faultsOfAddresses(mqtt), ...faultsOfLogin(mqtt), ...faultsOfTls(mqtt)].map(([key, message]) =>
		at(key, message),
	);
}

type Fault = readonly [key: string, message: string];

function faultsOfAddresses(mqtt: Mqtt): Fault[] {
	const addresses = addressesOf(mqtt);
	const encrypted = addresses.some(isEncrypted);
	return addresses.flatMap((address, i): Fault[] => {
		const key = typeof mqtt.url === 'string' ? 'url' : `url.${i}`;
		if (addresses.indexOf(address) < i) return [[key, 'is in the list already']];
		// Whoever keeps a box from its first broker must not get to hear everything for it.
		if (encrypted && !isEncrypted(address) && !isLoopback(address))
			return [[key, 'is without TLS, and others of the list are with it: write mqtts:// or wss://']];
		return [];
	});
}

/** The broker is told one user. */
function faultsOfLogin(mqtt: Mqtt): Fault[] {
	const { username, usernameFile, passwordFile, version } = mqtt;
	const faults: Fault[] = [];
	if (username !== undefined && usernameFile !== undefined)
		faults.push(['usernameFile', 'there is username already: leave one of them out']);
	const given = (['username', 'usernameFile', 'passwordFile'] as const).find(
		(key) => mqtt[key] !== undefined,
	);
	const inAddress = addressesOf(mqtt).some((address) => {
		const { username: user, password } = new URL(address);
		return user !== '' || password !== '';
	});
	if (given && inAddress) faults.push([given, 'the address has a user already: leave one of them out']);
	const nameless = username === undefined && usernameFile === undefined && !inAddress;
	if (passwordFile !== undefined && nameless && version === '3.1.1')
		faults.push(['passwordFile', 'MQTT 3.1.1 has no password without a user: give username too']);
	return faults;
}

function faultsOfTls(mqtt: Mqtt): Fault[] {
	const { tls } = mqtt;
	if (!tls) return [];
	const { ca, cert, key, serverName, verify } = tls;
	const faults: Fault[] = [];
	if (!addressesOf(mqtt).some(isEncrypted))
		faults.push(['tls', 'no address is with TLS: write mqtts:// or wss:// in mqtt.url']);
	if (key !== undefined && cert === undefined)
		faults.push(['tls.key', 'is without its certificate: give mqtt.tls.cert too']);
	if (cert !== undefined && key === undefined)
		faults.push(['tls.cert', 'is without its private key: give mqtt.tls.key too']);
	for (const [name, value] of Object.entries({ ca, serverName }))
		if (!verify && value !== undefined)
			faults.push([
				`tls.${name}`,
				'says whom to believe, and verify: false says to believe whoever answers: leave one of them out',
			]);
	return faults;
}
