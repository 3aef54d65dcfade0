import { spawn, spawnSync } from 'node:child_process';
import {
	chmod,
	chown,
	mkdir,
	readdir,
	readFile,
	rename,
	rm,
	stat,
	symlink,
	writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { openRevisions, readRevision, readRevisions } from '../../src/disk/revisions.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';

const history = suite('revisions of the configuration file');

/** A file, and the folder of a journal. */
async function place(text = 'box: a # mine\n') {
	const folder = await temporaryFolder();
	const file = join(folder.path, 'line.yaml');
	const journal = join(folder.path, 'journal');
	await writeFile(file, text);
	return {
		file,
		journal,
		path: folder.path,
		open: async () => openRevisions(file, journal, await readFile(file, 'utf8'), () => 1000),
		held: () => readFile(file, 'utf8'),
		[Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
	};
}

const told = ({ rev, by, what }: { rev: string; by: string; what: string }) =>
	`${rev.split('-')[0]} ${by}: ${what}`;

history('begin with what the file holds, and count on with each commit', async () => {
	await using at = await place();
	const revisions = await at.open();
	const first = revisions.current;
	assert.match(first.rev, /^1-[0-9a-f]{8}$/);
	assert.is(first.base, null);
	const second = await revisions.commit('box: b\n', 'desk', 'box: a → b');
	assert.equal(second, revisions.current);
	assert.is(second.base, first.rev);
	assert.is(second.atMs, 1000);
	assert.is(await at.held(), 'box: b\n');
	assert.is(await revisions.textOf(first.rev), 'box: a # mine\n');
	assert.equal(revisions.list().map(told), ['2 desk: box: a → b', '1 file: as it was found']);
	assert.equal((await at.open()).list(), revisions.list());
	assert.equal((await readRevisions(at.journal))?.revisions, revisions.list());
	assert.is((await readRevisions(at.journal))?.file, at.file);
	assert.is(await readRevisions(at.path), undefined);
});

history('are kept for their owner alone, and leave nothing else behind', async () => {
	await using at = await place();
	const revisions = await at.open();
	await revisions.commit('box: b\n', 'desk', 'b');
	const folder = join(at.journal, 'revisions');
	assert.is((await stat(folder)).mode & 0o777, 0o700);
	const names = await readdir(folder);
	assert.is(names.length, 3);
	for (const name of names) assert.is((await stat(join(folder, name))).mode & 0o777, 0o600, name);
	assert.equal((await readdir(at.path)).sort(), ['journal', 'line.yaml']);
});

history('know what a hand wrote while nothing ran', async () => {
	await using at = await place();
	await (await at.open()).commit('box: b\n', 'desk', 'b');
	await writeFile(at.file, '\ufeffbox: c\r\n');
	const revisions = await at.open();
	assert.is(told(revisions.current), '3 file: changed by hand while the box was down');
	assert.is(await revisions.textOf(revisions.current.rev), '\ufeffbox: c\r\n');
	await writeFile(at.file, 'box: b\n');
	assert.match((await at.open()).current.rev, /^4-/);
});

history('are twenty at most, and the last that is proven is among them', async () => {
	await using at = await place();
	const revisions = await at.open();
	const first = revisions.current.rev;
	await revisions.prove(first);
	for (let i = 2; i <= 30; i += 1) await revisions.commit(`box: b${i}\n`, 'desk', `${i}`);
	const numbers = revisions.list().map(({ rev }) => Number.parseInt(rev, 10));
	assert.equal(numbers, [...Array.from({ length: 19 }, (_, i) => 30 - i), 1]);
	assert.is(await revisions.textOf(first), 'box: a # mine\n');
	assert.is((await readdir(join(at.journal, 'revisions'))).length, 21);
	assert.is((await failureOf(revisions.textOf('2-12345678'))).code, 'file-unreadable');
	assert.is((await failureOf(readRevision(at.journal, '../../line'))).code, 'file-unreadable');
	assert.ok((await at.open()).list().at(-1)?.isProven);
});

history('write through a link, and keep the mode and the owner of the file', async () => {
	await using at = await place();
	await mkdir(join(at.path, 'real'));
	const real = join(at.path, 'real', 'a.yaml');
	await rename(at.file, real);
	await symlink(join('real', 'a.yaml'), at.file);
	await chmod(real, 0o640);
	const isRoot = process.getuid?.() === 0;
	if (isRoot) await chown(real, 1234, 1235);
	const revisions = await at.open();
	await revisions.commit('box: b\n', 'desk', 'b');
	assert.is(await readFile(real, 'utf8'), 'box: b\n');
	assert.is(await at.held(), 'box: b\n');
	assert.is((await stat(real)).mode & 0o777, 0o640);
	if (isRoot) assert.equal([(await stat(real)).uid, (await stat(real)).gid], [1234, 1235]);
	assert.equal(await readdir(join(at.path, 'real')), ['a.yaml']);
});

history('keep what a hand has just written, and what was refused beside the file', async () => {
	await using at = await place();
	const revisions = await at.open();
	await writeFile(at.file, 'box: [\n');
	const failure = await failureOf(revisions.commit('box: b\n', 'desk', 'b'));
	assert.is(failure.code, 'file-changed');
	assert.is(await at.held(), 'box: [\n');
	assert.is(revisions.list().length, 1);
	assert.is(await revisions.refuse('box: [\n', 'line 1: no end\n'), `${at.file}.refused`);
	assert.is(await readFile(`${at.file}.refused`, 'utf8'), 'box: [\n');
	assert.is(await readFile(`${at.file}.refused.txt`, 'utf8'), 'line 1: no end\n');
	await revisions.commit('box: b\n', 'desk', 'b');
	assert.is(await at.held(), 'box: b\n');
	await writeFile(at.file, 'box: c\n');
	await revisions.commit('box: c\n', 'file', 'by hand');
	assert.is(revisions.nameOf('box: b\n'), `4-${revisions.list()[1]!.rev.slice(2)}`);
	assert.is(told(revisions.current), '3 file: by hand');
});

history('survive the loss of their index, and a damaged text is told', async () => {
	await using at = await place();
	const revisions = await at.open();
	const { rev } = revisions.current;
	await revisions.commit('box: b\n', 'desk', 'b');
	await writeFile(join(at.journal, 'revisions', 'index.json'), '{"file": 1');
	const again = await at.open();
	assert.equal(
		again.list().map((one) => one.rev),
		revisions.list().map((one) => one.rev),
	);
	assert.match((await again.commit('box: c\n', 'desk', 'c')).rev, /^3-/);
	await writeFile(join(at.journal, 'revisions', `${rev}.yaml`), 'box: x\n');
	assert.match((await failureOf(again.textOf(rev))).message, /it is damaged/);
});

/** A disk of its own; undefined where none can be mounted. */
function mounted(path: string, options: string) {
	if (spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]).status !== 0) return undefined;
	return { [Symbol.dispose]: () => void spawnSync('umount', ['-l', path]) };
}

