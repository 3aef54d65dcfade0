import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { randomFrom } from '../../src/base/random.js';
import { cv } from '../../src/opencv/library.js';
import { encodeJpeg, encodePng, frameOf, readMask, readPicture } from '../../src/opencv/picture.js';
import { drawPart } from '../../src/sim/line.js';
import type { Image } from '../../src/vision/image.js';
import { temporaryFolder } from '../tiny-bundle.js';

const square = (side: number) => ({ width: side, height: side });
const pictures = suite('pictures');

const plain = (width: number, height: number, rgb: readonly number[]): Image => ({
	width,
	height,
	channels: 3,
	data: Uint8Array.from({ length: width * height * 3 }, (_, i) => rgb[i % 3]!),
});

pictures("become RGB of the model's size, whatever their shape", () => {
	for (const [width, height] of [
		[300, 200],
		[20, 400],
		[10, 10],
		[64, 64],
	] as const) {
		const frame = frameOf(plain(width, height, [10, 100, 200]));
		const input = frame.modelInput(undefined, square(64));
		frame.release();
		assert.is(input.length, 64 * 64 * 3);
		assert.equal([...input.slice(0, 3)], [10, 100, 200]);
	}
});

/** One channel of noise, smoothed a little, as RGB. */
function noise(side: number): Image {
	const random = randomFrom(side);
	const rough = Array.from({ length: (side + 1) ** 2 }, () => random.below(256));
	const data = new Uint8Array(side * side * 3);
	for (let y = 0; y < side; y += 1) {
		for (let x = 0; x < side; x += 1) {
			const at = y * (side + 1) + x;
			data.fill(
				(rough[at]! + rough[at + 1]! + rough[at + side + 1]!) / 3,
				(y * side + x) * 3,
				(y * side + x + 1) * 3,
			);
		}
	}
	return { width: side, height: side, channels: 3, data };
}

/** Pillow's antialiased bilinear: the weight of a pixel falls linearly to zero at `scale` from the middle of the output's pixel. */
function triangle(from: number, to: number): Float64Array[] {
	const scale = from / to;
	return Array.from({ length: to }, (_, j) => {
		const weights = Float64Array.from({ length: from }, (_, i) =>
			Math.max(0, 1 - Math.abs(i + 0.5 - (j + 0.5) * scale) / scale),
		);
		const total = weights.reduce((a, b) => a + b);
		return weights.map((v) => v / total);
	});
}

pictures(
	'are shrunk as Pillow shrinks them: to the last level or two by whole numbers, nearly so between',
	() => {
		for (const [from, most, mean] of [
			[128, 2, 0.3],
			[256, 2, 0.3],
			[80, 20, 3],
			[110, 25, 4],
			[140, 12, 2.5],
			[160, 12, 2.5],
			[300, 8, 1],
		] as const) {
			const image = noise(from);
			const frame = frameOf(image);
			const input = frame.modelInput(undefined, square(64));
			frame.release();
			const weights = triangle(from, 64);
			const differences: number[] = [];
			// A border of four is left out, where the two see different things beyond the edge.
			for (let y = 4; y < 60; y += 1) {
				for (let x = 4; x < 60; x += 1) {
					let expected = 0;
					weights[y]!.forEach((down, i) => {
						if (down > 0) {
							weights[x]!.forEach((across, k) => {
								if (across > 0) expected += down * across * image.data[(i * from + k) * 3]!;
							});
						}
					});
					differences.push(Math.abs(input[(y * 64 + x) * 3]! - expected));
				}
			}
			assert.ok(Math.max(...differences) <= most, `${from}: ${Math.max(...differences)}`);
			const average = differences.reduce((a, b) => a + b) / differences.length;
			assert.ok(average <= mean, `${from}: ${average} on average`);
		}
	},
);

