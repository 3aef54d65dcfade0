import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
	isWithin,
	readLast,
	readReserved,
	reservedAbove,
	resumption,
	writeReserved,
} from '../../src/sqlite/numbers.js';
import type { Counted } from '../../src/sqlite/store.js';
import { temporaryFolder } from '../tiny-bundle.js';

const numbers = suite('the numbers of the journal');

const counted = (event: number, a: number): Counted => ({ event, picture: 0, sequences: { a } });
const reserved = (event: number, a: number, isClean = false) => ({
	...counted(event, a),
	series: 's',
	isClean,
});
const last = (event: number, a: number) => ({ ...counted(event, a), series: 's', delivered: [] });

for (const [what, shown, isWhole, file, end, goesOn] of [
	['a new journal', counted(0, 0), true, undefined, undefined, { ...counted(0, 0), isLoss: false }],
	['a clean end', counted(7, 5), true, reserved(7, 5, true), last(7, 5), { ...counted(7, 5), isLoss: false }],
	['a kill', counted(7, 5), true, reserved(1000, 1000), last(7, 5), { ...counted(7, 5), isLoss: false }],
	[
		'a kill between a commit and its note',
		counted(8, 6),
		true,
		reserved(1000, 1000),
		last(7, 5),
		{ ...counted(8, 6), isLoss: false },
	],
	[
		'a log without its end',
		counted(6, 5),
		true,
		reserved(1000, 999),
		last(7, 5),
		{ ...counted(1000, 999), isLoss: true },
	],
	[
		'a kill, and no word of what was last',
		counted(7, 5),
		true,
		reserved(1000, 999),
		undefined,
		{ ...counted(1000, 999), isLoss: true },
	],
	[
		'an older copy',
		counted(5, 4),
		true,
		reserved(7, 5, true),
		last(7, 5),
		{ ...counted(7, 5), isLoss: true },
	],
	[
		'a damage after a kill',
		counted(3, 2),
		false,
		reserved(1000, 999),
		last(7, 5),
		{ ...counted(1000, 999), isLoss: true },
	],
	[
		'a damage after a clean end',
		counted(3, 2),
		false,
		reserved(7, 5, true),
		last(7, 5),
		{ ...counted(7, 5), isLoss: true },
	],
	[
		'nothing but the database',
		counted(7, 5),
		true,
		undefined,
		undefined,
		{ ...counted(7, 5), isLoss: false },
	],
	['nothing at all', counted(3, 2), false, undefined, undefined, undefined],
] as const) {
	numbers(`go on after ${what}`, () => {
		assert.equal(resumption(shown, isWhole, file, end), goesOn);
	});
}

numbers('are compared with what a station of any name has', () => {
	const of = (sequences: Readonly<Record<string, number>>): Counted => ({ event: 1, picture: 1, sequences });
	assert.ok(isWithin(of({ a: 1 }), of({ a: 1, b: 2 })));
	assert.not.ok(isWithin(of({ a: 2 }), of({ a: 1 })));
	assert.not.ok(isWithin(of({ toString: 1 }), of({})));
	assert.ok(isWithin(of({}), of({})));
	assert.ok(isWithin(of({ toString: 9 }), reservedAbove(of({ toString: 9 }))));
});

numbers('come from a file that is whole, or from none', async () => {
	await using folder = await temporaryFolder();
	const path = join(folder.path, 'numbers.json');
	assert.is(readReserved(path), undefined);
	const written = { ...reserved(5, 4, true), sequences: { 'a"\0': 3, ü: 1 } };
	writeReserved(path, written);
	assert.equal(readReserved(path), written);
	for (const text of [
		'',
		'{',
		'null',
		'[]',
		'{"event":1}',
		JSON.stringify({ ...written, event: '5' }),
		'\0'.repeat(99),
	]) {
		await writeFile(path, text);
		assert.is(readReserved(path), undefined, text);
		assert.is(readLast(path), undefined, text);
	}
});

numbers.run();
