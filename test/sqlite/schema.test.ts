import { existsSync } from 'node:fs';
import { copyFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openToWrite } from '../../src/sqlite/database.js';
import { MIGRATIONS, migrate, versionOf } from '../../src/sqlite/schema.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { ALL, journalIn, verdict } from './journals.js';

const BOUNDS = { mostBytes: 8e9, mostAgeDays: 400 };

const schemas = suite('the schema of the journal');

/** Three versions of a small database, the last of which moves what stands in it. */
const STEPS = [
	'CREATE TABLE parts (id INTEGER PRIMARY KEY, name TEXT)',
	'ALTER TABLE parts ADD COLUMN weight REAL NOT NULL DEFAULT 1',
	`CREATE TABLE heavy (id INTEGER PRIMARY KEY, name TEXT);
	INSERT INTO heavy SELECT id, upper(name) FROM parts WHERE weight >= 1;
	DROP TABLE parts`,
] as const;

for (const from of [0, 1, 2, 3]) {
	schemas(`is led from version ${from} to the newest, with what stands there`, async () => {
		await using folder = await temporaryFolder();
		const path = join(folder.path, 'a.db');
		{
			const database = openToWrite(path);
			migrate(database, path, STEPS.slice(0, from));
			assert.is(versionOf(database), from);
			if (from > 0) database.exec(`INSERT INTO ${from < 3 ? 'parts' : 'heavy'} (name) VALUES ('LID')`);
			database.close();
		}
		const database = openToWrite(path);
		migrate(database, path, STEPS);
		assert.is(versionOf(database), 3);
		const rows = database.prepare('SELECT name FROM heavy').all() as { name: string }[];
		assert.equal(
			rows.map(({ name }) => name),
			from > 0 ? ['LID'] : [],
		);
		migrate(database, path, STEPS);
		database.close();
	});
}

schemas('stays at the last version that was reached when a step fails', async () => {
	await using folder = await temporaryFolder();
	const path = join(folder.path, 'a.db');
	const database = openToWrite(path);
	const broken = [...STEPS.slice(0, 2), 'DROP TABLE parts; SELECT * FROM absent'];
	assert.throws(() => migrate(database, path, broken), /no such table/);
	assert.is(versionOf(database), 2);
	database.exec("INSERT INTO parts (name) VALUES ('lid')");
	migrate(database, path, STEPS);
	assert.is(versionOf(database), 3);
	database.close();
});

schemas('of a newer program is refused, and stays as it is', async () => {
	await using folder = await temporaryFolder();
	const path = join(folder.path, 'journal.db');
	{
		await using journal = await journalIn(folder.path);
		await journal.append([verdict('a')]);
	}
	const newer = openToWrite(path);
	newer.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
	newer.close();
	const failure = await failureOf(journalIn(folder.path));
	assert.is(failure.code, 'journal-newer');
	assert.ok(failure.message.includes(path));
	const again = openToWrite(path);
	assert.is(versionOf(again), MIGRATIONS.length + 1);
	again.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
	again.close();
	await using journal = await journalIn(folder.path);
	assert.is((await journal.append([verdict('a')]))[0]?.sequence, 2);
});

/** A journal of the version before, as an older program left it. */
function olderJournal(folder: string): string {
	const path = join(folder, 'journal.db');
	const database = openToWrite(path);
	migrate(database, path, MIGRATIONS.slice(0, -1));
	database.exec("INSERT INTO facts VALUES ('series', '0123456789ab')");
	database.close();
	return path;
}

const OLDER = MIGRATIONS.length - 1;
const copyIn = (folder: string) => join(folder, `journal-version-${OLDER}.db`);

schemas(
	'is kept as it was before it changes, once, and can be gone back to without a number twice',
	async () => {
		await using folder = await temporaryFolder();
		const path = olderJournal(folder.path);
		await writeFile(join(folder.path, 'journal-version-0.db'), 'of a change before');
		await writeFile(`${copyIn(folder.path)}.unfinished`, 'the power went');
		const lines: string[] = [];
		const open = () => journalIn(folder.path, { bounds: { ...BOUNDS, leastFreeBytes: 0 } }, lines);
		{
			await using journal = await open();
			assert.is(journal.series, '0123456789ab');
			await journal.append([verdict('a'), verdict('a')]);
		}
		const copies = async () =>
			(await readdir(folder.path)).filter((name) => /^journal-version-.*(db|unfinished)$/.test(name));
		assert.equal(await copies(), [`journal-version-${OLDER}.db`]);
		const said = `info: journal: its schema goes from version ${OLDER} to ${MIGRATIONS.length}: as it was it is kept as "journal-version-${OLDER}.db"`;
		assert.equal(lines, [said]);
		const older = openToWrite(copyIn(folder.path));
		assert.is(versionOf(older), OLDER);
		older.close();
		for (const ending of ['', '-wal', '-shm']) await rm(path + ending, { force: true });
		await copyFile(copyIn(folder.path), path);
		await using journal = await open();
		const [event] = await journal.append([verdict('a')]);
		assert.equal([event!.sequence! > 2, event!.id > 2], [true, true]);
		assert.ok((await journal.events(ALL, 10)).some(({ kind }) => kind === 'gap'));
		assert.equal(await copies(), [`journal-version-${OLDER}.db`]);
	},
);

schemas('changes without a copy where the disk has no room for one, and that is said', async () => {
	await using folder = await temporaryFolder();
	olderJournal(folder.path);
	const lines: string[] = [];
	await using journal = await journalIn(folder.path, { bounds: { ...BOUNDS, leastFreeBytes: 1e18 } }, lines);
	assert.is(journal.series, '0123456789ab');
	assert.not(existsSync(copyIn(folder.path)));
	assert.ok(lines.some((line) => /^warning: .*no copy of it is kept: the disk has no room/.test(line)));
});

schemas.run();