pictures('are shrunk by averaging, so that fine stripes become grey and not false stripes', () => {
	const stripes = plain(256, 256, [0, 0, 0]);
	for (let i = 0; i < stripes.data.length; i += 1) stripes.data[i] = Math.floor(i / 3) % 2 ? 255 : 0;
	const frame = frameOf(stripes);
	const input = frame.modelInput(undefined, square(64));
	frame.release();
	assert.ok(input.every((v) => v >= 126 && v <= 129));
});

pictures('are cut to the region, and a region outside is refused', () => {
	const image = plain(100, 50, [0, 0, 0]);
	image.data.set([9, 8, 7], (20 * 100 + 60) * 3);
	const frame = frameOf(image, 'part.png');
	assert.equal([...frame.crop({ x: 60, y: 20, width: 1, height: 1 }, 100).data], [9, 8, 7]);
	assert.throws(
		() => frame.modelInput({ x: 60, y: 0, width: 41, height: 50 }, square(32)),
		(thrown: unknown) =>
			thrown instanceof Failure && /41x50\+60\+0 from "part.png": it is 100x50/.test(thrown.message),
	);
	frame.release();
});

pictures('that are grey, 16 bit or have an alpha channel are read as colour', async () => {
	await using folder = await temporaryFolder();
	const make: Readonly<Record<string, () => Buffer>> = {
		'grey.png': () => cv.imencode('.png', new cv.Mat(8, 8, cv.CV_8UC1, 77)),
		'deep.png': () => cv.imencode('.png', new cv.Mat(8, 8, cv.CV_16UC1, 77 * 256)),
		'alpha.png': () => cv.imencode('.png', new cv.Mat(8, 8, cv.CV_8UC4, [77, 77, 77, 0])),
	};
	for (const [name, encode] of Object.entries(make)) {
		const path = join(folder.path, name);
		await writeFile(path, encode());
		const frame = await readPicture(path);
		assert.equal([...frame.modelInput(undefined, square(2)).slice(0, 3)], [77, 77, 77], name);
		frame.release();
	}
});

pictures('that cannot be read are named, with what is wrong', async () => {
	await using folder = await temporaryFolder();
	const { image } = drawPart(1, 0, undefined, 128);
	const jpeg = encodeJpeg(image, 80);
	const png = encodePng(image);
	const files: Readonly<Record<string, readonly [content: Uint8Array | string, message: RegExp]>> = {
		'empty.jpg': ['', /it is empty/],
		'text.jpg': ['hello', /not an image/],
		'cut.jpg': [jpeg.subarray(0, jpeg.length >> 1), /the JPEG is cut off/],
		'cut.png': [png.subarray(0, png.length >> 1), /the PNG is cut off/],
		'head.png': [png.subarray(0, 20), /cut off/],
	};
	for (const [name, [content, message]] of Object.entries(files)) {
		const path = join(folder.path, name);
		await writeFile(path, content);
		const failure = await readPicture(path).then(
			() => undefined,
			(thrown: unknown) => thrown as Failure,
		);
		assert.instance(failure, Failure, name);
		assert.is(failure!.code, 'image-unreadable');
		assert.match(failure!.message, message, name);
		assert.ok(failure!.message.includes(path));
	}
	await writeFile(join(folder.path, 'whole.jpg'), Buffer.concat([jpeg, Buffer.alloc(100)]));
	(await readPicture(join(folder.path, 'whole.jpg'))).release();
	assert.ok((await readFile(join(folder.path, 'whole.jpg'))).length > 100);
});

pictures(
	'of masks keep two values, whether a tool wrote 255 or 1, and are sampled at the middle of each cell',
	async () => {
		await using folder = await temporaryFolder();
		for (const value of [1, 255]) {
			const data = new Uint8Array(16 * 16);
			for (let y = 0; y < 16; y += 1) data.fill(value, y * 16 + 8, y * 16 + 16);
			const path = join(folder.path, `${value}.png`);
			await writeFile(path, encodePng({ width: 16, height: 16, channels: 1, data }));
			assert.equal([...(await readMask(path, square(4))).data.slice(0, 4)], [0, 0, 255, 255]);
		}
	},
);

pictures.run();
