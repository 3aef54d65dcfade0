import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import type { Event } from '../../src/protocol/events.js';
import type { Answer, Ask } from '../../src/sqlite/exchange.js';
import { startThread, type WriterPort } from '../../src/sqlite/port.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { warningsDuring } from '../warnings.js';
import { appending } from './appending.js';
import { ALL, journalIn, state, verdict } from './journals.js';

const journals = suite('the journal');

const idsOf = (events: readonly Event[]) => events.map(({ id }) => id);
const jpeg = (text: string) => Buffer.from(`picture of ${text}`);

journals('numbers what it is given and gives it back, also after it was opened again', async () => {
	await using folder = await temporaryFolder();
	const entries = [
		verdict('a', { score: 0.1 + 0.2, part: 'P-7', body: { regions: [{ box: [1, 2, 3, 4] }], none: null } }),
		state('a'),
		verdict('b', { verdict: 'reject', score: -1e300 }),
		state(null, { body: {} }),
		verdict('a', { verdict: 'error', score: null, atMs: 1_700_000_000_123.4 }),
	];
	let events: readonly Event[];
	let series: string;
	{
		await using journal = await journalIn(folder.path, { wallClock: () => 1_800_000_000_500 });
		series = journal.series;
		assert.match(series, /^[0-9a-f]{12}$/);
		events = await journal.append(entries);
		assert.equal(idsOf(events), [1, 2, 3, 4, 5]);
		assert.equal(
			events.map(({ sequence }) => sequence),
			[1, null, 1, null, 2],
		);
		assert.equal(
			events,
			entries.map((entry, i) => ({
				...entry,
				id: i + 1,
				sequence: [1, null, 1, null, 2][i],
				recordedMs: 1_800_000_000_500,
				atMs: Math.round(entry.atMs),
			})),
		);
		assert.equal(await journal.events(ALL, 100), events);
	}
	await using journal = await journalIn(folder.path);
	assert.is(journal.series, series);
	assert.equal(await journal.events(ALL, 100), events);
	assert.equal(idsOf(await journal.events({ from: 2, to: 4 }, 2)), [2, 3]);
	assert.equal(idsOf(await journal.events(ALL, 100, ['state'])), [2, 4]);
	const [next] = await journal.append([verdict('a')]);
	assert.equal([next?.id, next?.sequence], [6, 3]);
});

journals('gives back every text as it was', async () => {
	await using folder = await temporaryFolder();
	const texts = [
		'',
		'a\0b',
		'\ud800',
		'\\ud800',
		'ü"\\/\n',
		"'; DROP TABLE events; --",
		'x'.repeat(10_000),
		'😀',
	];
	const entries = texts.map((text) =>
		verdict(text, { part: text, origin: { text }, body: { [text]: text } }),
	);
	const parts = (events: readonly Event[]) =>
		events.map(({ station, part, origin, body, sequence }) => [station, part, origin, body, sequence]);
	const expected = entries.map(({ station, part, origin, body }) => [station, part, origin, body, 1]);
	{
		await using journal = await journalIn(folder.path);
		assert.equal(parts(await journal.append(entries)), expected);
	}
	await using journal = await journalIn(folder.path);
	assert.equal(parts(await journal.events(ALL, 100)), expected);
	const [again] = await journal.append([verdict('\ud800')]);
	assert.is(again?.sequence, 2);
});

journals('reads what no longer is in memory from the disk, in pieces', async () => {
	await using folder = await temporaryFolder();
	await using journal = await journalIn(folder.path);
	for (let i = 0; i < 20; i += 1)
		await journal.append(Array.from({ length: 100 }, () => (i % 2 ? state('a') : verdict('a'))));
	const found: Event[] = [];
	for (let from = 1; from <= 2000; from = found.at(-1)!.id + 1)
		found.push(...(await journal.events({ from, to: 2000 }, 300)));
	assert.equal(
		idsOf(found),
		Array.from({ length: 2000 }, (_, i) => i + 1),
	);
	assert.is((await journal.events(ALL, 5000, ['state'])).length, 1000);
});

journals('commits together what waits at the same moment, and tells of it in order', async () => {
	await using folder = await temporaryFolder();
	await using journal = await journalIn(folder.path);
	const heard: number[][] = [];
	const end = journal.onEvents((events) => heard.push(idsOf(events)));
	const appended = await Promise.all(Array.from({ length: 50 }, () => journal.append([verdict('a')])));
	assert.equal(
		appended.flatMap(idsOf),
		Array.from({ length: 50 }, (_, i) => i + 1),
	);
	assert.equal(heard.flat(), appended.flatMap(idsOf));
	assert.ok(heard.length <= 2, `${heard.length} commits`);
	end();
	await journal.append([verdict('a')]);
	assert.is(heard.flat().length, 50);
});

