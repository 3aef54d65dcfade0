import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { nameFrom } from '../../src/base/file-name.js';
import { randomFrom } from '../../src/base/random.js';
import { cv } from '../../src/opencv/library.js';
import { readMask } from '../../src/opencv/mask.js';
import { encodeJpeg, encodePng, frameOf, readPicture } from '../../src/opencv/picture.js';
import { drawPart } from '../../src/sim/line.js';
import type { Image } from '../../src/vision/image.js';
import { failureOf } from '../failure-of.js';
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
	// Reading a pipe would block, and /dev/zero has no end.
	execFileSync('mkfifo', [join(folder.path, 'pipe.png')]);
	await mkdir(join(folder.path, 'folder.png'));
	for (const [name, to] of [
		['device.png', '/dev/zero'],
		['self.png', 'self.png'],
		['lost.png', 'nowhere.png'],
	] as const)
		await symlink(to, join(folder.path, name));
	for (const [name, state] of [
		['pipe.png', /it is a pipe, a socket or a device/],
		['device.png', /it is a pipe, a socket or a device/],
		['folder.png', /it is a folder/],
		['self.png', /it is a link that leads back to itself/],
		['lost.png', /a link that leads nowhere/],
	] as const) {
		const failure = await failureOf(readPicture(join(folder.path, name)));
		assert.is(failure.code, 'image-unreadable');
		assert.match(failure.message, state);
	}
	await writeFile(join(folder.path, 'whole.jpg'), Buffer.concat([jpeg, Buffer.alloc(100)]));
	(await readPicture(join(folder.path, 'whole.jpg'))).release();
	assert.ok((await readFile(join(folder.path, 'whole.jpg'))).length > 100);
});

pictures('of 16 bits keep the upper 8, and those that only use the lower ones are refused', async () => {
	await using folder = await temporaryFolder();
	const read = async (extension: string, value: number) => {
		const path = join(folder.path, `${value}${extension}`);
		const mat = new cv.Mat(8, 8, cv.CV_16UC1, value);
		await writeFile(path, cv.imencode(extension, mat));
		mat.release();
		return readPicture(path);
	};
	for (const extension of ['.png', '.tif']) {
		for (const value of [77 * 257, 65535, 64 * 257]) {
			const frame = await read(extension, value);
			assert.is(frame.modelInput(undefined, square(2))[0], Math.floor(value / 256), `${value}${extension}`);
			frame.release();
		}
		// 8, 10, 12 and 14 bits, and nothing at all.
		for (const value of [255, 1023, 4095, 16383, 0]) {
			const failure = await failureOf(read(extension, value));
			assert.is(failure.code, 'image-unreadable');
			assert.match(failure.message, 'it has 16 bits a channel, and no value reaches a quarter of white');
			assert.match(failure.advice!, 'Save it with 8 bits a channel');
		}
	}
});

pictures('are turned as their EXIF data says, in every format', async () => {
	await using folder = await temporaryFolder();
	// Columns 10 and 20 high up, 30 and 40 below: as stored.
	const [a, b, c, d] = [10, 20, 30, 40];
	const stored = Buffer.alloc(16 * 32);
	for (let y = 0; y < 16; y += 1) {
		for (let x = 0; x < 32; x += 1) stored[y * 32 + x] = y < 8 ? (x < 16 ? a : b) : x < 16 ? c : d;
	}
	// The corners of what is to be seen, from the upper left one by row (EXIF 2.3, 4.6.4).
	const seen: Readonly<Record<number, readonly number[]>> = {
		1: [a, b, c, d],
		2: [b, a, d, c],
		3: [d, c, b, a],
		4: [c, d, a, b],
		5: [a, c, b, d],
		6: [c, a, d, b],
		7: [d, b, c, a],
		8: [b, d, a, c],
	};
	const mat = new cv.Mat(stored, 16, 32, cv.CV_8UC1);
	for (const [format, withExif] of Object.entries(EXIF_IN)) {
		for (let orientation = 1; orientation <= 8; orientation += 1) {
			const path = join(folder.path, `${orientation}${format}`);
			const flags = format === '.webp' ? [cv.IMWRITE_WEBP_QUALITY, 101] : [];
			await writeFile(path, withExif(cv.imencode(format, mat, flags), orientation));
			const frame = await readPicture(path);
			const size = orientation < 5 ? [32, 16] : [16, 32];
			assert.equal([frame.width, frame.height], size, path);
			const corners = [0, frame.width - 1].flatMap((x) => [0, frame.height - 1].map((y) => [x, y] as const));
			const values = corners
				.sort(([, y1], [, y2]) => y1 - y2)
				.map(([x, y]) => frame.crop({ x, y, width: 1, height: 1 }, 1).data[0]!);
			frame.release();
			for (const [i, value] of values.entries()) {
				assert.ok(Math.abs(value - seen[orientation]![i]!) <= 2, `${path}: ${values}`);
			}
		}
	}
	mat.release();
});

