import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { forbidden } from '../../src/config/allowed.js';
import { differing } from '../../src/config/difference.js';
import type { Config } from '../../src/config/schema.js';
import { readConfig } from '../../src/daemon/settings.js';
import { realPathOf } from '../../src/disk/real-path.js';
import { temporaryFolder } from '../tiny-bundle.js';

const paths = suite('paths that an edit from afar may name, on a real disk');

const text = (source: string, model: string) => `box: t
control: { allow: { cameras: ["up/*", "watch: ../in/**", "rtsp://h/**", "1"], bundles: bundles, pictures: ./p/../pics } }
stations: { s: { camera: { source: "${source}" }, recipe: r } }
recipes: { r: { model: ${model} } }
`;

const configIn = (folder: string, source: string, model: string): Config => {
	const read = readConfig(text(source, model), join(folder, 'etc/line.yaml'), {});
	assert.ok('config' in read, JSON.stringify(read));
	return read.config;
};

paths('are relative to the file of the configuration, and looked at behind their links', async () => {
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	for (const name of ['etc/up', 'etc/bundles/lid@1', 'in/deep', 'out/lid'])
		await mkdir(at(name), { recursive: true });
	await symlink('lid@1', at('etc/bundles/lid'));
	await symlink('../../out/lid', at('etc/bundles/away'));
	await symlink(at('out'), at('etc/up/out'));
	const before = configIn(folder.path, 'sim:', 'old/bundle');
	const { allow } = before.control;
	assert.equal(allow.cameras, [at('etc/up/*'), `watch: ${at('in/**')}`, 'rtsp://h/**', '/dev/video1']);
	assert.equal([allow.bundles, allow.pictures], [at('etc/bundles'), at('etc/pics')]);
	for (const [source, model, refused] of [
		['up/new', 'bundles/lid', []],
		['watch: ../in/deep/er', 'bundles/lid@1', []],
		['/dev/video1', 'old/bundle', []],
		['1', 'bundles/../bundles/new', []],
		['up/out', 'old/bundle', ['stations.s.camera.source']],
		['up/../up2', 'bundles/away', ['stations.s.camera.source', 'recipes.r.model']],
		['watch: ../out', 'bundles/../../out/lid', ['stations.s.camera.source', 'recipes.r.model']],
		['file://up/a%2f..%2f..%2fx', 'bundles', ['stations.s.camera.source', 'recipes.r.model']],
	] as const) {
		const after = configIn(folder.path, source, model);
		const faults = await forbidden(
			before,
			after,
			differing(before, after),
			{ origin: 'remote', isSigned: false },
			realPathOf,
		);
		assert.equal(faults.map(({ path }) => path).sort(), [...refused].sort(), `${source} ${model}`);
	}
});

paths.run();
