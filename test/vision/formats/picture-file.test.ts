import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../../src/base/random.js';
import { cv } from '../../../src/opencv/library.js';
import { pictureFile } from '../../../src/vision/formats/picture-file.js';

/** The binding has no name for it. */
const TIFF_COMPRESSION = 259;

const files = suite('picture files');

/** What is said of a file: undefined where it is whole. */
function faultOf(bytes: Uint8Array): string | undefined {
	const file = pictureFile(bytes);
	return 'state' in file ? file.state : file.damage();
}

/** Smooth waves and a little noise, so that compression has something to do. */
function waves(width: number, height: number, grey = false) {
	const random = randomFrom(7);
	const channels = grey ? 1 : 3;
	const data = Buffer.alloc(width * height * channels);
	for (let y = 0; y < height; y += 1) {
		for (let x = 0; x < width; x += 1) {
			for (let c = 0; c < channels; c += 1) {
				const wave = Math.sin(x / (9 + c)) * Math.cos(y / (7 + c));
				data[(y * width + x) * channels + c] = 128 + 90 * wave + random.below(16);
			}
		}
	}
	return new cv.Mat(data, height, width, grey ? cv.CV_8UC1 : cv.CV_8UC3);
}

const encoded = (extension: string, flags: number[] = [], size: readonly [number, number] = [203, 117]) => {
	const mat = waves(...size);
	const bytes = cv.imencode(extension, mat, flags);
	mat.release();
	return bytes;
};

const JPEGS: Readonly<Record<string, () => Buffer>> = {
	baseline: () => encoded('.jpg'),
	'of tables of its own': () => encoded('.jpg', [cv.IMWRITE_JPEG_OPTIMIZE, 1]),
	progressive: () => encoded('.jpg', [cv.IMWRITE_JPEG_PROGRESSIVE, 1]),
	'with restart markers': () => encoded('.jpg', [cv.IMWRITE_JPEG_RST_INTERVAL, 5]),
	'progressive with restart markers': () =>
		encoded('.jpg', [cv.IMWRITE_JPEG_PROGRESSIVE, 1, cv.IMWRITE_JPEG_RST_INTERVAL, 7]),
	grey: () => {
		const mat = waves(64, 50, true);
		const bytes = cv.imencode('.jpg', mat);
		mat.release();
		return bytes;
	},
	'of one pixel': () => encoded('.jpg', [], [1, 1]),
	'of flat black in short codes': () => {
		const mat = new cv.Mat(300, 400, cv.CV_8UC3, [0, 0, 0]);
		const bytes = cv.imencode('.jpg', mat, [cv.IMWRITE_JPEG_OPTIMIZE, 1]);
		mat.release();
		return bytes;
	},
};

files('that are whole are whole, whatever follows their end', () => {
	const all = {
		...JPEGS,
		png: () => encoded('.png'),
		bmp: () => encoded('.bmp'),
		tiff: () => encoded('.tif'),
	};
	for (const [kind, make] of Object.entries({ ...all, webp: () => encoded('.webp') })) {
		const bytes = make();
		for (const tail of [0, 1, 3, 1030, 70_000]) {
			for (const value of [0, 0x20, 0xff]) {
				assert.is(
					faultOf(Buffer.concat([bytes, Buffer.alloc(tail, value)])),
					undefined,
					`${kind}, ${tail} of ${value}`,
				);
			}
		}
	}
});

files('say their size as it is seen, and of a JPEG without tables those of the standard hold', () => {
	for (const extension of ['.jpg', '.png', '.bmp', '.tif', '.webp']) {
		const file = pictureFile(encoded(extension));
		assert.ok('size' in file, extension);
		assert.equal(file.size, { width: 203, height: 117 }, extension);
	}
	const turned = pictureFile(tiffWith({ width: 8, height: 2, orientation: 6 }));
	assert.ok('size' in turned);
	assert.equal(turned.size, { width: 2, height: 8 });
	const bytes = encoded('.jpg');
	assert.is(faultOf(withoutSegments(bytes, 0xc4)), undefined);
	assert.match(faultOf(withoutSegments(encoded('.jpg', [cv.IMWRITE_JPEG_OPTIMIZE, 1]), 0xc4))!, 'damaged');
});

files(
	'that are cut anywhere are said to be cut off or damaged, with or without an end marker, or zeros instead',
	() => {
		const ends: Readonly<Record<string, Buffer>> = {
			'.jpg': Buffer.of(0xff, 0xd9),
			'.png': Buffer.from('0000000049454e44ae426082', 'hex'),
		};
		for (const extension of ['.jpg', '.png', '.bmp', '.tif', '.webp']) {
			const bytes = encoded(extension);
			for (let length = 1; length < bytes.length; length += 1 + Math.floor(length / 5)) {
				const cut = bytes.subarray(0, length);
				assert.is.not(faultOf(cut), undefined, `${extension} of ${length} bytes`);
				const end = ends[extension];
				if (end === undefined) continue;
				assert.is.not(
					faultOf(Buffer.concat([cut, end])),
					undefined,
					`${extension} of ${length} bytes and an end`,
				);
				if (extension === '.jpg') {
					const zeros = Buffer.alloc(bytes.length - length - 2);
					assert.is.not(
						faultOf(Buffer.concat([cut, zeros, end])),
						undefined,
						`${length} bytes, zeros and an end`,
					);
				}
			}
		}
	},
);

