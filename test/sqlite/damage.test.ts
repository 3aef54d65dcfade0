import { existsSync, rmSync } from 'node:fs';
import { cp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import type { Event } from '../../src/protocol/events.js';
import type { Gap } from '../../src/protocol/gap.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { appending } from './appending.js';
import { ALL, journalIn, verdict } from './journals.js';

const damages = suite('a damaged journal');

const DB = 'journal.db';
const PAGE = 4096;

/** Overwrites pieces of a file. */
async function overwrite(
	path: string,
	pieces: readonly (readonly [at: number, bytes: Uint8Array])[],
): Promise<void> {
	const file = await open(path, 'r+');
	for (const [at, bytes] of pieces) await file.write(bytes, 0, bytes.length, at);
	await file.close();
}

const sizeOf = async (path: string) => (await stat(path)).size;

const pagesOf = async (path: string, isMeant: (page: number) => boolean, content: () => Uint8Array) => {
	const count = Math.ceil((await sizeOf(path)) / PAGE);
	const pages = Array.from({ length: count }, (_, page) => page).filter(isMeant);
	await overwrite(
		path,
		pages.map((page) => [page * PAGE, content()] as const),
	);
};

const random = randomFrom(11);
const garbage = (length: number) => Uint8Array.from({ length }, () => random.below(256));
const flips = async (path: string, count: number, from = 0) => {
	const content = await readFile(path);
	for (let i = 0; i < count; i += 1)
		content[from + random.below(content.length - from)]! ^= 1 << random.below(8);
	await writeFile(path, content);
};

type Damaging = {
	readonly name: string;
	damage(file: (name: string) => string): Promise<void>;
	/** The least share of the events that must be read. */
	readonly leastRead: number;
	readonly isAside: boolean;
};

const DAMAGES: readonly Damaging[] = [
	{ name: 'nothing at all', damage: async () => {}, leastRead: 1, isAside: false },
	{
		name: 'half of it cut off',
		damage: async (file) => truncate(file(DB), PAGE * Math.floor((await sizeOf(file(DB))) / PAGE / 2)),
		leastRead: 0.3,
		isAside: true,
	},
	{
		name: 'all but some bytes cut off',
		damage: (file) => truncate(file(DB), 1000),
		leastRead: 0,
		isAside: true,
	},
	{ name: 'nothing in the file', damage: (file) => truncate(file(DB), 0), leastRead: 0, isAside: false },
	{
		name: 'its first page full of zeros',
		damage: (file) =>
			pagesOf(
				file(DB),
				(page) => page === 0,
				() => new Uint8Array(PAGE),
			),
		leastRead: 0.95,
		isAside: true,
	},
	{
		name: 'every fourth page full of zeros',
		damage: (file) =>
			pagesOf(
				file(DB),
				(page) => page % 4 === 3,
				() => new Uint8Array(PAGE),
			),
		leastRead: 0.3,
		isAside: true,
	},
	{
		name: 'every fourth page full of garbage',
		damage: (file) =>
			pagesOf(
				file(DB),
				(page) => page % 4 === 3,
				() => garbage(PAGE),
			),
		leastRead: 0.3,
		isAside: true,
	},
	{ name: 'a thousand bits flipped', damage: (file) => flips(file(DB), 1000), leastRead: 0.3, isAside: true },
	{
		name: 'garbage instead',
		damage: (file) => writeFile(file(DB), garbage(100_000)),
		leastRead: 0,
		isAside: true,
	},
	{ name: 'no file', damage: (file) => rm(file(DB)), leastRead: 0, isAside: false },
	{
		name: 'no write-ahead log',
		damage: (file) => rm(file(`${DB}-wal`), { force: true }),
		leastRead: 0,
		isAside: false,
	},
	{
		name: 'garbage for a write-ahead log',
		damage: (file) => writeFile(file(`${DB}-wal`), garbage(50_000)),
		leastRead: 0,
		isAside: false,
	},
	{
		name: 'bits flipped in the write-ahead log',
		damage: async (file) => {
			if (existsSync(file(`${DB}-wal`))) await flips(file(`${DB}-wal`), 20, 32);
		},
		leastRead: 0,
		isAside: false,
	},
	{
		name: 'garbage for shared memory',
		damage: (file) => writeFile(file(`${DB}-shm`), garbage(32_768)),
		leastRead: 1,
		isAside: false,
	},
	{
		name: 'garbage for a lock',
		damage: (file) => writeFile(file('journal.lock'), garbage(5000)),
		leastRead: 1,
		isAside: false,
	},
	{ name: 'no reserved numbers', damage: (file) => rm(file('numbers.json')), leastRead: 1, isAside: false },
	{
		name: 'garbage for reserved numbers',
		damage: (file) => writeFile(file('numbers.json'), garbage(100)),
		leastRead: 1,
		isAside: false,
	},
	{ name: 'no last numbers', damage: (file) => rm(file('last.json')), leastRead: 1, isAside: false },
	{
		name: 'neither database nor last numbers',
		damage: async (file) => {
			await rm(file(DB));
			await rm(file('last.json'));
		},
		leastRead: 0,
		isAside: false,
	},
];

const sequencesOf = (events: readonly Event[], station: string) =>
	events.flatMap((event) => (event.station === station && event.sequence !== null ? [event.sequence] : []));

for (const how of ['cleanly', 'by force'] as const)
	for (const { name, damage, leastRead, isAside } of DAMAGES)
		damages(
			`that ended ${how} and has ${name} is opened, and no number comes again or is missing unsaid`,
			async () => {
				await using folder = await temporaryFolder();
				const place = join(folder.path, 'state');
				await cp(await written(how), place, { recursive: true });
				const before = told(await readFile(join(place, 'told'), 'utf8'));
				await damage((file) => join(place, file));
				const lines: string[] = [];
				await using journal = await journalIn(place, {}, lines);
				const appended = await journal.append([verdict('a'), verdict('b'), verdict('c')]);
				const events = await journal.events(ALL, 1e6);

				assert.is(journal.series, before.series);
				assert.ok(appended[0]!.id > before.events.at(-1)!.id, 'an id comes again');
				const ids = events.map(({ id }) => id);
				assert.equal(
					ids,
					[...new Set(ids)].sort((a, b) => a - b),
				);
				for (const station of ['a', 'b', 'c']) {
					const found = sequencesOf(events, station);
					const gaps = events.flatMap((event) =>
						event.kind === 'gap' && event.station === station ? [event.body as Gap] : [],
					);
					const last = Math.max(...sequencesOf(before.events, station));
					assert.ok(found.at(-1)! > last, `${station} comes again`);
					assert.equal(new Set(found).size, found.length);
					const first = before.events.find(({ id, station: of }) => id >= 11 && of === station)!.sequence!;
					for (let sequence = first; sequence <= found.at(-1)!; sequence += 1)
						assert.ok(
							found.includes(sequence) || gaps.some(({ from, to }) => from <= sequence && sequence <= to),
							`${station} ${sequence} is missing`,
						);
				}
				const known = new Map(before.events.map((event) => [event.id, event]));
				let read = 0;
				for (const { id, station, sequence, part } of events)
					if (known.has(id)) {
						assert.equal({ id, station, sequence, part }, known.get(id));
						read += 1;
					}
				assert.ok(read >= leastRead * known.size, `${read} of ${known.size} are read`);
				const wasDamaged = (await readdir(place)).some((file) => file.startsWith('journal-damaged-'));
				// What a write-ahead log still holds hides what is wrong below it.
				if (how === 'cleanly' || wasDamaged) assert.is(wasDamaged, isAside);
				if (wasDamaged) assert.ok(lines.some((line) => line.includes('is damaged')));
				// What is read and was not delivered is still to be delivered.
				const [first] = await journal.undelivered('broker', 'events');
				if (read > 0) assert.ok(first!.from <= 11, `delivers from ${first?.from}`);
			},
		);

damages('that shows while it runs is mended without an end', async () => {
	await using folder = await temporaryFolder();
	const lines: string[] = [];
	await using journal = await journalIn(folder.path, {}, lines);
	const added: Event[] = [];
	journal.onEvents((events) => added.push(...events));
	await journal.undelivered('broker', 'events');
	// More than SQLite keeps in memory.
	for (let i = 0; i < 100; i += 1)
		await journal.append(Array.from({ length: 200 }, () => verdict('a', { part: 'x'.repeat(500) })));
	await pagesOf(
		join(folder.path, DB),
		(page) => page > 0,
		() => garbage(PAGE),
	);
	const [next] = await journal.append([verdict('a')]);
	assert.is(next?.sequence, 20_001);
	for (let from = 1; from < 20_000; from += 500) await journal.events({ from, to: from + 499 }, 500);
	const [last] = await journal.append([verdict('a')]);
	assert.is(last?.sequence, 20_002);
	assert.ok(
		lines.some((line) => line.includes('is damaged')),
		lines.join('\n'),
	);
	const events = await journal.events(ALL, 1e6);
	const gaps = events.flatMap(({ kind, body }) => (kind === 'gap' ? [body as Gap] : []));
	const found = new Set(sequencesOf(events, 'a'));
	for (let sequence = 1; sequence <= 20_002; sequence += 1)
		assert.ok(
			found.has(sequence) || gaps.some(({ from, to }) => from <= sequence && sequence <= to),
			`${sequence} is missing`,
		);
	assert.ok(added.some(({ kind }) => kind === 'gap'));
});

type Told = Pick<Event, 'id' | 'station' | 'sequence' | 'part'>;

/** What a journal's writer said of it. */
function told(text: string): { readonly series: string; readonly events: readonly (Event & Told)[] } {
	const [first, ...rest] = text
		.trim()
		.split('\n')
		.map((line) => JSON.parse(line));
	const events = rest.flatMap(({ events }: { events: [number, string, number, string][] }) =>
		events.map(([id, station, sequence, part]) => ({ id, station, sequence, part })),
	);
	return { series: first.series, events: events as unknown as (Event & Told)[] };
}

const made = new Map<string, Promise<string>>();

/** The folder of a journal with some thousand events, made once. */
function written(how: 'cleanly' | 'by force'): Promise<string> {
	const known = made.get(how) ?? write(how);
	made.set(how, known);
	return known;
}

async function write(how: 'cleanly' | 'by force'): Promise<string> {
	const { path } = await temporaryFolder();
	process.once('exit', () => rmSync(path, { recursive: true, force: true }));
	const child = appending(path, 40);
	await child.said(100);
	await (how === 'cleanly' ? child.ended() : child.killed());
	await writeFile(join(path, 'told'), child.out());
	return path;
}

damages.run();
