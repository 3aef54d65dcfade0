import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AuditEntry } from '../../src/protocol/audit.js';
import { breakLine } from '../../src/protocol/trail.js';
import { type Database, inTransaction, openToWrite } from '../../src/sqlite/database.js';
import { sealed, type Value } from '../../src/sqlite/row.js';
import { migrate } from '../../src/sqlite/schema.js';
import { openSearch } from '../../src/sqlite/search.js';
import { Trail } from '../../src/sqlite/trail.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { journalIn, verdict } from './journals.js';

const trails = suite('the trail of edits');

const entry = (what: string, more: Partial<AuditEntry> = {}): AuditEntry => ({
	atMs: 1_800_000_000_000,
	by: { role: 'engineer', place: 'a/b', key: null },
	what,
	changes: [{ path: 'recipes.lid.threshold', before: 0.5, after: 0.7 }],
	code: 'ok',
	text: '',
	before: '1-00000000',
	rev: '2-1c947c1d',
	...more,
});

function reportOf(folder: string, known?: { readonly id: number; readonly hash: string }) {
	using search = openSearch(folder);
	return search.verifyTrail(known);
}

trails('is whole after restarts and a copy, and is found by time', async () => {
	await using folder = await temporaryFolder();
	for (let i = 0; i < 3; i += 1) {
		await using journal = await journalIn(folder.path);
		for (let j = 0; j < 4; j += 1) await journal.audit(entry(`ü\ud800 ${i} ${j}`, { atMs: 1000 * i + j }));
		assert.equal(
			(await journal.trail({ limit: 2 })).map(({ number, what }) => [number, what]),
			[
				[4 * i + 3, `ü\ud800 ${i} 2`],
				[4 * i + 4, `ü\ud800 ${i} 3`],
			],
		);
		// Also while it is written.
		assert.equal(reportOf(folder.path).breaks, []);
	}
	using search = openSearch(folder.path);
	assert.equal(
		search.trail({ sinceMs: 2001, limit: 100 }).map(({ number }) => number),
		[10, 11, 12],
	);
	const { breaks, entries, first, end } = search.verifyTrail();
	assert.equal(
		{ breaks, entries, first, number: end.number },
		{ breaks: [], entries: 12, first: 1, number: 12 },
	);
	const [last] = search.trail({ limit: 1 });
	assert.is(last?.hash, end.hash);
	await using copy = await temporaryFolder();
	await cp(join(folder.path, 'journal.db'), join(copy.path, 'journal.db'));
	assert.is(reportOf(copy.path).entries, 12);
});

/** A journal of ten entries at which somebody has been. */
async function tamperedWith(work: (database: Database) => void) {
	const folder = await temporaryFolder();
	{
		await using journal = await journalIn(folder.path);
		await Promise.all(Array.from({ length: 10 }, (_, i) => journal.audit(entry(`entry ${i + 1}`))));
	}
	const database = openToWrite(join(folder.path, 'journal.db'));
	work(database);
	database.close();
	return folder;
}

const rowAt = (database: Database, id: number): Value[] => {
	const statement = database.prepare('SELECT * FROM trail WHERE id = ?');
	statement.setReturnArrays(true);
	return statement.get(id) as unknown as Value[];
};

/** Puts a row there whose check sum is right. */
function put(database: Database, [id, atMs, body, hash]: readonly Value[]): void {
	database
		.prepare('INSERT OR REPLACE INTO trail VALUES (?, ?, ?, ?, ?)')
		.run(...sealed('trail', [id!, atMs!, body!, hash!]));
}

const changed = (body: Value | undefined) => String(body).replace('0.7', '0.9');

/** Writes entries from one on anew, as if they had always stood so: `atMs` of the first is another. */
function writeAnew(database: Database, from: number): void {
	const rows = Array.from({ length: 11 - from }, (_, i) => rowAt(database, from + i));
	database.exec(`DELETE FROM trail WHERE id >= ${from}; DELETE FROM facts WHERE name = 'trail_end'`);
	const trail = new Trail(database);
	for (const [, atMs, body] of rows) trail.append(Number(atMs), changed(body));
}