files('that lost a part in the middle, or have zeros there, are damaged', () => {
	const random = randomFrom(3);
	const all = {
		...JPEGS,
		png: () => encoded('.png'),
		deflated: () => tiff('deflate'),
		lzw: () => tiff('lzw'),
	};
	for (const [kind, make] of Object.entries(all)) {
		const bytes = make();
		if (bytes.length < 2000) continue;
		for (let i = 0; i < 40; i += 1) {
			const from = 700 + random.below(bytes.length - 1200);
			const to = from + 200 + random.below(Math.min(1000, bytes.length - 300 - from));
			const holed = Buffer.from(bytes).fill(0, from, to);
			assert.is.not(faultOf(holed), undefined, `${kind}: zeros from ${from} to ${to} of ${bytes.length}`);
			const joined = Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
			assert.is.not(faultOf(joined), undefined, `${kind}: without ${from} to ${to} of ${bytes.length}`);
		}
	}
});

files('of a lossless WebP with a hole of zeros are damaged', () => {
	const bytes = encoded('.webp', [cv.IMWRITE_WEBP_QUALITY, 101]);
	assert.is(faultOf(bytes), undefined);
	assert.match(faultOf(bytes.fill(0, 5000, 5512))!, 'a hole of zeros');
});

files('of a progressive JPEG that lacks its last scans are damaged, though no decoder sees it', () => {
	const bytes = encoded('.jpg', [cv.IMWRITE_JPEG_PROGRESSIVE, 1]);
	const scan = bytes.lastIndexOf(Buffer.of(0xff, 0xda));
	const table = bytes.lastIndexOf(Buffer.of(0xff, 0xc4));
	const cut = Buffer.concat([bytes.subarray(0, Math.min(scan, table)), Buffer.of(0xff, 0xd9)]);
	assert.match(faultOf(cut)!, 'a part of its data is missing');
});

files('whose tables have holes are damaged', () => {
	for (const marker of [0xdb, 0xc4]) {
		const bytes = encoded('.jpg');
		const at = bytes.indexOf(Buffer.of(0xff, marker));
		assert.match(faultOf(bytes.fill(0, at + 10, at + 60))!, 'the JPEG is damaged', `${marker}`);
	}
});

files('that say they are larger than they can be are damaged, and cost no memory', () => {
	for (const flags of [[], [cv.IMWRITE_JPEG_PROGRESSIVE, 1]]) {
		const bytes = encoded('.jpg', flags);
		const at = bytes.indexOf(Buffer.of(0xff, flags.length > 0 ? 0xc2 : 0xc0));
		bytes.fill(0xff, at + 5, at + 9);
		assert.match(faultOf(bytes)!, 'its head makes no sense');
	}
	// Before a decoder is asked, which would take the memory first.
	const huge: readonly (readonly [extension: string, resize: (bytes: Buffer) => void, state: RegExp])[] = [
		[
			'.jpg',
			(bytes) => bytes.writeUInt32BE(0x4e204e20, bytes.indexOf(Buffer.of(0xff, 0xc0)) + 5),
			/more pixels than/,
		],
		[
			'.png',
			(bytes) => bytes.writeUInt32BE(60_000, bytes.writeUInt32BE(60_000, 16)),
			/more pixels than its data can hold/,
		],
	];
	for (const [extension, resize, state] of huge) {
		const bytes = encoded(extension);
		resize(bytes);
		const file = pictureFile(bytes);
		assert.match('state' in file ? file.state : 'undefined', state, extension);
	}
	for (const [width, height] of [
		[65535, 65535],
		[30_000, 30_000],
	] as const) {
		const file = pictureFile(tiffWith({ width, height }));
		assert.ok('state' in file);
		assert.match(file.state, `it says that it has ${width}x${height} pixels, and no more than 270 million`);
		assert.match(file.advice, 'Save a smaller part');
	}
});

files('with any bytes changed are whole or have a fault, and are no fault of ours', () => {
	const random = randomFrom(11);
	for (const extension of ['.jpg', '.png', '.bmp', '.tif', '.webp']) {
		const bytes = encoded(extension, extension === '.jpg' ? [cv.IMWRITE_JPEG_PROGRESSIVE, 1] : [], [40, 30]);
		for (let i = 0; i < 500; i += 1) {
			const changed = Buffer.from(bytes.subarray(0, 1 + random.below(bytes.length)));
			const reach = random.below(2) === 0 ? changed.length : Math.min(200, changed.length);
			for (let k = 0; k < 3; k += 1) changed[random.below(reach)] = random.below(256);
			const fault = faultOf(changed);
			assert.ok(fault === undefined || fault.length > 0);
		}
	}
});

