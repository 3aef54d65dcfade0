import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { masked, secretsIn, spellingsOf } from '../../src/base/secrets.js';

const secrets = suite('what is secret in a text');

/** Texts as they are and as they may be shown. */
const shown: Readonly<Record<string, string>> = {
	'rtsp://u:secret@h/s': 'rtsp://u:***@h/s',
	'mqtt://h:1883': 'mqtt://h:1883',
	'no address': 'no address',
	'a "mqtt://box:s3cret#01@127.0.0.1:1883": b': 'a "mqtt://box:***@127.0.0.1:1883": b',
	'mqtt://box:50%off@h': 'mqtt://box:***@h',
	'rtsp://u:p%40ss@h': 'rtsp://u:***@h',
	'rtsp://u:p@ss@h:554/a': 'rtsp://u:***@h:554/a',
	'rtsp://u:p/a#s?s@h/x': 'rtsp://u:***@h/x',
	'rtsp://:pw@h': 'rtsp://:***@h',
	'https://token@h/x': 'https://***@h/x',
	'Cannot open "rtsp://u:p w@h": x': 'Cannot open "rtsp://u:***@h": x',
	'Cannot open "rtsp://u:p"w@h": x': 'Cannot open "rtsp://u:***@h": x',
	"input: 'mqtt://box:50%off@h'": "input: 'mqtt://box:***@h'",
	'"rtsp://u:a@h1" or "rtsp://u:b@h2" or rtsp://u:c@h3':
		'"rtsp://u:***@h1" or "rtsp://u:***@h2" or rtsp://u:***@h3',
	'rtsp://u:a@h1,rtsp://u:b@h2': 'rtsp://u:***@h2',
	'mqtt:/u:geheim@h': 'mqtt:/u:***@h',
	'mqtt:u:geheim@h': 'mqtt:***@h',
	'box:geheim@h:1883': 'box:***@h:1883',
	'http://p/?to=rtsp%3A%2F%2Fu%3Apw%40h&x=1': 'http://p/?to=rtsp%3A%2F%2Fu%3A***%40h&x=1',
	'http://h/snap?user=admin&password=ge"heim&x=1': 'http://h/snap?user=admin&password=***&x=1',
	'"http://h/c?usr=a&pwd=geheim"': '"http://h/c?usr=a&pwd=***"',
	'http://h/c?loginuse=a&loginpas=b': 'http://h/c?loginuse=a&loginpas=***',
	'http://h/c?access_token=abc.def-g': 'http://h/c?access_token=***',
	'rtspsrc location=rtsp://h/s user-id=op user-pw=geheim ! appsink':
		'rtspsrc location=rtsp://h/s user-id=op user-pw=*** ! appsink',
	'rtspsrc user-pw="ge \\"heim" latency=0': 'rtspsrc user-pw="***" latency=0',
	"rtspsrc user-pw = 'ge heim' ! x": "rtspsrc user-pw = '***' ! x",
	'rtspsrc user-pw=(string)geheim ! x': 'rtspsrc user-pw=(string)*** ! x',
	'rtspsrc user-pw="geheim ! x': 'rtspsrc user-pw="*** ! x',
	'{"user":"u","password": "ge heim"}': '{"user":"u","password": "***"}',
	'Authorization: Basic dTpwdw==': 'Authorization: Basic ***',
	// What is none stays as it is.
	'[ WARN:0@0.061] global cap.cpp (2075)': '[ WARN:0@0.061] global cap.cpp (2075)',
	'at x (file:///w/node_modules/@u4/a/b.js:3:2)': 'at x (file:///w/node_modules/@u4/a/b.js:3:2)',
	'[rtsp @ 0x55d0] method DESCRIBE failed: 401': '[rtsp @ 0x55d0] method DESCRIBE failed: 401',
	'everyMs=3 max-buffers=1 drop=true framerate=30/1': 'everyMs=3 max-buffers=1 drop=true framerate=30/1',
	'"rtsp://[fe80::1]:554/s"': '"rtsp://[fe80::1]:554/s"',
	'{"url":"mqtt://h:1883","mail":"a@b"}': '{"url":"mqtt://h:1883","mail":"a@b"}',
	'press-7: running, 12:30:05': 'press-7: running, 12:30:05',
};

for (const [text, right] of Object.entries(shown)) {
	secrets(`${text} is shown as ${right}`, () => {
		assert.is(masked(text), right);
		assert.is(masked(right), right, 'twice is once');
		assert.is(new Failure('usage', text, text).message, right, 'a failure never holds it');
	});
}

secrets('what is configured is found as it stands, decoded and encoded', () => {
	const known = secretsIn('mqtt://box:p%40ss word@h');
	assert.is(masked('bad user box with p@ss word, p%40ss%20word', known), 'bad user box with ***, ***');
	assert.ok(
		secretsIn('gstreamer: rtspsrc location=rtsp://a:geheim1@h user-pw=geheim2 ! appsink').includes('geheim1'),
	);
	assert.ok(
		secretsIn('gstreamer: rtspsrc location=rtsp://a:geheim1@h user-pw=geheim2 ! appsink').includes('geheim2'),
	);
	assert.equal(secretsIn('/dev/video0'), []);
	assert.equal(spellingsOf(''), []);
	assert.is(
		masked('the library says: "a $& b" is wrong', spellingsOf('a $& b')),
		'the library says: "***" is wrong',
	);
});

secrets('a short password does not blacken words that hold it', () => {
	assert.is(masked('Cannot open camera "cam": busy', ['cam']), 'Cannot open camera "***": busy');
});

secrets('any text with any password keeps none of it', () => {
	const pieces = ['@', '#', '/', '%', '%40', ':', '?', '&', '=', "'", '"', '\\', ' ', 'x9', '!', '$&', 'é'];
	for (let seed = 1; seed <= 2000; seed += 1) {
		const of = (n: number, i: number) => Math.floor(seed / n ** i) % n;
		const password = `Q${[0, 1, 2].map((i) => pieces[of(pieces.length, i)]).join('Z')}Q`;
		for (const text of [
			`Cannot open "rtsp://u:${password}@h/s": no`,
			`gstreamer: rtspsrc location=x user-pw=${password} ! appsink`,
			`the library shows ${password} alone and ${encodeURIComponent(password)}`,
		]) {
			const left = masked(text, spellingsOf(password));
			assert.not.match(left, /[QZ]/, `${text} → ${left}`);
			assert.is(masked(left, spellingsOf(password)), left);
		}
	}
});

secrets.run();
