import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { addressesOf } from '../../src/config/broker.js';
import { faultLine, parseConfig } from '../../src/config/parse.js';

const broker = suite('the settings of the broker');

const rest = `box: t
stations: { s: { camera: { source: "0" }, recipe: r } }
recipes: { r: { model: m } }
`;

const good: readonly (readonly [mqtt: string, addresses: readonly string[]])[] = [
	['{}', ['mqtt://localhost:1883']],
	['{ url: mqtt://h }', ['mqtt://h']],
	['{ url: [mqtt://h] }', ['mqtt://h']],
	['{ url: [mqtts://h, wss://i/mqtt] }', ['mqtts://h', 'wss://i/mqtt']],
	['{ url: [mqtt://h, ws://i] }', ['mqtt://h', 'ws://i']],
	['{ url: [mqtts://h, mqtt://localhost] }', ['mqtts://h', 'mqtt://localhost']],
	['{ url: [wss://h, "mqtt://[::1]:1884"] }', ['wss://h', 'mqtt://[::1]:1884']],
	['{ url: mqtts://h, tls: {} }', ['mqtts://h']],
	['{ url: mqtts://h, tls: { ca: ca.pem, cert: c.pem, key: c.key, serverName: h.example } }', ['mqtts://h']],
	['{ url: MQTTS://h, tls: { verify: false, cert: c, key: k } }', ['MQTTS://h']],
	['{ url: mqtts://h, tls: { ca: "credential:plant-ca", verify: true } }', ['mqtts://h']],
	['{ usernameFile: u, passwordFile: "credential:pw_1.x@a" }', ['mqtt://localhost:1883']],
	['{ passwordFile: token }', ['mqtt://localhost:1883']],
	['{ expiryS: 0 }', ['mqtt://localhost:1883']],
];

for (const [mqtt, addresses] of good)
	broker(`may be ${mqtt}`, () => {
		const parsed = parseConfig(`${rest}mqtt: ${mqtt}\n`);
		assert.ok('config' in parsed, JSON.stringify(parsed));
		assert.equal(addressesOf(parsed.config.mqtt), addresses);
	});

/** Each with the whole path of its fault; no fault shows the password "s3cret". */
const faulty: readonly (readonly [mqtt: string, faults: readonly RegExp[]])[] = [
	['{ url: [] }', [/mqtt.url: .*list/]],
	['{ url: {} }', [/mqtt.url: expected a string or a(n)? (array|list)/]],
	['{ url: [mqtt://h, 5] }', [/mqtt.url.1: expected string.*read was 5/]],
	['{ url: [mqtt://h, [mqtt://i]] }', [/mqtt.url.1: expected string/]],
	[
		'{ url: ["mqtt://u:s3cret#@h", mqtt://i, http://j] }',
		[/mqtt.url.0: .*holds "#"/, /mqtt.url.2: begins with http/],
	],
	['{ url: [mqtt://h, mqtt://h] }', [/mqtt.url.1: is in the list already/]],
	['{ url: [mqtts://h, mqtt://i] }', [/mqtt.url.1: is without TLS, and others/]],
	['{ url: [ws://h, wss://i, mqtt://127.0.0.1] }', [/mqtt.url.0: is without TLS/]],
	[`{ url: [${Array.from({ length: 9 }, (_, i) => `mqtt://h${i}`).join(', ')}] }`, [/mqtt.url: /]],
	['{ url: [mqtt://h, "mqtt://u:s3cret@i"], username: u }', [/mqtt.username: the address has a user/]],
	['{ url: "mqtt://u:s3cret@i", usernameFile: u }', [/mqtt.usernameFile: the address has a user/]],
	['{ username: a, usernameFile: u }', [/mqtt.usernameFile: there is username already/]],
	['{ version: "3.1.1", passwordFile: p }', [/mqtt.passwordFile: MQTT 3.1.1 has no password without/]],
	['{ url: mqtt://h, tls: {} }', [/mqtt.tls: no address is with TLS/]],
	['{ url: mqtts://h, tls: { key: k } }', [/mqtt.tls.key: is without its certificate/]],
	['{ url: mqtts://h, tls: { cert: k } }', [/mqtt.tls.cert: is without its private key/]],
	[
		'{ url: mqtts://h, tls: { ca: c, serverName: h, verify: false } }',
		[/mqtt.tls.ca: says whom to believe/, /mqtt.tls.serverName: says whom to believe/],
	],
	['{ url: mqtts://h, tls: { verify: "false" } }', [/mqtt.tls.verify: .*write false without quotes/]],
	['{ url: mqtts://h, tls: { cafile: x } }', [/mqtt.tls.cafile: unknown key/]],
	['{ url: mqtts://h, tls: { serverName: 10.0.0.1 } }', [/mqtt.tls.serverName: is an address/]],
	['{ url: mqtts://h, tls: { serverName: "a b" } }', [/mqtt.tls.serverName: is no name/]],
	['{ url: mqtts://h, tls: { serverName: "mqtts://a" } }', [/mqtt.tls.serverName: /]],
	['{ url: mqtts://h, tls: { serverName: "*.a" } }', [/mqtt.tls.serverName: is no name/]],
	['{ passwordFile: "" }', [/mqtt.passwordFile: is empty/]],
	['{ passwordFile: "  " }', [/mqtt.passwordFile: is empty/]],
	['{ passwordFile: "a\\0b" }', [/mqtt.passwordFile: has a character/]],
	['{ passwordFile: "credential:" }', [/mqtt.passwordFile: names no credential/]],
	['{ passwordFile: "credential:a/b" }', [/names no credential/]],
	['{ passwordFile: "credential:.." }', [/names no credential/]],
	['{ passwordFile: "credential:a..b" }', [/names no credential/]],
	['{ passwordFile: "credential:." }', [/names no credential/]],
	['{ passwordFile: "credential: pw" }', [/names no credential/]],
	['{ passwordFile: "credential:größe" }', [/names no credential/]],
	[`{ passwordFile: "credential:${'a'.repeat(256)}" }`, [/names no credential/]],
	['{ passwordFile: "Credential:a" }', [/write it credential:NAME/]],
	['{ passwordFile: "credentials:a" }', [/write it credential:NAME/]],
	['{ passwordFile: 5 }', [/mqtt.passwordFile: expected string/]],
	['{ expiryS: -1 }', [/mqtt.expiryS: /]],
	['{ expiryS: 4294967296 }', [/mqtt.expiryS: /]],
];

for (const [mqtt, faults] of faulty)
	broker(`may not be ${mqtt.slice(0, 70)}`, () => {
		const parsed = parseConfig(`${rest}mqtt: ${mqtt}\n`);
		assert.ok('faults' in parsed);
		const lines = parsed.faults.map((fault) => faultLine('x.yaml', fault));
		assert.is(lines.length, faults.length, lines.join('\n'));
		for (const [i, fault] of faults.entries()) assert.match(lines[i]!, fault);
		assert.not.match(lines.join('\n'), /s3cret/);
		assert.match(lines.join('\n'), /^x\.yaml:4:/);
	});

broker.run();
