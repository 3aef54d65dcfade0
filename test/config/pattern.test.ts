import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
	brokerPatternFault,
	cameraPatternFault,
	isInside,
	letsBrokerIn,
	letsSourceIn,
} from '../../src/config/pattern.js';

const patterns = suite('patterns of what may be reached');

/** Links of a disk: what stands below a name lies elsewhere. */
const links: Readonly<Record<string, string>> = {
	'/data/link': '/etc',
	'/srv': '/mnt/sd',
	'/data/in': '/data/pics',
};

async function realPath(path: string): Promise<string> {
	const link = Object.keys(links).find((name) => path === name || path.startsWith(`${name}/`));
	return link === undefined ? path : links[link] + path.slice(link.length);
}

const let_in: Readonly<Record<string, readonly string[]>> = {
	'rtsp://10.0.3.*/**': [
		'rtsp://10.0.3.7/',
		'rtsp://10.0.3.7',
		'RTSP://10.0.3.7:554/a/b?c=d/e',
		'rtsp://user:pass@10.0.3.250/a',
		'rtsp://user:p%40ss@10.0.3.7/a',
	],
	'rtsp://10.0.3.7:*/stream*': ['rtsp://10.0.3.7:8554/stream1', 'rtsp://10.0.3.7/stream'],
	'rtsp://Cam-*.Plant.example/live': [
		'rtsp://cam-1.plant.EXAMPLE/live',
		'rtsp://u@cam-.plant.example:554/live',
	],
	'rtsp://**.plant.example/live/*/main': ['rtsp://a.b.plant.example/live/3/main'],
	'http://[fd00::7]/shot.jpg': ['http://[FD00:0:0::7]:80/shot.jpg'],
	'snapshot: http://10.0.3.7/cgi?**': [
		'snapshot: http://10.0.3.7/cgi?size=1/2',
		'snapshot:http://10.0.3.7/cgi?',
	],
	'/dev/video*': ['0', '12', '/dev/video3'],
	'2': ['/dev/video2', '02'],
	'/dev/v4l/by-id/*': ['/dev/v4l/by-id/usb-ACME_0815-video-index0'],
	'/data/pics/*': ['/data/pics/a', '/data/in/a', 'file:///data/pics/b%20c'],
	'/srv/cams/**': ['/srv/cams/a/b', '/mnt/sd/cams/a'],
	'/data/pics': ['/data/in'],
	'watch: /data/pics/*': ['watch: /data/in/a'],
	'sim:**': ['sim:?seed=1&defects=0.2'],
	'gstreamer: rtspsrc location=rtsp://10.0.3.*/a ! appsink': [
		'gstreamer: rtspsrc location=rtsp://10.0.3.7/a ! appsink',
	],
};

for (const [pattern, sources] of Object.entries(let_in))
	for (const source of sources)
		patterns(`"${pattern}" lets "${source}" in`, async () => {
			assert.is(cameraPatternFault(pattern), undefined);
			assert.ok(await letsSourceIn([pattern], source, realPath));
		});

