import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodePicture } from '../../src/opencv/picture.js';
import { encodeSheet } from '../../src/opencv/sheet.js';

const lettered = suite('a sheet with its words');

lettered('is a PNG of its size, with ink where words stand and nowhere else', async () => {
	const [width, height] = [200, 60];
	const image = { width, height, channels: 3, data: new Uint8Array(width * height * 3).fill(255) } as const;
	const png = encodeSheet({ image, letterings: [{ text: 'Ü good_1.png', x: 10, y: 40, height: 14 }] });
	const frame = await decodePicture(Buffer.from(png), 'sheet');
	const { data } = frame.crop({ x: 0, y: 0, width, height }, width);
	frame.release();
	const rowOf = (i: number) => Math.floor(i / 3 / width);
	const inked = new Set([...data].flatMap((v, i) => (v < 128 ? [rowOf(i)] : [])));
	assert.ok(inked.has(39) && inked.has(28), [...inked].join(' '));
	assert.ok(!inked.has(10) && !inked.has(55));
});

lettered.run();
