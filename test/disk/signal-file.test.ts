import { execFileSync } from 'node:child_process';
import { mkdir, open, readdir, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { realPace } from '../../src/base/retry.js';
import { type Files, realFiles } from '../../src/disk/files.js';
import { type Ago, MOST_TAKEN, watchSignalFile } from '../../src/disk/signal-file.js';
import { eventually } from '../free-port.js';
import { temporaryFolder } from '../tiny-bundle.js';

const signals = suite('a file that is a signal');

/** A journal that lives longer than who watches. */
const journal = () => ({ marks: [] as readonly string[], taken: [] as string[], left: [] as string[] });

type Journal = ReturnType<typeof journal>;

/**
 * What is taken from a file `signal`; `before` is done first. `safe`: resolves when a part is on disk, whose marks the journal knows
 * from then on; undefined: at once.
 */
async function watching(
	before: (path: string) => Promise<unknown> = async () => {},
	safe: () => Promise<void> | undefined = () => undefined,
	known: Journal = journal(),
	at?: string,
	files = realFiles,
) {
	const folder = at === undefined ? await temporaryFolder() : undefined;
	const path = join(at ?? folder!.path, 'signal');
	await before(path);
	const ending = new AbortController();
	const { taken, left: missed } = known;
	const refused: string[] = [];
	const agos: Ago[] = [];
	const take = (into: string[]) => (bytes: Uint8Array, marks: readonly string[], ago?: Ago) => {
		if (ago) agos.push(ago);
		into.push(Buffer.from(bytes).toString());
		return safe()?.then(() => {
			known.marks = marks;
		});
	};
	let looked = 0;
	const watched = watchSignalFile(
		path,
		20,
		{
			content: take(taken),
			left: take(missed),
			isKnown: (mark) => known.marks.includes(mark),
			refused: (why) => void refused.push(why),
		},
		ending.signal,
		{
			now: realPace.now,
			pause: (ms, until) => {
				looked++;
				return realPace.pause(ms, until);
			},
		},
		files,
	);
	// What is made before the first look lay there before.
	await eventually('it is watched', () => looked > 0);
	const left = async () => (await readdir(dirname(path))).sort();
	return {
		path,
		taken,
		missed,
		refused,
		agos,
		left,
		/** Waits until just these lie there: who takes a file removes it a moment later. */
		holds: (...names: readonly string[]) =>
			eventually(`just [${names}] lie there`, async () => isDeepStrictEqual(await left(), names)),
		/** It is as if nobody watched any more from now on, whatever is written later. */
		dies: () => ending.abort(),
		/** It has seen what is there. */
		looksAgain: () => {
			const before = looked;
			return eventually('it is looked at', () => looked > before + 1);
		},
		/** What is to happen next. */
		next: (what: readonly string[], many: number) => eventually('it is seen', () => what.length >= many),
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			await watched;
			await folder?.[Symbol.asyncDispose]();
		},
	};
}

signals('is taken each time that it appears, and is gone then', async () => {
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
	await here.holds();
	assert.equal(here.refused, []);
});

signals('is taken whole, also when it is written bit by bit', async () => {
	await using here = await watching();
	const file = await open(here.path, 'w');
	for (const letter of 'P-1234') await file.write(letter);
	await file.close();
	await here.next(here.taken, 1);
	assert.equal(here.taken, ['P-1234']);
});

signals('is read as far as it may be long, and one byte further', async () => {
	await using here = await watching();
	await writeFile(here.path, 'x'.repeat(100_000));
	await here.next(here.taken, 1);
	assert.equal(here.taken, ['x'.repeat(21)]);
	await here.holds();
});

signals(
	'that lay there before is of another time: its part was missed, and the next one is taken',
	async () => {
		await using here = await watching((path) => writeFile(path, 'old'));
		await here.next(here.missed, 1);
		assert.equal([here.taken, here.missed], [[], ['old']]);
		await here.holds();
		await writeFile(here.path, 'new');
		await here.next(here.taken, 1);
		assert.equal([here.taken, here.missed], [['new'], ['old']]);
		await here.holds();
	},
);

signals('lies there until its part is on disk, under another name, and keeps none waiting', async () => {
	const written: (() => void)[] = [];
	const safe = () => new Promise<void>((resolve) => written.push(resolve));
	await using here = await watching(undefined, safe);
	for (const [i, part] of ['P-1', 'P-2'].entries()) {
		await writeFile(here.path, part);
		await here.next(here.taken, i + 1);
	}
	const lying = await here.left();
	assert.is(lying.length, 2);
	for (const name of lying) assert.match(name, /^signal\.taken-\d+-\d+$/);
	for (const [i, resolve] of written.entries()) {
		resolve();
		await eventually('it is gone', async () => (await here.left()).length === 1 - i);
	}
});

/** How far a part came when the power went: what lies in the folder, and whether the journal knows of it. */
const cuts: readonly (readonly [when: string, renamed: boolean, isKnown: boolean, missed: number])[] = [
	['before its file was taken', false, false, 1],
	['after its file was taken', true, false, 1],
	['when it was on disk', true, true, 0],
	['when it was on disk, and the disk had forgotten that the file was taken', false, true, 0],
];

