import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openToWrite } from '../../src/sqlite/database.js';
import { MIGRATIONS, migrate, versionOf } from '../../src/sqlite/schema.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { journalIn, verdict } from './journals.js';

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

schemas.run();