journals('remembers what an outlet still has to deliver', async () => {
	await using folder = await temporaryFolder();
	const open = (from: number) => ({ from, to: Number.POSITIVE_INFINITY });
	{
		await using journal = await journalIn(folder.path);
		await journal.append([verdict('a'), verdict('a')]);
		assert.equal(await journal.undelivered('broker', 'events'), [open(3)]);
		assert.equal(await journal.undelivered('broker', 'pictures'), [open(1)]);
		assert.equal(await journal.undelivered('console', 'events'), [open(3)]);
		await journal.append([verdict('a'), verdict('a')]);
		assert.equal(await journal.undelivered('broker', 'events'), [open(3)]);
		journal.deliver('broker', 'events', [{ from: 3, to: 3 }, open(5)]);
		journal.deliver('forgotten', 'events', [open(1)]);
		journal.deliver('forgotten', 'events', []);
	}
	await using journal = await journalIn(folder.path);
	assert.equal(await journal.undelivered('broker', 'events'), [{ from: 3, to: 3 }, open(5)]);
	assert.equal(await journal.undelivered('console', 'events'), [open(3)]);
	assert.equal(await journal.undelivered('forgotten', 'events'), [open(5)]);
});

journals('owes nothing after a clean end', async () => {
	await using folder = await temporaryFolder();
	{
		await using journal = await journalIn(folder.path);
		void journal.announce({ station: 'a', key: '1', body: {} });
		assert.equal(journal.owed, []);
	}
	await using journal = await journalIn(folder.path);
	assert.equal(journal.owed, []);
});

journals('knows which signals of a station were taken on, also after a clean end', async () => {
	await using folder = await temporaryFolder();
	{
		await using journal = await journalIn(folder.path);
		const first = journal.announce({ station: 'a', key: '1', body: {} }, ['x']);
		assert.equal(journal.takenOf('a'), ['x']);
		await first;
		await journal.announce({ station: 'a', key: '2', body: {} }, ['x', 'y']);
		await journal.announce({ station: 'a', key: '3', body: {} });
		await journal.append([verdict('a')]);
	}
	await using journal = await journalIn(folder.path);
	assert.equal([journal.takenOf('a'), journal.takenOf('b')], [['x', 'y'], []]);
});

/** A writer whose disk fails so for what is refused. */
const refusingWriter =
	(failure: Pick<NonNullable<Answer['failure']>, 'trouble' | 'message'>, isRefused: (ask: Ask) => boolean) =>
	(): WriterPort => {
		const port = startThread();
		let refuse = (_: Ask): void => {};
		return {
			...port,
			hear: (onAnswer, onFault) => {
				refuse = ({ id }) =>
					onAnswer({ id, news: null, failure: { code: null, advice: null, stack: null, ...failure } });
				port.hear(onAnswer, onFault);
			},
			post: (ask) => (isRefused(ask) ? refuse(ask) : port.post(ask)),
		};
	};

journals('still owes a part its verdict when it ends in order and the disk did not take that', async () => {
	await using folder = await temporaryFolder();
	let isFull = false;
	const startWriter = refusingWriter(
		{ trouble: 'full', message: 'disk is full' },
		({ kind }) => isFull && kind === 'commit',
	);
	{
		await using journal = await journalIn(folder.path, { startWriter });
		await journal.announce({ station: 'a', key: '1', body: {} }, ['x']);
		isFull = true;
		void journal.append([verdict('a', { settles: '1' })]);
	}
	for (const owed of [['1'], []]) {
		await using journal = await journalIn(folder.path);
		assert.equal(
			journal.owed.map(({ key }) => key),
			owed,
		);
	}
});

journals(
	'lets many read at once while the disk does not answer, and none is what Node warns of',
	async () => {
		await using folder = await temporaryFolder();
		let refusals = 0;
		const startWriter = refusingWriter({ trouble: 'unreadable', message: 'disk I/O error' }, ({ kind }) => {
			if (kind !== 'pictures' || refusals >= READERS) return false;
			refusals += 1;
			return true;
		});
		const READERS = 12;
		await using journal = await journalIn(folder.path, { startWriter });
		await journal.append([verdict('a')]);
		const warnings = await warningsDuring(async () => {
			const reading = Array.from({ length: READERS }, () => journal.pictures({ from: 1, to: 1 }, 1));
			for (const found of await Promise.all(reading)) assert.equal(found, []);
		});
		assert.is(refusals, READERS);
		assert.equal(warnings, []);
	},
);