for (const [when, renamed, isKnown, missed] of cuts) {
	signals(`is ${missed === 0 ? 'not judged twice' : 'not lost'} when the power goes ${when}`, async () => {
		const known = journal();
		await using here = await watching(
			async (path) => {
				await writeFile(path, 'P-1');
				const { ino, mtimeNs } = await stat(path, { bigint: true });
				if (isKnown) known.marks = [`${ino}-${mtimeNs}`];
				if (renamed) await rename(path, `${path}.taken-${ino}-${mtimeNs}`);
			},
			async () => {},
			known,
		);
		await here.holds();
		assert.equal([here.taken, here.missed, here.refused], [[], Array(missed).fill('P-1'), []]);
	});
}

signals('is found by the next one when this one dies before its part is on disk', async () => {
	await using folder = await temporaryFolder();
	const known = journal();
	const never = () => new Promise<void>(() => {});
	{
		const first = await watching(undefined, never, known, folder.path);
		await writeFile(first.path, 'P-1');
		await first.next(first.taken, 1);
		first.dies();
	}
	for (const times of [1, 2]) {
		await using next = await watching(undefined, async () => {}, known, folder.path);
		await next.holds();
		assert.equal([times, known.taken, known.left], [times, ['P-1'], ['P-1']]);
	}
});

signals('of an older program that had taken it is found, too', async () => {
	await using here = await watching((path) => writeFile(`${path}.taken`, 'P-1'));
	await here.next(here.missed, 1);
	assert.equal(here.missed, ['P-1']);
	await here.holds();
});

const others: readonly (readonly [what: string, make: (path: string) => Promise<unknown>])[] = [
	['a link, whatever it leads to', (path) => symlink('/etc/hostname', path)],
	['a link that leads nowhere', (path) => symlink('nowhere', path)],
	['a folder', (path) => mkdir(path)],
	['a pipe', async (path) => execFileSync('mkfifo', [path])],
];

for (const [what, make] of others) {
	signals(`is not ${what}: that is refused once, and put aside`, async () => {
		await using here = await watching();
		await make(here.path);
		await here.next(here.refused, 1);
		assert.match(here.refused[0]!, /no plain file: it was moved to ".*signal\.refused"/);
		await here.holds('signal.refused');
		assert.equal(here.taken, []);
		await writeFile(here.path, 'P-1');
		await here.next(here.taken, 1);
		assert.equal([here.taken, here.refused.length], [['P-1'], 1]);
	});
}

signals('is not what cannot be put aside: that is told once', async () => {
	await using here = await watching((path) => mkdir(join(`${path}.refused`, 'x'), { recursive: true }));
	await mkdir(here.path);
	await here.next(here.refused, 1);
	await new Promise((resolve) => setTimeout(resolve, 100));
	assert.is(here.refused.length, 1);
	assert.match(here.refused[0]!, /cannot be taken/);
});

/** A disk that refuses what it is told to. */
const sickly = () => {
	const refuses = new Set<'rename' | 'remove'>();
	const able = async (to: 'rename' | 'remove') => {
		if (refuses.has(to)) throw new Error('read-only file system');
	};
	const files: Files = {
		...realFiles,
		rename: (from, to) => able('rename').then(() => realFiles.rename(from, to)),
		remove: (path) => able('remove').then(() => realFiles.remove(path)),
	};
	return { refuses, files };
};

signals('waits for a disk that does not let it be taken, and says how long it lay there', async () => {
	const { refuses, files } = sickly();
	await using here = await watching(undefined, undefined, undefined, undefined, files);
	await here.looksAgain();
	refuses.add('rename');
	await writeFile(here.path, 'P-1');
	await here.next(here.refused, 1);
	refuses.delete('rename');
	await here.next(here.taken, 1);
	assert.equal([here.taken, here.refused.length], [['P-1'], 1]);
	assert.ok(
		here.agos[0]!.least >= 1000 && here.agos[0]!.most >= here.agos[0]!.least,
		JSON.stringify(here.agos),
	);
});

signals('stays known as long as it cannot be removed', async () => {
	const { refuses, files } = sickly();
	const known = journal();
	refuses.add('remove');
	await using here = await watching(undefined, async () => {}, known, undefined, files);
	await writeFile(here.path, 'P-1');
	await here.next(here.refused, 1);
	const [first] = known.marks;
	await writeFile(here.path, 'P-2');
	await here.next(here.taken, 2);
	assert.ok(known.marks.length === 2 && known.marks[0] === first);
});

signals('stays where it is when too many before it cannot be removed', async () => {
	const { refuses, files } = sickly();
	refuses.add('remove');
	await using here = await watching(undefined, undefined, undefined, undefined, files);
	for (let i = 1; i <= MOST_TAKEN; i += 1) {
		await writeFile(here.path, `P-${i}`);
		await here.next(here.taken, i);
	}
	await writeFile(here.path, 'the next');
	for (let i = 0; i < 3; i += 1) await here.looksAgain();
	assert.equal([here.taken.length, (await here.left()).length], [MOST_TAKEN, MOST_TAKEN + 1]);
	refuses.delete('remove');
	await here.next(here.taken, MOST_TAKEN + 1);
	await here.holds();
});

signals.run();
