import { copyFile, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readBundle } from '../../src/disk/bundle.js';
import { parseSafetensors } from '../../src/model/safetensors.js';
import { eventually } from '../free-port.js';
import { program, start } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const commands = suite('the command line');

commands('explains itself', async () => {
	const { code, out } = await program('--help');
	assert.is(code, 0);
	for (const name of ['run', 'teach', 'evaluate', 'check', 'simulate']) {
		assert.match(out, new RegExp(`^  ${name} `, 'm'));
		const help = await program(name, '--help');
		assert.is(help.code, 0);
		assert.match(help.out, new RegExp(`^Usage: inspectord ${name}`));
	}
	assert.match((await program('--version')).out, /^\d+\.\d+\.\d+\n$/);
});

const misuses: readonly (readonly [args: string[], message: RegExp])[] = [
	[[], /^$/],
	[['tech'], /There is no command "tech"\nDid you mean "teach"\?/],
	[['station'], /station is a child process/],
	[['teach', '--otu', 'x', 'y'], /There is no option "--otu" for teach\nDid you mean "--out"\?/],
	[['teach', 'x'], /teach needs a place for the bundle/],
	[['teach', '--out', 'x'], /teach takes IMAGES, not 0 argument/],
	[['teach', 'x', '--out', 'y', '--size', '100'], /--size "100": it is a multiple of 32/],
	[['teach', 'x', '--out', 'y', '--holdout', '2'], /--holdout "2": it is a number from 0.01 to 0.9/],
	[['simulate', 'x', '--good', 'many'], /--good "many"/],
	[['check'], /check needs a configuration/],
];

for (const [args, message] of misuses) {
	commands(`ends with 2 and says what is wrong: ${args.join(' ') || '(nothing)'}`, async () => {
		const { code, err } = await program(...args);
		assert.is(code, 2);
		assert.match(err, message);
	});
}