const kept_out: Readonly<Record<string, readonly string[]>> = {
	'rtsp://10.0.3.*/**': [
		'rtsp://10.0.3.7@evil.example/',
		'rtsp://10.0.3.7:554@evil.example/a',
		'rtsp://10.0.3.7%40evil.example/',
		'rtsp://10.0.3.7\\@evil.example/',
		'rtsp://evil.example\\@10.0.3.7/',
		'rtsp://evil.example/@10.0.3.7/',
		'rtsp://evil.example?@10.0.3.7/',
		'rtsp://evil.example#@10.0.3.7/',
		'rtsp://a@evil.example@10.0.3.7/',
		'rtsp://a:b/c@10.0.3.7/',
		'rtsp://10.0.3.7#@evil.example',
		'rtsp://10.0.3.7?@evil.example',
		'rtsp://10.0.3.7/@evil.example',
		'rtsp://10.0.3.com/',
		'rtsp://10.0.3.7.evil.example/',
		'rtsp://10.0.3.evil/',
		'rtsp://10.0.3./',
		'rtsp://10.0.3.7./',
		'rtsp://10.0.3.0x7/',
		'rtsp://10.0.3.007/',
		'rtsp://10.0.3.256/',
		'rtsp://10.0.775/',
		'rtsp://167772935/',
		'rtsp://[::ffff:10.0.3.7]/',
		'rtsp://10.0.4.7/',
		'rtsp://10.0.3.7:8554/',
		'rtsps://10.0.3.7/',
		'http://10.0.3.7/',
		'snapshot: http://10.0.3.7/',
		'rtsp://10.0.3.7/a/../b',
		'rtsp://10.0.3.7/a/..',
		'rtsp://10.0.3.7/%2e%2e/b',
		'rtsp://10.0.3.7/.%2E/b',
		'rtsp://10.0.3.7/a%2fb',
		'rtsp://10.0.3.7/a%5Cb',
		'rtsp://10.0.3.7/a%252fb',
		'rtsp://10.0.3.7/a%00',
		'rtsp://10.0.3.7/a%0d%0aHost:evil',
		'rtsp://10.0.3.7/a b',
		'rtsp://10.0.3.7/a\tb',
		'rtsp://10.0.3.7/ä',
		'rtsp://10.0.3.７/',
		'rtsp://10。0。3。7/',
		'rtsp://10.0.3.7:0554/',
		'rtsp://10.0.3.7:/a',
		'rtsp:///10.0.3.7/',
		'rtsp://10.0.3.*/a',
		'rtsp://**/a',
		'/rtsp://10.0.3.7/a',
		'gstreamer: rtspsrc location=rtsp://10.0.3.7/a ! appsink',
	],
	'rtsp://10.0.3.7/stream*': [
		'rtsp://10.0.3.7/stream/a',
		'rtsp://10.0.3.7/stream?a',
		'rtsp://10.0.3.7/a/stream',
	],
	'rtsp://10.0.3.7': ['rtsp://10.0.3.7/a'],
	'rtsp://*.plant.example/**': [
		'rtsp://plant.example/',
		'rtsp://a.b.plant.example/',
		'rtsp://a.plant.example.evil/',
		'rtsp://aplant.example/',
		'rtsp://evil/.plant.example/',
		'rtsp://a.plant.examp1e/',
	],
	'http://*/**': [
		'http://2130706433/',
		'http://0x7f000001/',
		'http://0x7f.1/',
		'http://127.1/',
		'http://127.0.0.1/',
	],
	'http://[fd00::7]/**': ['http://[fd00::8]/', 'http://[fd00::7%25eth0]/', 'http://fd00::7/'],
	'/dev/v4l/by-id/*': ['/dev/video0', '/dev/v4l/by-path/x', '/dev/v4l/by-id/../../sda'],
	'/dev/video*': ['/dev/video1/../sda', '/dev/mem', '/etc/passwd', 'watch: /dev/video1'],
	'/data/**': ['/data/link/passwd', '/data/../etc', 'file:///data/%2e%2e/etc', 'data/a', './data/a'],
	'/data/pics/*': ['/data/pics/a/b', '/data/pics', '/data/pics2/a'],
	'watch: /data/pics/*': ['watch-all: /data/pics/a', '/data/pics/a'],
	'/srv/*': ['/etc/a'],
	'gstreamer: rtspsrc location=rtsp://10.0.3.*/a ! appsink': [
		'gstreamer: rtspsrc location=rtsp://10.0.3.7 ! filesink location=x ! fakesrc name=y/a ! appsink',
		'gstreamer: rtspsrc location=rtsp://10.0.3.7/b ! appsink',
		'gstreamer: rtspsrc location=rtsp://10.0.3.7@evil/a ! appsink',
	],
	'sim:?seed=*': ['sim:?seed=1&defects=0.2', '/a'],
};

for (const [pattern, sources] of Object.entries(kept_out))
	for (const source of sources)
		patterns(`"${pattern}" keeps ${JSON.stringify(source)} out`, async () => {
			assert.is(cameraPatternFault(pattern), undefined);
			assert.not.ok(await letsSourceIn([pattern], source, realPath));
		});