journals('keeps pictures as files, and rows that name them', async () => {
	await using folder = await temporaryFolder();
	const fresh = ['x', 'y', 'x'].map((text, index) => ({
		event: 1,
		role: index === 2 ? ('frame' as const) : ('heatmap' as const),
		index: index % 2,
		jpeg: jpeg(text),
	}));
	let kept: Awaited<ReturnType<typeof journal.keep>>;
	{
		await using journal = await journalIn(folder.path);
		await journal.append([verdict('a', { verdict: 'reject' })]);
		kept = await journal.keep(fresh);
		assert.equal(
			kept.map(({ id, event, role, index, bytes }) => [id, event, role, index, bytes]),
			[
				[1, 1, 'heatmap', 0, 12],
				[2, 1, 'heatmap', 1, 12],
				[3, 1, 'frame', 0, 12],
			],
		);
	}
	assert.is((await readdir(join(folder.path, 'pictures'))).length, 2);
	await using journal = await journalIn(folder.path);
	assert.equal(await journal.pictures(ALL, 10), kept);
	assert.equal(await journal.pictures({ from: 2, to: 3 }, 1), [kept[1]]);
	assert.equal(Buffer.from((await journal.readPicture(kept[1]!.hash))!), jpeg('y'));
	await writeFile(join(folder.path, 'pictures', `${kept[0]!.hash}.jpg`), 'something else');
	assert.is(await journal.readPicture(kept[0]!.hash), undefined);
	assert.is(await journal.readPicture('0'.repeat(64)), undefined);
});

journals('lists what an outlet refused, until it is to be sent again', async () => {
	await using folder = await temporaryFolder();
	const letters = [2, 3].map((event) => ({ outlet: 'broker', event, reason: 'too large', atMs: 1 }));
	{
		await using journal = await journalIn(folder.path);
		await journal.undelivered('broker', 'events');
		await journal.append(Array.from({ length: 9 }, () => verdict('a')));
		journal.deliver('broker', 'events', [{ from: 9, to: Number.POSITIVE_INFINITY }]);
		for (const letter of letters) journal.deadLetter(letter);
	}
	{
		await using journal = await journalIn(folder.path);
		const listed = await journal.deadLetters();
		assert.equal(
			listed,
			letters.map((letter, i) => ({ id: i + 1, ...letter })),
		);
		await journal.revive('broker', [3, 77]);
		await journal.revive('another', [2]);
	}
	await using journal = await journalIn(folder.path);
	assert.equal(
		(await journal.deadLetters()).map(({ event }) => event),
		[2],
	);
});

journals('is written to by one program at a time', async () => {
	await using folder = await temporaryFolder();
	const child = appending(folder.path, 1);
	await child.said(1);
	const failure = await failureOf(journalIn(folder.path));
	assert.is(failure.code, 'journal-busy');
	assert.ok(failure.message.includes(folder.path), failure.message);
	await child.killed();
	await using journal = await journalIn(folder.path);
	assert.is((await failureOf(journalIn(folder.path))).code, 'journal-busy');
	await journal.append([verdict('a')]);
});

journals('refuses a folder that it cannot have', async () => {
	await using folder = await temporaryFolder();
	await writeFile(join(folder.path, 'file'), '');
	const failure = await failureOf(
		journalIn(join(folder.path, 'a'), { folder: join(folder.path, 'file', 'below') }),
	);
	assert.is(failure.code, 'file-unwritable');
	assert.ok(failure.advice);
	await using _ = await journalIn(join(folder.path, 'a/b/c'));
});

journals('loses nothing that it acknowledged, and no number, when it is killed', async () => {
	await using folder = await temporaryFolder();
	const random = randomFrom(7);
	const acknowledged = new Map<string, unknown>();
	for (let round = 0; round < 12; round += 1) {
		const child = appending(folder.path, 1 + random.below(5));
		await child.said(2 + random.below(40));
		await child.killed();
		const [{ owed }, ...told] = child.lines() as [
			{ owed: string[] },
			...{ events: [number, string, number, string][] }[],
		];
		assert.ok(owed.length <= 1);
		for (const { events } of told) for (const [id, ...rest] of events) acknowledged.set(String(id), rest);
	}
	await using journal = await journalIn(folder.path);
	const events = await journal.events(ALL, 100_000);
	assert.equal(
		idsOf(events),
		events.map((_, i) => i + 1),
	);
	for (const station of ['a', 'b', 'c']) {
		const sequences = events.filter((event) => event.station === station).map(({ sequence }) => sequence);
		assert.equal(
			sequences,
			sequences.map((_, i) => i + 1),
		);
	}
	const found = new Map(
		events.map(({ id, station, sequence, part }) => [String(id), [station, sequence, part]]),
	);
	for (const [id, told] of acknowledged) assert.equal(found.get(id), told);
	// What is owed was announced by the last one that died, and has no verdict.
	for (const { key } of journal.owed) assert.not.ok(events.some(({ part }) => part?.startsWith(`${key}-`)));
});

journals.run();
