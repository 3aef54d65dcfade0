import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cv } from '../../src/opencv/library.js';
import { readMask } from '../../src/opencv/mask.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';

const masks = suite('mask files');

/** Left half nothing, right half `value`, of `type`, 40 × 20. */
function halves(
	type: number,
	value: number | readonly number[],
	none: number | readonly number[] = 0,
): Buffer {
	const [width, height] = [40, 20];
	const rows = Array.from({ length: height }, () =>
		Array.from({ length: width }, (_, x) => (x < width / 2 ? none : value)),
	);
	const mat = new cv.Mat(rows as number[][], type);
	const bytes = cv.imencode('.png', mat);
	mat.release();
	return bytes;
}

const HALF = [0, 0, 255, 255];

masks('of 8 and 16 bits, in colours and in alpha say the same', async () => {
	await using folder = await temporaryFolder();
	for (const [i, bytes] of [
		halves(cv.CV_8UC1, 1),
		halves(cv.CV_8UC1, 255),
		halves(cv.CV_16UC1, 1),
		halves(cv.CV_16UC1, 255),
		halves(cv.CV_16UC1, 65535),
		halves(cv.CV_8UC3, [255, 0, 0], [0, 0, 0]),
		halves(cv.CV_8UC4, [255, 255, 255, 255], [255, 255, 255, 0]),
	].entries()) {
		const path = join(folder.path, `${i}.png`);
		await writeFile(path, bytes);
		const { data, width, height, channels } = await readMask(path, { width: 4, height: 2 });
		assert.equal([width, height, channels], [4, 2, 1]);
		assert.equal([...data], [...HALF, ...HALF], `mask ${i}`);
	}
});

masks('of another shape than their picture are refused, of another scale they lie upon it', async () => {
	await using folder = await temporaryFolder();
	const mask = join(folder.path, 'mask.png');
	await writeFile(mask, halves(cv.CV_8UC1, 255));
	const picture = async (width: number, height: number) => {
		const path = join(folder.path, `${width}x${height}.png`);
		const mat = new cv.Mat(height, width, cv.CV_8UC3, [1, 2, 3]);
		await writeFile(path, cv.imencode('.png', mat));
		mat.release();
		return path;
	};
	const turned = await failureOf(readMask(mask, undefined, { picture: await picture(20, 40) }));
	assert.is(turned.code, 'image-unreadable');
	assert.match(turned.message, /mask.png": it is 40x20 pixels, and ".*20x40.png" is 20x40/);
	// The region is told in pixels of the picture.
	const region = { x: 30, y: 10, width: 20, height: 10 };
	const part = await readMask(mask, undefined, { picture: await picture(80, 40), region });
	assert.equal([part.width, part.height], [20, 10]);
	assert.equal([...part.data.slice(0, 20)], [...Array(10).fill(0), ...Array(10).fill(255)]);
	// Where the defect lies elsewhere nothing is marked.
	const elsewhere = { x: 0, y: 0, width: 10, height: 10 };
	assert.ok((await readMask(mask, undefined, { region: elsewhere })).data.every((value) => value === 0));
});

masks('that are none are refused with what they are', async () => {
	await using folder = await temporaryFolder();
	const path = join(folder.path, 'mask.png');
	await writeFile(path, halves(cv.CV_8UC1, 255, 255));
	const failure = await failureOf(readMask(path));
	assert.match(failure.message, `Cannot use mask "${path}": it marks the whole picture`);
	assert.match(failure.advice!, 'every other value is a defect');
});

masks.run();
