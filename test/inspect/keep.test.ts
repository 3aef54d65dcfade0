import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keptPicture } from '../../src/inspect/keep.js';
import type { Verdict } from '../../src/protocol/verdict.js';
import { greyFrame, recipeWith } from './inspection.js';

const keep = suite('what is kept of a part');

/** The size and quality of the picture; undefined: none. */
const cases: readonly (readonly [
	pictures: string,
	frames: boolean,
	verdict: Verdict,
	runSequence: number,
	kept: string | undefined,
])[] = [
	['rejects', false, 'accept', 1, undefined],
	['rejects', false, 'reject', 1, undefined],
	['rejects', false, 'error', 1, undefined],
	['rejects', true, 'accept', 1, undefined],
	['rejects', true, 'reject', 1, '64x64 95'],
	['rejects', true, 'error', 1, '64x64 95'],
	['all', false, 'accept', 1, '32x40 70'],
	['all', false, 'reject', 1, undefined],
	['all', true, 'accept', 1, '64x64 95'],
	['every:3', true, 'accept', 2, undefined],
	['every:3', true, 'accept', 3, '64x64 95'],
	['every:3', true, 'reject', 4, '64x64 95'],
	['every:1', false, 'accept', 7, '32x40 70'],
];

keep('depends on its verdict, its number, and what is wanted', () => {
	for (const [pictures, frames, verdict, runSequence, kept] of cases) {
		let made: string | undefined;
		const inspection = {
			recipe: recipeWith({ heatmap: { longestSide: 48, quality: 70 } }),
			region: { x: 8, y: 8, width: 32, height: 40 },
			encodeJpeg: ({ width, height }: { width: number; height: number }, quality: number) => {
				made = `${width}x${height} ${quality}`;
				return new Uint8Array([0xff, 0xd8]);
			},
		};
		const jpeg = keptPicture(greyFrame('f', 0), { verdict, runSequence }, { pictures, frames }, inspection);
		assert.is(made, kept, `${pictures} ${frames} ${verdict} ${runSequence}`);
		assert.is(jpeg !== undefined, kept !== undefined);
	}
});

keep.run();
