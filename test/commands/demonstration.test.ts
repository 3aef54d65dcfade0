import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readBundle, writeBundle } from '../../src/disk/bundle.js';
import { eventually, freePort } from '../free-port.js';
import { program, start } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const demonstration = suite('the demonstration');

demonstration(
	'takes the newest whole bundle of its part, and leaves a damaged one where it stands',
	async () => {
		await using folder = await temporaryFolder();
		const bundles = join(folder.path, 'data', 'bundles');
		await mkdir(bundles, { recursive: true });
		const tiny = await readBundle(await tinyBundle(join(folder.path, 'tiny')));
		const { files: _, ...manifest } = tiny.manifest;
		const model = await readFile(tiny.models.fp32!);
		const place = join(bundles, 'flange');
		const taughtOn = async (day: string) => {
			const { architecture, input } = manifest;
			const { dir } = await writeBundle(place, {
				manifest: {
					...manifest,
					createdAt: `2026-11-${day}T12:00:00.000Z`,
					architecture: { ...architecture, teacher: { ...architecture.teacher, seeded: false } },
					input: { ...input, picture: null },
				},
				models: { fp32: model },
				golden: tiny.golden,
			});
			return dir;
		};
		const damaged = await taughtOn('23');
		const newest = await taughtOn('22');
		const old = await taughtOn('21');
		await writeFile(join(damaged, 'model.onnx'), 'x');
		const before = (await readdir(bundles)).sort();
		await using shown = start('run', '--data', join(folder.path, 'data'), '--port', `${await freePort()}`);
		await eventually('it inspects', () => /accept|reject/.test(shown.out()));
		shown.child.kill('SIGTERM');
		const { code, err } = await shown.ended;
		assert.is(code, 0, err);
		assert.match(err, `It has learnt the part before: bundle "${newest}"`);
		assert.match(err, /Cannot use bundle ".*": "model.onnx" is damaged.*; it is passed over/);
		assert.not.match(err, 'First it learns');
		assert.equal((await readdir(bundles)).sort(), before);
		await readBundle(old);
		// The next start goes on where this one ended.
		const numbers = async () => {
			const { out } = await program('events', '--state', join(folder.path, 'data', 'state'), '--json');
			const events = out.trim().split('\n');
			return events.flatMap(
				(line) => (JSON.parse(line) as { readonly sequence: number | null }).sequence ?? [],
			);
		};
		const first = await numbers();
		assert.ok(first.length > 0);
		await using again = start('run', '--data', join(folder.path, 'data'), '--port', `${await freePort()}`);
		await eventually('it inspects again', () => /accept|reject/.test(again.out()));
		const all = await numbers();
		assert.ok(all.length > first.length);
		assert.equal(
			all,
			all.map((_, i) => i + 1),
		);
	},
);

demonstration.run();