/** How EXIF data that names an orientation is put into a file. */
const EXIF_IN: Readonly<Record<string, (bytes: Buffer, orientation: number) => Buffer>> = {
	'.jpg': (bytes, orientation) => {
		const exif = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), exifOf(orientation)]);
		const head = Buffer.of(0xff, 0xe1, 0, exif.length + 2);
		return Buffer.concat([bytes.subarray(0, 2), head, exif, bytes.subarray(2)]);
	},
	'.png': (bytes, orientation) => {
		const chunk = Buffer.concat([Buffer.from('eXIf'), exifOf(orientation)]);
		const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
		length.writeUInt32BE(chunk.length - 4);
		crc.writeUInt32BE(crc32(chunk));
		return Buffer.concat([bytes.subarray(0, 33), length, chunk, crc, bytes.subarray(33)]);
	},
	'.webp': (bytes, orientation) => {
		const exif = exifOf(orientation);
		const chunks = [
			Buffer.from('VP8X\x0a\0\0\0\x08\0\0\0\x1f\0\0\x0f\0\0', 'latin1'),
			bytes.subarray(12),
			Buffer.from(`EXIF${String.fromCharCode(exif.length)}\0\0\0`, 'latin1'),
			exif,
		];
		const whole = Buffer.concat([bytes.subarray(0, 12), ...chunks]);
		whole.writeUInt32LE(whole.length - 8, 4);
		return whole;
	},
	'.tif': (bytes, orientation) => {
		return withField(bytes, 284, 274, orientation);
	},
};

/** A TIFF with one field in place of another that says nothing new. */
function withField(tiff: Buffer, instead: number, tag: number, value: number): Buffer {
	const at = tiff.readUInt32LE(4) + 2;
	const count = tiff.readUInt16LE(at - 2);
	const rows = Array.from({ length: count }, (_, i) =>
		Buffer.from(tiff.subarray(at + 12 * i, at + 12 * i + 12)),
	);
	const row = rows.find((field) => field.readUInt16LE(0) === instead)!;
	row.writeUInt16LE(tag, 0);
	row.writeUInt16LE(3, 2);
	row.writeUInt32LE(1, 4);
	row.writeUInt32LE(value, 8);
	rows.sort((one, other) => one.readUInt16LE(0) - other.readUInt16LE(0));
	Buffer.concat(rows).copy(tiff, at);
	return tiff;
}

/** A TIFF structure with the orientation alone; its length is even. */
function exifOf(orientation: number): Buffer {
	return Buffer.concat([
		Buffer.from('MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0', 'latin1'),
		Buffer.of(orientation, 0, 0, 0, 0, 0, 0),
	]);
}

function crc32(bytes: Uint8Array): number {
	let crc = 0xffffffff;
	for (const byte of bytes) {
		crc ^= byte;
		for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
	}
	return ~crc >>> 0;
}

pictures('whose names are not UTF-8 are read, and named by their bytes', async () => {
	await using folder = await temporaryFolder();
	const bytes = Buffer.concat([Buffer.from(`${folder.path}/`), Buffer.from('pr\xfcfling.png', 'latin1')]);
	await writeFile(bytes, encodePng(plain(8, 8, [1, 2, 3])));
	const path = join(folder.path, nameFrom(Buffer.from('pr\xfcfling.png', 'latin1')));
	const frame = await readPicture(path, 'sub/pr\udcfcfling.png');
	assert.is(frame.name, 'sub/pr\\xfcfling.png');
	frame.release();
	await writeFile(bytes, 'no picture');
	assert.match((await failureOf(readPicture(path))).message, '/pr\\xfcfling.png": it is not an image');
});

pictures('that are damaged in a way that their decoder only warns of are not read', async () => {
	await using folder = await temporaryFolder();
	const jpeg = Buffer.from(encodeJpeg(noise(128), 80));
	const third = Math.floor(jpeg.length / 3);
	const files: Readonly<Record<string, Buffer>> = {
		'zeros.jpg': Buffer.from(jpeg).fill(0, third, 2 * third),
		'missing.jpg': Buffer.concat([jpeg.subarray(0, third), jpeg.subarray(2 * third)]),
		'cut.jpg': Buffer.concat([jpeg.subarray(0, 2 * third), Buffer.of(0xff, 0xd9)]),
	};
	for (const [name, bytes] of Object.entries(files)) {
		await writeFile(join(folder.path, name), bytes);
		const failure = await failureOf(readPicture(join(folder.path, name)));
		assert.match(failure.message, 'the JPEG is damaged', name);
		await failureOf(readMask(join(folder.path, name)));
	}
	await writeFile(join(folder.path, 'tail.jpg'), Buffer.concat([jpeg, Buffer.alloc(5000)]));
	(await readPicture(join(folder.path, 'tail.jpg'))).release();
});

pictures('of a TIFF that decoders would darken, because it is transparent, are refused', async () => {
	await using folder = await temporaryFolder();
	const read = async (alpha: number, kind: number) => {
		const mat = new cv.Mat(8, 8, cv.CV_8UC4, [77, 77, 77, alpha]);
		const path = join(folder.path, `${alpha}-${kind}.tif`);
		await writeFile(path, withField(cv.imencode('.tif', mat), 339, 338, kind));
		mat.release();
		return readPicture(path);
	};
	// Of kind 2 the colours do not hold the alpha yet (TIFF 6.0, section 18), and libtiff multiplies.
	for (const [alpha, kind] of [
		[255, 2],
		[0, 0],
		[128, 1],
	] as const) {
		const frame = await read(alpha, kind);
		assert.is(frame.modelInput(undefined, square(2))[0], 77, `${alpha}, ${kind}`);
		frame.release();
	}
	assert.match((await failureOf(read(128, 2))).message, 'it is partly transparent');
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