const brokers: readonly (readonly [pattern: string, address: string, isIn: boolean])[] = [
	['mqtts://broker-*.plant.example', 'mqtts://broker-2.plant.example:8883', true],
	['mqtts://broker-*.plant.example', 'mqtts://box:pw@broker-2.plant.example/', true],
	['mqtts://broker-*.plant.example', 'mqtt://broker-2.plant.example', false],
	['mqtts://broker-*.plant.example', 'mqtts://broker-2.plant.example:1883', false],
	['mqtts://broker-*.plant.example', 'mqtts://broker-2.plant.example@evil', false],
	['mqtts://broker-*.plant.example', 'mqtts://evil?broker-2.plant.example', false],
	['wss://hub/mqtt', 'wss://hub:443/mqtt', true],
	['wss://hub/mqtt', 'wss://hub/', false],
	['mqtt://10.*.0.1:*', 'mqtt://10.255.0.1:21883', true],
	['mqtt://10.*.0.1:*', 'mqtt://10.1.1.0.1', false],
];

for (const [pattern, address, isIn] of brokers)
	patterns(`"${pattern}" ${isIn ? 'lets' : 'keeps'} broker "${address}" ${isIn ? 'in' : 'out'}`, async () => {
		assert.is(brokerPatternFault(pattern), undefined);
		assert.is(await letsBrokerIn([pattern], address), isIn);
	});

const wrong: readonly (readonly [pattern: string, broker: boolean, fault: RegExp])[] = [
	['', false, /empty/],
	[' rtsp://a/', false, /blanks/],
	['rtsp://user@10.0.3.*/', false, /names a user/],
	['rtsp://user:pw@10.0.3.*/', false, /names a user/],
	['rtsp://[fd00::*]/', false, /IPv6/],
	['rtsp://10.0.3.*/***', false, /"\*\*\*"/],
	['ftp://10.0.3.7/', false, /no address/],
	['mqtt://a', false, /no camera speaks/],
	['snapshot: /a', false, /snapshot/],
	['watch: http://a/', false, /folder/],
	['watch:', false, /no folder/],
	['gstreamer: ** ! appsink', false, /pipeline/],
	['rtsp://a/', true, /mqtt/],
	['/a', true, /mqtt/],
	['snapshot: http://a', true, /mqtt/],
];

for (const [pattern, isBroker, fault] of wrong)
	patterns(`${JSON.stringify(pattern)} is no pattern of ${isBroker ? 'brokers' : 'sources'}`, () => {
		assert.match((isBroker ? brokerPatternFault : cameraPatternFault)(pattern) ?? '', fault);
	});

patterns('no spelling of a user, a path or a query brings another host in', async () => {
	const piece = fc.string({ unit: fc.constantFrom(...'@:/?#\\%.*[]&=a1 \t'), maxLength: 12 });
	// 10.0.3.71 is another host of the same pattern.
	const behind = piece.filter((text) => !text.startsWith('1'));
	await fc.assert(
		fc.asyncProperty(piece, behind, piece, async (a, b, c) => {
			const source = `http://${a}10.0.3.7${b}evil.example${c}`;
			const isIn = await letsSourceIn(['http://10.0.3.*/**'], source, realPath);
			if (isIn) assert.is(new URL(source).hostname, '10.0.3.7', source);
		}),
		{ numRuns: 2000 },
	);
});

patterns('a path lies inside of a folder when it does so behind all links', async () => {
	for (const [folder, path, isIn] of [
		['/data/pics', '/data/pics/a', true],
		['/data/pics', '/data/in/a', true],
		['/data', '/data/link/a', false],
		['/data/pics', '/data/pics', false],
		['/data/pics', '/data/pics2/a', false],
		['/srv/b', '/mnt/sd/b/lid@1c947c1d', true],
		['/', '/etc', true],
	] as const)
		assert.is(await isInside(folder, path, realPath), isIn, `${path} in ${folder}`);
});

patterns.run();
