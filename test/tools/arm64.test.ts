import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePng } from '../../src/opencv/picture.js';
import { drawPart } from '../../src/sim/line.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const tools = suite('what compares processors');

const root = fileURLToPath(new URL('../../..', import.meta.url));

tools('scores the same pictures twice to the same bytes on one processor', async () => {
	await using home = await temporaryFolder();
	const bundle = await tinyBundle(join(home.path, 'tiny'));
	const pictures = join(home.path, 'pictures');
	await mkdir(pictures);
	for (const i of [1, 2])
		await writeFile(join(pictures, `${i}.png`), encodePng(drawPart(1, i, undefined, 128).image));
	const scored = async (name: string) => {
		const maps = join(home.path, name);
		const args = [join(root, 'tools/arm64/score.mjs'), join(root, 'dist'), bundle, pictures, maps];
		const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 120_000 });
		const [machine, { scores, golden }] = stdout
			.split('\n')
			.filter((line) => line.startsWith('{'))
			.map((line) => JSON.parse(line)) as [object, { scores: Record<string, number>; golden: unknown }];
		assert.equal([Object.keys(scores), golden], [['1.png', '2.png'], null], stderr);
		return { machine, scores, maps: await readFile(`${maps}.fp32`) };
	};
	const [one, other] = [await scored('one'), await scored('other')];
	assert.equal(one, other);
	assert.ok(one.scores['1.png'] !== one.scores['2.png']);
	assert.is(one.maps.length, 2 * 64 * 64 * 4);
});

tools.run();
