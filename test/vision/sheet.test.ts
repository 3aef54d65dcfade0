import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type SheetPicture, sheetOf } from '../../src/vision/sheet.js';

const sheets = suite('a contact sheet');

const size = { width: 8, height: 8 };
const picture = (level: number, aspect = 1): SheetPicture => ({
	picture: new Uint8Array(8 * 8 * 3).fill(100),
	map: new Float32Array(64).fill(level),
	size,
	aspect,
	lines: [`level ${level}`, 'more'],
});
const head = { head: ['title', 'what it is'], ends: ['usual', 'too much'] } as const;
const scale = { low: 0, threshold: 1 };

sheets('shows each picture beside its heatmap, with words below, all within its edges', () => {
	for (const aspect of [0.2, 1, 3.7]) {
		const { image, letterings } = sheetOf([picture(0, aspect), picture(3), picture(0)], head, scale);
		assert.is(image.data.length, image.width * image.height * 3);
		assert.is(letterings.length, 2 + 2 + 3 * 2);
		for (const { x, y, height } of letterings)
			assert.ok(x >= 0 && x < image.width && y - height >= 0 && y < image.height, `${x}, ${y}`);
	}
});

sheets('colours what is above the threshold, and leaves alone what is usual', () => {
	const { image, letterings } = sheetOf([picture(0), picture(3)], head, scale);
	const [usual, much] = ['level 0', 'level 3'].map((text) => letterings.find((one) => one.text === text)!);
	const at = (x: number, y: number) => [...image.data.subarray((y * image.width + x) * 3).subarray(0, 3)];
	// The heatmap lies right of its picture, above its words.
	const beside = 400;
	assert.equal(at(usual!.x + beside, usual!.y - 100), [100, 100, 100]);
	const [red, green, blue] = at(much!.x + beside, much!.y - 100) as [number, number, number];
	assert.ok(red > 150 && green < 80 && blue < 80, `${red} ${green} ${blue}`);
	assert.equal(at(much!.x + 100, much!.y - 100), [100, 100, 100]);
});

sheets.run();