commands('simulates a data set, teaches from it, and refuses what it cannot learn from', async () => {
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	const pocket = fileURLToPath(new URL('../../../models/teachers/pocket.safetensors', import.meta.url));
	const small = ['--size', '64', '--iterations', '3', '--batch', '4', '--folds', '0', '--threads', '1'];
	const simulated = await program(
		'simulate',
		at('set'),
		'--good',
		'10',
		'--defects',
		'4',
		'--size',
		'96',
		'--json',
	);
	assert.is(simulated.code, 0, simulated.err);
	assert.equal(JSON.parse(simulated.out), {
		train: 10,
		testGood: 2,
		testDefective: 4,
		seed: 1,
		size: 96,
		turn: 2,
	});
	assert.equal((await readdir(at('set/ground_truth'))).sort(), [
		'chipped_edge',
		'missing_hole',
		'scratch',
		'stain',
	]);

	const taught = await program(
		'teach',
		at('set'),
		'--out',
		at('b'),
		'--backbone',
		'pocket',
		...small,
		'--region',
		'4,4,88,88',
		'--tiles',
		'auto',
		'--json',
	);
	assert.is(taught.code, 0, taught.err);
	const result = JSON.parse(taught.out) as { images: number; heldOut: number; threshold: number };
	assert.equal([result.images, result.heldOut], [8, 2]);
	const bundle = await readBundle(at('b'));
	const { manifest } = bundle;
	assert.is(JSON.parse(taught.out).bundle, at(bundle.id));
	assert.is(await readlink(at('b')), bundle.id);
	const whole = { width: 96, height: 96 };
	assert.equal(manifest.input.picture, { smallest: whole, largest: whole, grey: false });
	assert.is(manifest.calibration.threshold, result.threshold);
	assert.equal(manifest.input.region, { x: 4, y: 4, width: 88, height: 88 });
	const compared = manifest.input.compared!.map(({ tiling: { rows, columns }, pass }) => [
		rows,
		columns,
		pass,
	]);
	const unknown = [
		[1, 1, null],
		[2, 2, null],
	];
	assert.equal(compared, unknown);
	assert.match(taught.err, /10 good pictures are too few to compare ways to look at them: 18 are needed/);
	assert.match(taught.err, /geometry {2}one square of 64 \([\d.]+ ms a part\), not compared with others/);

	const evaluated = await program('evaluate', at('b'), at('set'), '--json');
	assert.is(evaluated.code, 0, evaluated.err);
	assert.is(JSON.parse(evaluated.out).images, 6);

	await mkdir(at('few'));
	await mkdir(at('letters'));
	await mkdir(at('one'));
	await copyFile(at('set/test/stain/000.png'), at('one/000.png'));
	await writeFile(at('letters/a.txt'), 'dear');
	await writeFile(at('wrong.safetensors'), 'no weights');
	const teach = (...args: string[]) => program('teach', ...args, ...small);
	const refusals: readonly (readonly [args: string[], message: RegExp])[] = [
		[[at('few'), '--out', at('n')], /Cannot find images in ".*few"/],
		[[at('absent'), '--out', at('n')], /absent"/],
		[[at('one'), '--out', at('n')], /1 good image\(s\): at least 8 are needed/],
		[[at('set/test/stain'), '--out', at('n')], /stain": its name says that they are not/],
		[[at('set'), '--out', at('letters')], /the folder holds something else/],
		[[at('set'), '--out', at('letters/a.txt/b')], /Cannot write .*a\.txt\/b": a file stands in its way/],
		[
			[at('set'), '--out', at('n'), '--teacher', pocket, '--backbone', 'resnet18'],
			/Cannot use teacher .*not the \[64,3,7,7\] of a resnet18/,
		],
		[
			[at('set'), '--out', at('n'), '--teacher', at('wrong.safetensors')],
			/Cannot read teacher ".*wrong\.safetensors"/,
		],
	];
	for (const [args, message] of refusals) {
		const { code, err } = await teach(...args);
		assert.is(code, 1, err);
		assert.match(err, message);
		assert.ok(err.trim().split('\n').length <= 2, `one or two lines:\n${err}`);
		assert.not.match(err, /learning|looking/, 'nothing was learnt before it was said');
	}
	assert.not.ok((await readdir(folder.path)).some((name) => name === 'n' || name.includes('unfinished')));
	assert.is((await program('simulate', at('letters'))).code, 1);
	assert.equal(await readdir(at('letters')), ['a.txt']);
});

commands('leave no half bundle when they are interrupted, and go on where they were', async () => {
	await using folder = await temporaryFolder();
	const set = join(folder.path, 'set');
	await program('simulate', set, '--good', '10', '--defects', '0', '--size', '96');
	const lesson = [
		'teach',
		set,
		'--out',
		join(folder.path, 'b'),
		'--size',
		'64',
		'--folds',
		'0',
		'--threads',
		'1',
	];
	await using teaching = start(...lesson, '--iterations', '100000');
	await eventually('it learns', () => teaching.err().includes('learning'));
	teaching.child.kill('SIGINT');
	const { code } = await teaching.ended;
	assert.is(code, 130);
	assert.equal((await readdir(folder.path)).sort(), ['b.checkpoint', 'set']);
	const differs = /b\.checkpoint": it is of a lesson with other pictures, another teacher or other settings/;
	for (const different of [
		['--seed', '9'],
		['--preset', 'paper'],
	]) {
		const { err } = await program(...lesson, ...different, '--resume');
		assert.match(err, differs);
	}
	// As many pictures of the same names, one of another part.
	const picture = join(set, 'train', 'good', '003.png');
	const taken = await readFile(picture);
	await copyFile(join(set, 'test', 'good', '000.png'), picture);
	assert.match((await program(...lesson, '--resume')).err, differs);
	await writeFile(picture, taken);
	const { metadata } = parseSafetensors(await readFile(join(folder.path, 'b.checkpoint')));
	const done = JSON.parse(metadata.losses!) as number[];
	assert.ok(done.length > 0);
	const resumed = await program(...lesson, '--iterations', `${done.length + 3}`, '--resume', '--json');
	assert.is(resumed.code, 0, resumed.err);
	const bundle = await readBundle(join(folder.path, 'b'));
	const { losses } = bundle.manifest.training;
	assert.equal(losses.slice(0, done.length), done);
	assert.is(losses.length, done.length + 3);
	assert.ok(losses.at(-1)! < losses[0]!);
	assert.equal(
		(await readdir(folder.path)).sort(),
		['b', bundle.id, 'set'],
		'the checkpoint went with the end of the lesson',
	);
});

commands('teach beside a bundle that stands, and say what to write to use the new one', async () => {
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	await program('simulate', at('set'), '--good', '8', '--defects', '0', '--size', '96');
	const teach = (...args: string[]) =>
		program(
			'teach',
			at('set'),
			'--out',
			at('lid'),
			'--size',
			'64',
			'--iterations',
			'1',
			'--folds',
			'0',
			'--threads',
			'1',
			...args,
		);
	const first = await teach();
	assert.is(first.code, 0, first.err);
	const { id } = await readBundle(at('lid'));
	assert.match(first.out, new RegExp(`The bundle is ".*/${id}", which ".*/lid" now leads to`));
	const second = await teach('--seed', '2');
	assert.is(second.code, 0, second.err);
	const [, written = ''] =
		/^To inspect with the new one, write into the recipe: model: (.+)$/m.exec(second.out) ?? [];
	assert.match(written, /\/lid@[0-9a-f]{8}$/);
	assert.is((await readBundle(written)).manifest.training.seed, 2);
	assert.is((await readBundle(at('lid'))).id, id, 'what a recipe means by the plain name stays');
	const misuse = await teach('--out', written);
	assert.is(misuse.code, 2);
	assert.match(misuse.err, /Cannot write bundle ".*lid@[0-9a-f]{8}"/);
	assert.is((await readdir(folder.path)).length, 4);
});

commands('check a configuration and everything that it needs', async () => {
	await using folder = await temporaryFolder();
	await tinyBundle(join(folder.path, 'b'));
	const file = join(folder.path, 'c.yaml');
	await writeFile(
		file,
		'box: t\nmqtt: { url: "mqtt://127.0.0.1:1" }\nstations:\n  s: { camera: { source: "sim:" }, recipe: r }\nrecipes:\n  r: { model: b }\n',
	);
	const { code, out, err } = await program('check', '--config', file);
	assert.is(code, 1);
	assert.match(out, /^ok {5}recipes\.r: .*proves its golden vectors/m);
	assert.match(out, /^ok {5}stations\.s: camera "sim:" gives 512x512/m);
	assert.match(out, /^FAULT {2}mqtt: Cannot reach broker "127\.0\.0\.1:1": .*\n {7}Is it running/m);
	assert.match(out, /^ok {5}journal\.folder: folder ".*\/t-state" can hold the journal$/m);
	assert.equal((await readdir(folder.path)).sort(), ['b', 'c.yaml'], 'trying leaves nothing behind');
	assert.match(err, /would start with 1 fault/);
});

commands.run();
