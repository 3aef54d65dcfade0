import { deflateSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { packPictures, unpackPictures } from '../../src/disk/held-out.js';
import { keptOf, MOST_HELD_OUT } from '../../src/model/bundle.js';

const heldOut = suite('held-out pictures');

const [width, height] = [13, 7];
const size = { rowBytes: width * 3, bytes: width * height * 3, most: 4 };

heldOut('come back byte for byte, whatever they show', async () => {
	const random = randomFrom(3);
	const drawn = (value: (i: number) => number) => Uint8Array.from({ length: size.bytes }, (_, i) => value(i));
	const pictures = [
		drawn(() => random.below(256)),
		drawn(() => 0),
		drawn((i) => (i % 2) * 255),
		drawn((i) => i),
	];
	const before = pictures.map((picture) => picture.slice());
	const file = await packPictures(pictures, size.rowBytes);
	assert.equal(pictures, before, 'what was given is left as it is');
	assert.equal(await unpackPictures(file, size), pictures);
});

heldOut('that change slowly from row to row become small', async () => {
	const picture = Uint8Array.from({ length: 300 * 300 * 3 }, (_, i) => i / 900 + (7 * (i % 900) ** 2) / 900);
	const file = await packPictures([picture], 900);
	assert.ok(file.length < picture.length / 20, `${file.length}`);
});

heldOut('of another size, or more than there may be, are refused', async () => {
	const file = await packPictures([new Uint8Array(size.bytes + 1)], size.rowBytes);
	const refused = (bytes: Uint8Array) =>
		unpackPictures(bytes, size).then(
			() => 'they were taken',
			(thrown: Error) => thrown.message,
		);
	assert.match(await refused(file), /274 bytes are no pictures of 273 each/);
	// A stream of zeros may unpack to a thousand times its size.
	assert.match(await refused(deflateSync(new Uint8Array(size.bytes * 5))), /larger than/);
	assert.match(await refused(file.subarray(0, 4)), /unexpected end/);
});

for (const [count, side, kept] of [
	[0, 64, 0],
	[2, 64, 2],
	[40, 256, MOST_HELD_OUT],
	[40, 680, 11],
	[40, 4000, 3],
	[2, 4000, 2],
] as const) {
	heldOut(`of ${count} at ${side} pixels, ${kept} are kept, spread over all`, () => {
		const chosen = keptOf(count, { width: side, height: side });
		assert.is(chosen.length, kept);
		assert.is(new Set(chosen).size, kept);
		assert.ok(chosen.every((index) => index >= 0 && index < count));
		if (kept > 1) assert.ok(chosen.at(-1)! >= count - Math.ceil(count / kept));
	});
}

heldOut.run();