files('whose check sums are wrong are damaged, and the chunk is named', () => {
	const bytes = encoded('.png');
	const at = bytes.indexOf('IDAT') + 40;
	bytes[at]! ^= 1;
	assert.match(faultOf(bytes)!, 'the check sum of its chunk "IDAT" is wrong');
});

files('of kinds that are not read say what they are and what to do', () => {
	const head = (text: string) => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(100)]);
	const arithmetic = encoded('.jpg');
	arithmetic[arithmetic.indexOf(Buffer.of(0xff, 0xc0)) + 1] = 0xc9;
	const twelve = encoded('.jpg');
	twelve[twelve.indexOf(Buffer.of(0xff, 0xc0)) + 4] = 12;
	const float = tiffWith({ format: 3, bits: 32 });
	const kinds: readonly (readonly [bytes: Uint8Array, state: RegExp])[] = [
		[head('GIF89a'), /it is a GIF/],
		[head('\0\0\0\x1cftypavif'), /a HEIC or AVIF/],
		[head('\0\0\0\x18ftypisom'), /a film \(MP4\)/],
		[head('\0\0\0\x0cJXL \r\n\x87\n'), /a JPEG XL/],
		[head('\xff\x0a'), /a JPEG XL/],
		[head('{"error": "busy"}'), /it is JSON/],
		[head('<!doctype html>'), /a web page/],
		[head('version https://git-lfs.github.com/spec/v1'), /a pointer of Git LFS/],
		[arithmetic, /a JPEG with arithmetic coding/],
		[twelve, /a JPEG of 12 bits a colour/],
		[float, /a TIFF of 32-bit floating-point numbers/],
		[tiffWith({ format: 2, bits: 32 }), /a TIFF of 32-bit numbers with a sign/],
		[tiffWith({ format: 1, bits: 12 }), /a TIFF of 12-bit numbers/],
		[tiffWith({ pages: 3 }), /a TIFF of 3 pages/],
		[animated(encoded('.png')), /an animated PNG of 2 pictures/],
		[webp([['VP8X', Buffer.from('02000000cb0000740000', 'hex')]]), /an animated WebP/],
	];
	for (const [bytes, state] of kinds) {
		const file = pictureFile(bytes);
		assert.ok('state' in file, String(state));
		assert.match(file.state, state);
		assert.match(file.advice, /Save/, String(state));
	}
	assert.match((pictureFile(head('hello')) as { state: string }).state, 'it is not an image, or damaged');
});

/** Removes the segments of a kind before the first scan of a JPEG. */
function withoutSegments(bytes: Buffer, marker: number): Buffer {
	const kept = [bytes.subarray(0, 2)];
	let at = 2;
	for (; bytes[at + 1] !== 0xda; at += 2 + bytes.readUInt16BE(at + 2)) {
		if (bytes[at + 1] !== marker) kept.push(bytes.subarray(at, at + 2 + bytes.readUInt16BE(at + 2)));
	}
	return Buffer.concat([...kept, bytes.subarray(at)]);
}

function tiff(compression: 'deflate' | 'lzw'): Buffer {
	return encoded('.tif', [TIFF_COMPRESSION, compression === 'lzw' ? 5 : 8]);
}

/** A grey TIFF of 4 × 4 zeros by its fields. */
function tiffWith({ format = 1, bits = 8, pages = 1, width = 4, height = 4, orientation = 1 }): Buffer {
	const fields = [
		[256, width],
		[257, height],
		[258, bits],
		[259, 1],
		[262, 1],
		[273, 8],
		[274, orientation],
		[277, 1],
		[278, height],
		[279, 64],
		[339, format],
	] as const;
	const size = 2 + 12 * fields.length + 4;
	const bytes = Buffer.alloc(72 + pages * size);
	bytes.write('II*\0', 'latin1');
	bytes.writeUInt32LE(72, 4);
	for (let page = 0; page < pages; page += 1) {
		const at = 72 + page * size;
		bytes.writeUInt16LE(fields.length, at);
		fields.forEach(([tag, value], i) => {
			bytes.writeUInt16LE(tag, at + 2 + 12 * i);
			bytes.writeUInt16LE(3, at + 4 + 12 * i);
			bytes.writeUInt32LE(1, at + 6 + 12 * i);
			bytes.writeUInt32LE(value, at + 10 + 12 * i);
		});
		bytes.writeUInt32LE(page + 1 < pages ? at + size : 0, at + size - 4);
	}
	return bytes;
}

function animated(png: Buffer): Buffer {
	return Buffer.concat([
		png.subarray(0, 33),
		Buffer.from('000000086163544c0000000200000000f38d9370', 'hex'),
		png.subarray(33),
	]);
}

function webp(chunks: readonly (readonly [name: string, body: Buffer])[]): Buffer {
	const body = chunks.map(([name, content]) => {
		const head = Buffer.from(`${name}\0\0\0\0`, 'latin1');
		head.writeUInt32LE(content.length, 4);
		return Buffer.concat([head, content]);
	});
	const whole = Buffer.concat([Buffer.from('RIFF\0\0\0\0WEBP', 'latin1'), ...body]);
	whole.writeUInt32LE(whole.length - 8, 4);
	return whole;
}

files.run();