const tampered: readonly (readonly [
	what: string,
	work: (database: Database) => void,
	breaks: readonly string[],
])[] = [
	['nothing', () => {}, []],
	[
		'a body that was changed',
		(database) => database.exec(`UPDATE trail SET body = replace(body, '0.7', '0.9') WHERE id = 4`),
		['entry 4 is not what was written'],
	],
	[
		'a body that was changed with its check sum',
		(database) => {
			const [id, atMs, body, hash] = rowAt(database, 4);
			put(database, [id!, atMs!, changed(body), hash!]);
		},
		['entry 4 is not what was written'],
	],
	[
		'a time that was changed',
		(database) => database.exec('UPDATE trail SET at_ms = at_ms + 1 WHERE id = 1'),
		['entry 1 is not what was written'],
	],
	[
		'a hash that was changed',
		(database) => database.exec("UPDATE trail SET hash = x'00' WHERE id = 10"),
		['entry 10 is not what was written'],
	],
	[
		'entries that were removed',
		(database) => database.exec('DELETE FROM trail WHERE id IN (1, 5, 6)'),
		['entry 1 is missing', 'entries 5 to 6 are missing'],
	],
	[
		'the last entries removed',
		(database) => database.exec('DELETE FROM trail WHERE id > 8'),
		['entries 9 to 10 are missing'],
	],
	[
		'the last entries removed, and the note of them',
		(database) => {
			database.exec("DELETE FROM trail WHERE id > 8; DELETE FROM facts WHERE name = 'trail_end'");
		},
		['entries 9 to 10 are missing'],
	],
	['all entries removed', (database) => database.exec('DELETE FROM trail'), ['entries 1 to 10 are missing']],
	[
		'two that changed places',
		(database) => {
			const [third, fourth] = [rowAt(database, 3), rowAt(database, 4)];
			put(database, [3, ...fourth.slice(1)]);
			put(database, [4, ...third.slice(1)]);
		},
		['entry 3 is not what was written', 'entry 4 is not what was written', 'entry 5 is not what was written'],
	],
	[
		'an entry behind the end',
		(database) => put(database, [11, ...rowAt(database, 10).slice(1)]),
		['entry 11 is none that was written'],
	],
	[
		'an entry before the begin',
		(database) => put(database, [0, ...rowAt(database, 1).slice(1)]),
		['entry 0 is none that was written'],
	],
	[
		'values of other kinds',
		(database) => database.exec("UPDATE trail SET body = x'ff', hash = 'abc', at_ms = 'x' WHERE id = 2"),
		['entry 2 is not what was written', 'entry 3 is not what was written'],
	],
	[
		'everything written anew from one on',
		(database) => writeAnew(database, 7),
		['entry 10 is not what was written'],
	],
];

for (const [what, work, breaks] of tampered)
	trails(`shows ${what}`, async () => {
		await using folder = await tamperedWith(work);
		const report = reportOf(folder.path);
		assert.equal(report.breaks.map(breakLine), breaks);
	});

trails(
	'that was written anew with all that lies beside it is told by a hash that somebody remembers',
	async () => {
		let known = { id: 0, hash: '' };
		await using folder = await tamperedWith((database) => {
			const [id, , , hash] = rowAt(database, 8);
			known = { id: Number(id), hash: Buffer.from(hash as Uint8Array).toString('hex') };
			writeAnew(database, 7);
		});
		await rm(join(folder.path, 'last.json'));
		assert.equal(reportOf(folder.path).breaks, []);
		assert.equal(reportOf(folder.path, known).breaks.map(breakLine), ['entry 8 is not what was written']);
	},
);

trails('keeps the newest, and is whole without those that went', async () => {
	await using folder = await temporaryFolder();
	const path = join(folder.path, 'journal.db');
	const database = openToWrite(path);
	migrate(database, path);
	const trail = new Trail(database, 100);
	inTransaction(database, () => {
		for (let i = 0; i < 1000; i += 1) trail.append(i, JSON.stringify(entry(`entry ${i}`)));
	});
	const { breaks, entries, first, end } = trail.verify();
	assert.equal(breaks, []);
	assert.ok(entries >= 100 && entries < 164, `${entries}`);
	assert.is(first, end.number - entries + 1);
	assert.is(end.number, 1000);
	database.exec(`DELETE FROM trail WHERE id = ${first}`);
	assert.equal(trail.verify().breaks, [{ kind: 'missing', from: first, to: first }]);
	database.close();
});

trails('stays when retention takes events', async () => {
	await using folder = await temporaryFolder();
	let nowMs = Date.UTC(2026, 0, 1);
	const settings = {
		wallClock: () => nowMs,
		disbeliefMs: 0,
		bounds: { mostBytes: 8e9, mostAgeDays: 1, leastFreeBytes: 0 },
	};
	{
		await using journal = await journalIn(folder.path, settings);
		await journal.audit(entry('old', { atMs: nowMs }));
		await journal.append([verdict('a', { atMs: nowMs })]);
	}
	nowMs += 40 * 86_400_000;
	await using journal = await journalIn(folder.path, settings);
	await journal.append([verdict('a', { atMs: nowMs })]);
	assert.is((await journal.trail({ limit: 9 })).length, 1);
});

/** A journal whose pages that hold a text are no pages any more. */
async function damage(folder: string, isMeant: (page: Buffer, number: number) => boolean): Promise<void> {
	const path = join(folder, 'journal.db');
	const bytes = await readFile(path);
	let count = 0;
	for (let at = 0; at < bytes.length; at += 4096) {
		const page = bytes.subarray(at, at + 4096);
		if (!isMeant(page, at / 4096)) continue;
		page.fill(0xaa);
		count += 1;
	}
	assert.ok(count > 0);
	await writeFile(path, bytes);
}