history('refuse a commit where the file cannot be written, and nothing moves', async () => {
	await using at = await place();
	const disk = join(at.path, 'disk');
	await mkdir(disk);
	using mount = mounted(disk, 'size=1m');
	if (!mount) return console.log('skipped: a disk of its own cannot be mounted here');
	const file = join(disk, 'line.yaml');
	await writeFile(file, 'box: a\n');
	const revisions = await openRevisions(file, at.journal, 'box: a\n');
	const large = `box: b\n${'# long\n'.repeat(200_000)}`;
	for (const [text, options, state] of [
		[large, undefined, /no space left|disk is full/i],
		['box: b\n', 'remount,ro', /the disk can only be read/],
	] as const) {
		if (options) spawnSync('mount', ['-o', options, disk]);
		const failure = await failureOf(revisions.commit(text, 'desk', 'b'));
		assert.is(failure.code, 'file-unwritable');
		assert.match(failure.message, state);
		assert.is(await readFile(file, 'utf8'), 'box: a\n');
		assert.equal(await readdir(disk), ['line.yaml']);
		assert.is(revisions.list().length, 1);
	}
	assert.is((await openRevisions(file, at.journal, 'box: a\n')).list().length, 1);
	assert.match(await revisions.refuse('box: [\n', 'why'), /revisions\/line\.yaml\.refused$/);
});

history('refuse a commit when their own folder takes nothing', async () => {
	await using at = await place();
	const revisions = await at.open();
	await rm(join(at.journal, 'revisions'), { recursive: true });
	await writeFile(join(at.journal, 'revisions'), '');
	assert.is((await failureOf(revisions.commit('box: b\n', 'desk', 'b'))).code, 'file-unwritable');
	assert.is(await at.held(), 'box: a # mine\n');
	assert.equal((await readdir(at.path)).sort(), ['journal', 'line.yaml']);
});

const KILLS = 12;

history('agree with the file, and neither is torn, whenever the process is killed', async () => {
	await using at = await place('n: 0\n# whole\n');
	const random = randomFrom(7);
	let highest = 0;
	for (let i = 0; i < KILLS; i += 1) {
		const child = spawn(process.execPath, [
			fileURLToPath(new URL('committing-process.js', import.meta.url)),
			at.file,
			at.journal,
		]);
		let said = '';
		const lines = 2 + random.below(4);
		await new Promise<void>((resolve) =>
			child.stdout.on('data', (chunk) => {
				said += chunk;
				if (said.split('\n').length > lines) resolve();
			}),
		);
		await new Promise((resolve) => setTimeout(resolve, random.uniform() * 20));
		child.kill('SIGKILL');
		await new Promise((resolve) => child.once('close', resolve));
		const text = await at.held();
		assert.ok(text.endsWith('# whole\n'), 'torn');
		const revisions = await at.open();
		const [newest, older] = revisions.list();
		assert.is(await revisions.textOf(newest!.rev), text);
		if (older) await revisions.textOf(older.rev);
		assert.is(newest!.by, 'desk');
		// What was told to be written stands, or what was written after it.
		const number = Number.parseInt(newest!.rev, 10);
		assert.ok(number >= Number.parseInt(said.trim().split('\n').at(-1)!, 10));
		assert.ok(number >= highest);
		highest = number;
		assert.equal((await readdir(at.path)).sort(), ['journal', 'line.yaml']);
	}
	assert.ok(highest > 1, 'nothing was written');
});

history.run();
