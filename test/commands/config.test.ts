import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePng } from '../../src/opencv/picture.js';
import { drawPart } from '../../src/sim/line.js';
import { stationsRun } from '../answer-of.js';
import { eventually } from '../free-port.js';
import { program, type Running, start } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const config = suite('inspectord config');

const text = `# The line in hall 3.
box: t
mqtt: { url: "mqtt://me:secret@127.0.0.1:9" }
stations: { s: { camera: { source: pictures, loop: true }, recipe: r } }
recipes:
  r:
    model: bundle
    threads: 1
    trigger: { everyMs: 200 }
    deadlineMs: 5000   # long
`;

async function place() {
	const folder = await temporaryFolder();
	const file = join(folder.path, 'line.yaml');
	await tinyBundle(join(folder.path, 'bundle'));
	await mkdir(join(folder.path, 'pictures'));
	for (let i = 0; i < 2; i += 1)
		await writeFile(join(folder.path, `pictures/${i}.png`), encodePng(drawPart(1, i, undefined, 96).image));
	await writeFile(file, text);
	const boxes: Running[] = [];
	return {
		file,
		other: join(folder.path, 'other.yaml'),
		held: () => readFile(file, 'utf8'),
		config: (...words: string[]) => program('config', ...words, '--config', file),
		box: async () => {
			const box = start('run', '--config', file);
			boxes.push(box);
			await stationsRun(join(folder.path, 't-state'));
			return box;
		},
		[Symbol.asyncDispose]: async () => {
			for (const box of boxes) await box[Symbol.asyncDispose]();
			await folder[Symbol.asyncDispose]();
		},
	};
}

const numbers = (out: string) =>
	out
		.trim()
		.split('\n')
		.map((line) => line.split('-')[0]);

config('edits the file itself where no daemon runs, whole or not at all', async () => {
	await using at = await place();
	assert.match((await at.config('history')).err, /There is no history/);
	const edited = await at.config('edit', 'recipes.r.deadlineMs=700', 'recipes.r.threads=null');
	assert.is(edited.code, 0, edited.err);
	assert.match(edited.out, /^revision 2-[0-9a-f]{8} stands .*it was not tried/);
	const after = text.replace('5000', '700').replace('    threads: 1\n', '');
	assert.is(await at.held(), after);
	const refused = await at.config('edit', 'recipes.r.deadlineMs=soon', 'recipes.r.treshold=1');
	assert.is(refused.code, 1);
	assert.match(refused.err, /deadlineMs: expected number.*\n.*did you mean "threshold"/);
	assert.is(await at.held(), after);
	await writeFile(at.other, text.replace('5000', '900'));
	assert.is((await at.config('edit', at.other)).code, 0);
	assert.match(await at.held(), /900 {3}# long/);
	assert.equal(numbers((await at.config('history')).out), ['3', '2', '1']);
	assert.is((await at.config('rollback')).code, 0);
	assert.is(await at.held(), after);
	const first = (await at.config('history')).out.trim().split('\n').at(-1)!.split(' ')[0]!;
	assert.is((await at.config('rollback', first)).code, 0);
	assert.is(await at.held(), text);
	const shown = await at.config('show');
	assert.match(shown.out, /deadlineMs: 5000/);
	assert.not.match(shown.out, /secret/);
	for (const [words, said] of [
		[['shw'], /There is no action "shw"\nThere are show, history, rollback, edit/],
		[['edit'], /"edit" takes other words/],
		[['edit', 'a', 'b=1'], /Cannot understand "a"/],
		[['rollback', '9-12345678'], /Cannot read revision/],
	] as const)
		assert.match((await at.config(...words)).err, said);
});

config(
	'asks the daemon that runs, which takes edits by hand, too, and starts in spite of faults',
	async () => {
		await using at = await place();
		const box = await at.box();
		const edited = await at.config('edit', 'recipes.r.deadlineMs=700');
		assert.match(edited.out, /^revision 2-[0-9a-f]{8} stands: 1 setting changed/, edited.err);
		assert.is(await at.held(), text.replace('5000', '700'));
		assert.match((await at.config('show')).out, /deadlineMs: 700/);

		await writeFile(at.file, text.replace('5000', '800'));
		await eventually('it is taken', async () => numbers((await at.config('history')).out)[0] === '3', 60_000);
		await writeFile(at.file, text.replace('model:', 'modle:'));
		await eventually('it is refused', () => /did you mean "model"/.test(box.err()), 60_000);
		await eventually('it is kept', async () =>
			/did you mean "model"/.test(await readFile(`${at.file}.refused.txt`, 'utf8').catch(() => '')),
		);
		assert.match(await at.held(), /modle/);
		assert.match((await at.config('show')).out, /deadlineMs: 800/);
		await writeFile(at.file, text.replace('bundle', 'bundle-2'));
		await eventually('it is tried', () => /bundle-2/.test(box.err()), 60_000);
		box.child.kill('SIGTERM');
		assert.is((await box.ended).code, 0);

		const again = await at.box();
		assert.match(again.err(), /holds what was refused before; revision 3-\w+ runs/);
		await eventually('it is tried again', () => (again.err().match(/bundle-2/g) ?? []).length > 0, 60_000);
		assert.match((await at.config('show')).out, /deadlineMs: 800/);
		again.child.kill('SIGKILL');
		await again.ended;
		await rm(at.file);
		const third = await at.box();
		assert.match(third.err(), /there is no such file; it was written anew/);
		assert.match(await at.held(), /deadlineMs: 800/);
		third.child.kill('SIGTERM');
		await third.ended;
	},
);

config.run();
