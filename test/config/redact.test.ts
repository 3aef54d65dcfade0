import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { secretsIn } from '../../src/base/secrets.js';
import { redacted, restored, unrestored } from '../../src/config/redact.js';

const shown = suite('a configuration as it is shown');

const standing = {
	box: 'press-7',
	mqtt: { url: ['mqtts://box:pw-one@b1', 'mqtts://box:pw-two@b2'], username: 'op' },
	stations: {
		lid: { camera: { source: 'rtsp://u:geheim@h/a' } },
		cap: { camera: { source: 'http://h/c?user=a&password=geheim2' } },
		tip: { camera: { source: 'gstreamer: rtspsrc user-pw="ge heim" location=x ! appsink' } },
		one: { camera: { source: 'rtsp://u:first@same/' } },
		two: { camera: { source: 'rtsp://u:second@same/' } },
		six: { camera: { source: '/data/geheim2/pictures' } },
	},
	recipes: { lid: { model: '/srv/***', threshold: 0.5 } },
};
const open = redacted(standing) as typeof standing;

shown('has no password', () => {
	const text = JSON.stringify(open);
	for (const secret of ['pw-one', 'pw-two', 'geheim', 'ge heim', 'first', 'second'])
		assert.not.ok(text.includes(secret), secret);
	assert.is(open.stations.lid.camera.source, 'rtsp://u:***@h/a');
	assert.is(open.mqtt.username, 'op');
	assert.equal(redacted(open), open, 'twice is once');
});

shown('means what stands when it comes back', () => {
	assert.equal(restored(open, open, standing), standing);
	assert.equal(restored(standing, open, standing), standing);
});

type Case = readonly [what: string, wanted: unknown, meant: unknown, unknown: readonly string[]];
const cases: readonly Case[] = [
	[
		'another station may have what was shown',
		{ stations: { new: { camera: { source: 'rtsp://u:***@h/a' } } } },
		{ stations: { new: { camera: { source: 'rtsp://u:geheim@h/a' } } } },
		[],
	],
	[
		'brokers in another order',
		{ mqtt: { url: [open.mqtt.url[1], open.mqtt.url[0]] } },
		{ mqtt: { url: ['mqtts://box:pw-two@b2', 'mqtts://box:pw-one@b1'] } },
		[],
	],
	['one broker of two', { mqtt: { url: open.mqtt.url[1] } }, { mqtt: { url: 'mqtts://box:pw-two@b2' } }, []],
	[
		'two that look alike stay where they are',
		{ stations: { two: open.stations.two, one: open.stations.one } },
		{ stations: { two: standing.stations.two, one: standing.stations.one } },
		[],
	],
	[
		'of two that look alike nobody knows which a third one is',
		{ stations: { x: { camera: { source: 'rtsp://u:***@same/' } } } },
		{ stations: { x: { camera: { source: 'rtsp://u:***@same/' } } } },
		['stations.x.camera.source'],
	],
	[
		'a password does not follow to another host',
		{ stations: { lid: { camera: { source: 'rtsp://u:***@evil/a' } } } },
		{ stations: { lid: { camera: { source: 'rtsp://u:***@evil/a' } } } },
		['stations.lid.camera.source'],
	],
	[
		'nor to a setting of another kind',
		{ mqtt: { clientId: 'rtsp://u:***@h/a', username: 'mqtts://box:***@b1', url: 'rtsp://u:***@h/a' } },
		{ mqtt: { clientId: 'rtsp://u:***@h/a', username: 'mqtts://box:***@b1', url: 'rtsp://u:***@h/a' } },
		['mqtt.clientId', 'mqtt.username', 'mqtt.url'],
	],
	[
		'three stars that are none stay',
		{ recipes: { lid: { model: '/srv/***' } } },
		{ recipes: { lid: { model: '/srv/***' } } },
		[],
	],
	['a name that every object has', { constructor: '***', __proto__: { a: 1 } }, { constructor: '***' }, []],
];

for (const [what, wanted, meant, unknown] of cases)
	shown(what, () => {
		assert.equal(restored(wanted, open, standing), meant);
		assert.equal(unrestored(meant), unknown);
	});

shown('has nothing of any address that is secret, and gives every one back', () => {
	const part = fc.string({ unit: fc.constantFrom(...'abz01@:/?#%&= "\'\\.'), minLength: 1, maxLength: 10 });
	fc.assert(
		fc.property(
			part,
			part,
			fc.constantFrom('rtsp://', 'http://', 'gstreamer: x user-pw='),
			(user, word, scheme) => {
				const value = { stations: { a: { camera: { source: `${scheme}${user}:${word}@host/x` } } } };
				const open = redacted(value);
				for (const secret of secretsIn(value.stations.a.camera.source))
					if (secret.length > 4)
						assert.not.ok(JSON.stringify(open).includes(JSON.stringify(secret).slice(1, -1)), secret);
				assert.equal(restored(open, open, value), value);
			},
		),
	);
});

shown.run();
