import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { brokerAddressFault, openAddress } from '../../src/config/address.js';

const addresses = suite('the address of a broker');

for (const text of [
	'mqtt://localhost',
	'mqtt://127.0.0.1:1883/',
	'mqtts://broker.example:8883',
	'mqtt://[::1]:1883',
	'mqtt://[fe80::1]',
	'ws://host:9001/mqtt?x=1',
	'wss://host/a',
	'mqtt://box:p%40ss%23@host:1883',
	'mqtt://box@host',
]) {
	addresses(`may be ${text}`, () => assert.is(brokerAddressFault(text), undefined));
}

/** The fault, which never shows the password "s3cret". */
const faulty: readonly (readonly [text: string, fault: RegExp])[] = [
	['mqtt://127.0.0.1:99999', /the port is "99999": it is a number from 1 to 65535/],
	['mqtt://host:0', /the port is "0"/],
	['mqtt://host:', /the port is ""/],
	['mqtt://host:18 83', /holds a blank/],
	['mqtt://host:1883a', /the port is "1883a"/],
	['mqtt://box:50%off@host', /holds "%": write it %25/],
	['mqtt://box:s3cret#01@host', /holds "#": write it %23/],
	['mqtt://box:s3cret/01@host', /holds "\/": write it %2F/],
	['mqtt://box:s3cret?@host', /holds "\?": write it %3F/],
	['mqtt://box:s3cret@home@host', /holds "@": write it %40/],
	['mqtt://box:s3cret %20x@host', /holds " ": write it %20/],
	['mqtt://box:%ff@host', /no UTF-8/],
	['mqtt://::1:1883', /in brackets/],
	['mqtt://', /no host/],
	['mqtt://:1883', /no host/],
	['mqtt:host', /0 slashes/],
	['mqtt:///host', /3 slashes/],
	['host:1883', /does not begin with/],
	['tcp://host:1883', /written mqtt:\/\//],
	['ssl://host:8883', /written mqtts:\/\//],
	['mqtt+ssl://host', /written mqtts:\/\//],
	['http://host', /written ws:\/\//],
	['ftp://host', /does not begin with/],
	['mqtt://host:1883/topic', /"\/topic" behind the host/],
	['ws://host/#x', /"#" behind the host/],
	[' mqtt://host', /blanks/],
	['mqtt://ho st', /blank/],
	['mqtt://a<b', /no host|no address/],
	['', /empty/],
];

for (const [text, fault] of faulty) {
	addresses(`is not ${text || 'nothing'}`, () => {
		const said = brokerAddressFault(text);
		assert.match(said ?? '', fault);
		assert.not.match(said ?? '', /s3cret/);
	});
}

for (const [address, shown] of [
	['mqtt://u:s3cret@host:1883', 'mqtt://host:1883'],
	['mqtts://u@h', 'mqtts://h'],
	['wss://u:s3cret@h:9/a?token=s3cret', 'wss://h:9/a'],
	['mqtt://[::1]', 'mqtt://[::1]'],
] as const)
	addresses(`is shown as ${shown}`, () => assert.is(openAddress(address), shown));

addresses.run();
