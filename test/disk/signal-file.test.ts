import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, open, readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { realPace } from '../../src/base/retry.js';
import { watchSignalFile } from '../../src/disk/signal-file.js';
import { eventually } from '../free-port.js';
import { temporaryFolder } from '../tiny-bundle.js';

const files = suite('a file that is a signal');

/** What is taken from a file `signal`; `before` is done first. */
async function watching(before: (path: string) => Promise<unknown> = async () => {}) {
	const folder = await temporaryFolder();
	const path = join(folder.path, 'signal');
	await before(path);
	const ending = new AbortController();
	const taken: string[] = [];
	const refused: string[] = [];
	let looked = 0;
	const watched = watchSignalFile(
		path,
		20,
		{
			content: (bytes) => void taken.push(Buffer.from(bytes).toString()),
			refused: (why) => void refused.push(why),
		},
		ending.signal,
		{
			pause: (ms, until) => {
				looked++;
				return realPace.pause(ms, until);
			},
		},
	);
	// What is made before the first look lay there before.
	await eventually('it is watched', () => looked > 0);
	return {
		path,
		taken,
		refused,
		left: async () => (await readdir(folder.path)).sort(),
		/** What is to happen next. */
		next: (what: readonly string[], many: number) => eventually('it is seen', () => what.length >= many),
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			await watched;
			await folder[Symbol.asyncDispose]();
		},
	};
}

files('is taken each time that it appears, and is gone then', async () => {
	await using here = await watching();
	for (const [i, content] of ['', 'P-1', 'P-1'].entries()) {
		if (i === 1) await writeFile(here.path, content);
		else {
			await writeFile(`${here.path}.new`, content);
			await rename(`${here.path}.new`, here.path);
		}
		await here.next(here.taken, i + 1);
	}
	assert.equal(here.taken, ['', 'P-1', 'P-1']);
	assert.equal([await here.left(), here.refused], [[], []]);
});

files('is taken whole, also when it is written bit by bit', async () => {
	await using here = await watching();
	const file = await open(here.path, 'w');
	for (const letter of 'P-1234') await file.write(letter);
	await file.close();
	await here.next(here.taken, 1);
	assert.equal(here.taken, ['P-1234']);
});

files('is read as far as it may be long, and one byte further', async () => {
	await using here = await watching();
	await writeFile(here.path, 'x'.repeat(100_000));
	await here.next(here.taken, 1);
	assert.equal(here.taken, ['x'.repeat(21)]);
	assert.equal(await here.left(), []);
});

files('that lay there before is of another time: it stays, until somebody writes it', async () => {
	await using here = await watching((path) => writeFile(path, 'old'));
	await here.next(here.refused, 1);
	assert.match(here.refused[0]!, /lay there before/);
	await new Promise((resolve) => setTimeout(resolve, 100));
	assert.equal([here.taken, await here.left()], [[], ['signal']]);
	await appendFile(here.path, '!');
	await here.next(here.taken, 1);
	assert.equal([here.taken, await here.left()], [['old!'], []]);
});

const others: readonly (readonly [what: string, make: (path: string) => Promise<unknown>])[] = [
	['a link, whatever it leads to', (path) => symlink('/etc/hostname', path)],
	['a link that leads nowhere', (path) => symlink('nowhere', path)],
	['a folder', (path) => mkdir(path)],
	['a pipe', async (path) => execFileSync('mkfifo', [path])],
];

for (const [what, make] of others) {
	files(`is not ${what}: that is refused once, and put aside`, async () => {
		await using here = await watching();
		await make(here.path);
		await here.next(here.refused, 1);
		assert.match(here.refused[0]!, /no plain file: it was moved to ".*signal\.refused"/);
		assert.equal([await here.left(), here.taken], [['signal.refused'], []]);
		await writeFile(here.path, 'P-1');
		await here.next(here.taken, 1);
		assert.equal([here.taken, here.refused.length], [['P-1'], 1]);
	});
}

files('is not what cannot be put aside: that is told once', async () => {
	await using here = await watching((path) => mkdir(join(`${path}.refused`, 'x'), { recursive: true }));
	await mkdir(here.path);
	await here.next(here.refused, 1);
	await new Promise((resolve) => setTimeout(resolve, 100));
	assert.is(here.refused.length, 1);
	assert.match(here.refused[0]!, /cannot be taken/);
});

files.run();
