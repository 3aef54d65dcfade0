import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { type CameraSource, parseSource, sourceFrom } from '../../src/vision/source.js';

const sources = suite('a camera source');

const right: Readonly<Record<string, CameraSource>> = {
	'0': { kind: 'device', device: '0' },
	'/dev/video2': { kind: 'device', device: '/dev/video2' },
	'/dev/v4l/by-id/usb-ACME_0815-video-index0': {
		kind: 'device',
		device: '/dev/v4l/by-id/usb-ACME_0815-video-index0',
	},
	'/dev/inspectord/camera-0815': { kind: 'device', device: '/dev/inspectord/camera-0815' },
	'/dev/v4l/by-id/a/b': { kind: 'file', path: '/dev/v4l/by-id/a/b' },
	'/dev/shm/pictures': { kind: 'file', path: '/dev/shm/pictures' },
	'rtsp://user:pw@192.0.2.1/s': { kind: 'stream', url: 'rtsp://user:pw@192.0.2.1/s' },
	'http://192.0.2.1/stream.mjpg': { kind: 'stream', url: 'http://192.0.2.1/stream.mjpg' },
	'gstreamer: videotestsrc ! appsink': { kind: 'gstreamer', pipeline: 'videotestsrc ! appsink' },
	'pictures/good': { kind: 'file', path: 'pictures/good' },
	'/data/film.mp4': { kind: 'file', path: '/data/film.mp4' },
	'file:///data/my%20pictures': { kind: 'file', path: '/data/my pictures' },
	'file://localhost/data/a%23b%25': { kind: 'file', path: '/data/a#b%' },
	'file:/data/gr%C3%BCn': { kind: 'file', path: '/data/grün' },
	'FILE:///data/x': { kind: 'file', path: '/data/x' },
	'/data/my%20pictures': { kind: 'file', path: '/data/my%20pictures' },
	'watch: /data/in': { kind: 'watch', path: '/data/in', existing: false },
	'watch-all: in': { kind: 'watch', path: 'in', existing: true },
	'watch: file:///data/my%20in': { kind: 'watch', path: '/data/my in', existing: false },
	'snapshot: http://192.0.2.1/jpg': { kind: 'snapshot', url: 'http://192.0.2.1/jpg' },
	'Snapshot: http://192.0.2.1/jpg': { kind: 'snapshot', url: 'http://192.0.2.1/jpg' },
	'WATCH: /data/in': { kind: 'watch', path: '/data/in', existing: false },
	'GStreamer: videotestsrc ! appsink': { kind: 'gstreamer', pipeline: 'videotestsrc ! appsink' },
	'HTTP://192.0.2.1/s': { kind: 'stream', url: 'HTTP://192.0.2.1/s' },
	'sim:': { kind: 'sim', sim: { seed: 1, defects: 0.2, count: undefined, fps: 2 } },
	'sim:?seed=3&defects=0&count=10&fps=5': { kind: 'sim', sim: { seed: 3, defects: 0, count: 10, fps: 5 } },
};

for (const [text, source] of Object.entries(right)) {
	sources(`"${text}" is a ${source.kind}`, () => assert.equal(parseSource(text), source));
}

for (const text of [
	'',
	'  ',
	'ftp://x/y',
	'gstreamer: videotestsrc',
	'file://',
	'watch:',
	'watch: file:///100%',
	'snapshot: rtsp://192.0.2.1/s',
	'snapshot:',
	'file:///data/100%',
	'file:///data/%ff',
	'file:///data/a%00b',
	'file:///data/part#3',
	'file:///data/x?y',
	'sim:?speed=1',
	'sim:?defects=2',
	'sim:?count=1.5',
	'sim:?seed=',
]) {
	sources(`"${text}" is refused with what would be right`, () => {
		assert.throws(
			() => parseSource(text),
			(thrown: unknown) => thrown instanceof Failure && thrown.advice?.includes('rtsp://') === true,
		);
	});
}

sources('keeps what it is when its path is resolved', () => {
	const resolve = (path: string) => (path.startsWith('/') ? path : `/base/${path}`);
	assert.is(sourceFrom('pictures', resolve), '/base/pictures');
	assert.is(sourceFrom('file:///a%20b', resolve), '/a b');
	assert.is(sourceFrom('watch: in', resolve), 'watch: /base/in');
	assert.is(sourceFrom('watch-all: in', resolve), 'watch-all: /base/in');
	assert.is(sourceFrom('rtsp://192.0.2.1/s', resolve), 'rtsp://192.0.2.1/s');
});

sources.run();
