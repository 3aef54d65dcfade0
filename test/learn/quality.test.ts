import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readBundle } from '../../src/disk/bundle.js';
import { watchBy } from '../../src/inspect/watch.js';
import { manifestSchema } from '../../src/model/manifest.js';
import { frameOf } from '../../src/opencv/picture.js';
import { drawPart } from '../../src/sim/line.js';
import { recipeWith } from '../inspect/inspection.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const lesson = suite('what a lesson learns of the quality of pictures');

lesson('stands in the bundle: by it good parts are judged, and a black picture is not', async () => {
	await using folder = await temporaryFolder();
	const { manifest } = await readBundle(await tinyBundle(join(folder.path, 'tiny')));
	const { tiling } = manifest.input;
	const watch = watchBy(manifest.quality, tiling);
	const taken = { wallMs: 0, monotonicMs: 0 };
	const faultOf = (input: Uint8Array) =>
		watch.look(input, { ...tiling, taken, name: undefined }, recipeWith().quality).failure?.code;
	for (let i = 0; i < 40; i += 1) {
		const frame = frameOf(drawPart(1, i, undefined, 128).image);
		assert.is(faultOf(frame.modelInput(undefined, tiling)), undefined, `part ${i}`);
		frame.release();
	}
	assert.is(faultOf(new Uint8Array(tiling.width * tiling.height * 3)), 'picture-dark');
});

lesson('is not in bundles of before, which open as they did', async () => {
	await using folder = await temporaryFolder();
	const { manifest } = await readBundle(await tinyBundle(join(folder.path, 'tiny')));
	const { quality, ...before } = manifest;
	assert.ok(quality);
	assert.is(manifestSchema.parse(before).quality, null);
});

lesson.run();