for (const [what, isMeant] of [
	['of entries are', (page: Buffer) => page.includes('entry 100 ')],
	['at its beginning is', (page: Buffer, number: number) => number === 0 || page.includes('entry 100 ')],
] as const)
	trails(`says what is missing where a page ${what} damaged, and goes on behind it`, async () => {
		await using folder = await temporaryFolder();
		{
			await using journal = await journalIn(folder.path);
			await journal.use({ key: 'k', nonce: 'used', atMs: Date.now() });
			const long = 'x'.repeat(300);
			await Promise.all(
				Array.from({ length: 200 }, (_, i) => journal.audit(entry(`entry ${i + 1} ${long}`))),
			);
		}
		await damage(folder.path, isMeant);
		const lines: string[] = [];
		{
			await using journal = await journalIn(folder.path, {}, lines);
			assert.ok(
				lines.some((line) =>
					/the trail of edits is not whole any more: entries \d+ to \d+ are missing/.test(line),
				),
				lines.join('\n'),
			);
			await journal.audit(entry('after'));
			const [last] = await journal.trail({ limit: 1 });
			assert.equal([last?.number, last?.what], [201, 'after']);
			assert.is(await journal.use({ key: 'k', nonce: 'used', atMs: Date.now() - 1000 }), false, 'no replay');
		}
		const { breaks, entries, end } = reportOf(folder.path);
		assert.ok(entries > 150 && entries < 201, `${entries}`);
		assert.is(end.number, 201);
		assert.ok(
			breaks.length > 0 && breaks.every(({ kind, from, to }) => kind === 'missing' && from > 80 && to < 120),
		);
	});

trails('goes on behind what stood, where the whole database is gone', async () => {
	await using folder = await temporaryFolder();
	{
		await using journal = await journalIn(folder.path);
		await Promise.all([1, 2, 3].map((i) => journal.audit(entry(`entry ${i}`))));
	}
	for (const name of ['journal.db', 'journal.db-wal']) await rm(join(folder.path, name), { force: true });
	{
		await using journal = await journalIn(folder.path);
		await journal.audit(entry('after'));
	}
	assert.equal(reportOf(folder.path).breaks.map(breakLine), ['entries 1 to 3 are missing']);
});

trails('tells what an older copy of the database does not have, and goes on behind it', async () => {
	await using folder = await temporaryFolder();
	const [path, copy] = [join(folder.path, 'journal.db'), join(folder.path, 'copy.db')];
	const audit = async (count: number, lines: string[] = []) => {
		await using journal = await journalIn(folder.path, {}, lines);
		for (let i = 0; i < count; i += 1) await journal.audit(entry(`entry ${i}`));
	};
	await audit(2);
	await cp(path, copy);
	await audit(2);
	await cp(copy, path);
	assert.equal(reportOf(folder.path).breaks.map(breakLine), ['entries 3 to 4 are missing']);
	const lines: string[] = [];
	await audit(1, lines);
	assert.ok(lines.some((line) => line.includes('entries 3 to 4 are missing')));
	const { breaks, end } = reportOf(folder.path);
	assert.equal([breaks.map(breakLine), end.number], [['entries 3 to 4 are missing'], 5]);
});

const nonces = suite('signatures that were used');

nonces('are taken once each, also after a restart, whatever the clock says', async () => {
	await using folder = await temporaryFolder();
	const atMs = Date.now() + 1000;
	const nonce = { key: 'k', nonce: 'n-1', atMs };
	{
		await using journal = await journalIn(folder.path);
		assert.equal(await Promise.all([journal.use(nonce), journal.use(nonce)]), [true, false]);
		assert.is(await journal.use({ ...nonce, key: 'other' }), true);
		assert.is(await journal.use({ ...nonce, atMs: atMs + 5 }), false);
	}
	await using journal = await journalIn(folder.path, { wallClock: () => 0 });
	assert.is(await journal.use(nonce), false);
	assert.is(await journal.use({ ...nonce, nonce: 'n-2' }), true);
});

nonces('are bounded: what is older than all that are remembered is taken no more', async () => {
	await using folder = await temporaryFolder();
	await using journal = await journalIn(folder.path);
	const fromMs = Date.now() + 1000;
	const use = (i: number) => journal.use({ key: 'k', nonce: `n-${i}`, atMs: fromMs + i });
	const used = await Promise.all(Array.from({ length: 10_010 }, (_, i) => use(i)));
	assert.ok(used.every(Boolean));
	for (const i of [0, 5, 9, 10, 5000, 10_009]) assert.is(await use(i), false, `${i}`);
	assert.is(await journal.use({ key: 'k', nonce: 'late', atMs: fromMs + 9 }), false);
	assert.is(await journal.use({ key: 'k', nonce: 'late', atMs: fromMs + 10 }), true);
});

nonces('from before a journal began are taken by none', async () => {
	await using folder = await temporaryFolder();
	await using journal = await journalIn(folder.path);
	assert.is(await journal.use({ key: 'k', nonce: 'n', atMs: Date.now() - 60_000 }), false);
});

trails.run();
nonces.run();
