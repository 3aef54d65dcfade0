import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { placeOf } from '../../src/vision/place.js';

const places = suite('where a camera is');

const same: readonly (readonly [source: string, ...others: readonly string[]])[] = [
	['/dev/video0', '0', ' 0 ', 'gstreamer: v4l2src device=/dev/video0 ! videoconvert ! appsink'],
	[
		'rtsp://h/live?channel=1',
		'rtsp://user:secret@h/live?channel=1',
		'RTSP://other@H/live?channel=1',
		'gstreamer: rtspsrc latency=0 location="rtsp://u:p@h/live?channel=1" ! decodebin ! appsink',
	],
	['snapshot: http://h/jpg', 'snapshot: http://u:p@h/jpg'],
	['/pictures', 'file:///pictures', 'watch: /pictures', 'watch-all: /pictures'],
	[
		'gstreamer: nvarguscamerasrc sensor-id=0 ! appsink',
		'gstreamer: nvarguscamerasrc exposuretimerange="1 2" sensor_id=0 ! nvvidconv ! appsink drop=1',
	],
];

for (const [source, ...others] of same)
	places(`is the same for ${JSON.stringify([source, ...others])}`, () => {
		for (const other of others) assert.is(placeOf(other), placeOf(source));
	});

places('is another for others', () => {
	const all = same.map(([source]) => source);
	const more = [
		'1',
		'rtsp://h/live?channel=2',
		'sim:?seed=1',
		'gstreamer: nvarguscamerasrc sensor-id=1 ! appsink',
		'gstreamer: v4l2src ! appsink',
	];
	const found = [...all, ...more].map(placeOf);
	assert.is(new Set(found).size, found.length, found.join('\n'));
});

places('tells no secret of an address', () => {
	assert.not.match(placeOf('rtsp://user:secret@h/live'), /user|secret/);
});

places.run();
