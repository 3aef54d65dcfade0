import { spawnSync } from 'node:child_process';
import { mkdir, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../src/protocol/events.js';
import type { Gap } from '../../src/protocol/gap.js';
import type { Journal } from '../../src/sqlite/journal.js';
import { eventually } from '../free-port.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { ALL, journalIn, state, verdict } from './journals.js';

const bounds = suite('a bounded journal');

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 25);
const roomy = { mostBytes: 1e12, mostAgeDays: 400, leastFreeBytes: 0 };

const jpeg = (text: string, bytes = 20_000) => Buffer.from(text.padEnd(bytes, '.'));

/** Verdicts that take some hundred bytes each. */
async function fill(
	journal: Journal,
	count: number,
	more: Parameters<typeof verdict>[1] = {},
): Promise<Event[]> {
	const events: Event[] = [];
	for (let i = 0; i < count; i += 100)
		events.push(
			...(await journal.append(
				Array.from({ length: 100 }, (_, j) =>
					verdict(j % 3 === 0 ? 'b' : 'a', { body: { text: 'x'.repeat(300) }, ...more }),
				),
			)),
		);
	return events;
}

const tidied = (journal: Journal) =>
	eventually('it is within its bounds', () => journal.condition.excess === null && journal.condition);

const gapsOf = (events: readonly Event[]) =>
	events.flatMap(({ kind, station, body }) => (kind === 'gap' ? [{ station, ...(body as Gap) }] : []));

bounds('of bytes lets the oldest go, and says what an outlet had not delivered', async () => {
	await using folder = await temporaryFolder();
	await using journal = await journalIn(folder.path, { bounds: { ...roomy, mostBytes: 10e6 } });
	await journal.undelivered('broker', 'events');
	await fill(journal, 600);
	// The first hundreds are delivered, some of the next are not.
	journal.deliver('broker', 'events', [
		{ from: 301, to: 310 },
		{ from: 401, to: Number.POSITIVE_INFINITY },
	]);
	const told: Event[] = [];
	journal.onEvents((events) => told.push(...events));
	const events = await fill(journal, 20_000);
	const condition = await tidied(journal);
	assert.ok(condition.databaseBytes < 6e6, `${condition.databaseBytes} bytes`);
	const standing = await journal.events(ALL, 1e6);
	assert.ok(standing.length > 1000 && standing.length < 20_000);
	assert.is(condition.events, journal.last.events - standing[0]!.id + 1);
	assert.ok(told.some(({ kind }) => kind === 'gap'));
	const ranges = await journal.undelivered('broker', 'events');
	assert.is(ranges.at(-1)!.to, Number.POSITIVE_INFINITY);
	// Every number that was not delivered stands, or is in a gap that stands.
	const gaps = gapsOf(standing);
	assert.ok(gaps.length > 0 && gaps.length < 100, `${gaps.length} gaps`);
	for (const { id, station, sequence } of events)
		assert.ok(
			id >= standing[0]!.id ||
				gaps.some((gap) => gap.station === station && gap.from <= sequence! && sequence! <= gap.to),
			`${station} ${sequence} is missing unsaid`,
		);
	assert.ok(gaps.every(({ reason }) => reason === 'retention'));
	// What was delivered is in none.
	assert.not.ok(gaps.some(({ station, from }) => station === 'a' && from < 190));
	const { events: count } = condition;
	await fill(journal, 3000);
	assert.ok((await tidied(journal)).events < count * 1.5);
});

bounds('can be narrowed while it is written to, and widened again', async () => {
	await using folder = await temporaryFolder();
	await using journal = await journalIn(folder.path, { bounds: roomy });
	await fill(journal, 20_000);
	assert.is((await tidied(journal)).events, 20_000);
	journal.keepWithin({ ...roomy, mostBytes: 4e6 });
	await eventually('the oldest go', () => journal.condition.databaseBytes < 3e6);
	const { events } = await tidied(journal);
	assert.ok(events >= 1000 && events < 20_000, `${events} events`);
	journal.keepWithin(roomy);
	await fill(journal, 10_000);
	assert.ok((await tidied(journal)).events >= events + 10_000);
});

bounds('of age lets go what is older, and nothing that a wrong clock dated', async () => {
	await using folder = await temporaryFolder();
	let nowMs = NOW_MS - 500 * DAY_MS;
	const append = (journal: Journal, atMs: number) =>
		journal.append([verdict('a', { atMs }), state('a', { atMs })]);
	const settings = { bounds: { ...roomy, mostAgeDays: 400 }, wallClock: () => nowMs, disbeliefMs: 0 };
	{
		await using journal = await journalIn(folder.path, settings);
		// Never set; as it should be; in the future; set back.
		for (const atMs of [5, nowMs, nowMs + 1000, NOW_MS + 1e12, 1000, NOW_MS - 10 * DAY_MS, 7])
			await append(journal, atMs);
	}
	nowMs = NOW_MS;
	{
		// A clock that leaps is not believed at once.
		await using journal = await journalIn(folder.path, { ...settings, disbeliefMs: 60_000 });
		await tidied(journal);
		assert.is((await journal.events(ALL, 100))[0]?.id, 1);
	}
	{
		await using journal = await journalIn(folder.path, settings);
		await eventually('the old go', async () => (await journal.events(ALL, 100))[0]?.id === 7);
		assert.is((await append(journal, nowMs))[0]?.sequence, 8);
	}
	nowMs += 1000 * DAY_MS;
	await using journal = await journalIn(folder.path, settings);
	await eventually('all go', async () => (await journal.events(ALL, 100)).length === 0);
	const [next] = await append(journal, nowMs);
	assert.equal([next?.id, next?.sequence], [17, 9]);
});

bounds(
	'lets pictures go before verdicts, the oldest first, and a file with the last that names it',
	async () => {
		await using folder = await temporaryFolder();
		await using journal = await journalIn(folder.path, { bounds: { ...roomy, mostBytes: 8e6 } });
		const kept: string[] = [];
		for (let event = 1; event <= 300; event += 1) {
			await journal.append([verdict('a', { verdict: 'reject' })]);
			// One picture is the same again and again.
			const [one] = await journal.keep([
				{ event, role: 'heatmap', index: 0, jpeg: jpeg(event % 50 === 0 ? 'same' : String(event)) },
			]);
			kept.push(one!.hash);
		}
		const { pictureBytes, pictures, events } = await tidied(journal);
		assert.ok(pictureBytes <= 4e6, `${pictureBytes} bytes`);
		assert.is(events, 300);
		const standing = await journal.pictures(ALL, 1000);
		assert.is(standing.length, pictures);
		assert.is(standing.at(-1)!.event, 300);
		const hashes = new Set(standing.map(({ hash }) => hash));
		await eventually(
			'files go',
			async () => (await readdir(join(folder.path, 'pictures'))).length === hashes.size,
		);
		for (const hash of hashes) assert.ok(await journal.readPicture(hash));
		assert.is(await journal.readPicture(kept[0]!), undefined);
		assert.ok(hashes.has(kept[49]!));
	},
);

bounds('removes files that no row names when it is opened', async () => {
	await using folder = await temporaryFolder();
	{
		await using journal = await journalIn(folder.path);
		await journal.append([verdict('a')]);
		await journal.keep([{ event: 1, role: 'frame', index: 0, jpeg: jpeg('kept') }]);
	}
	const place = join(folder.path, 'pictures');
	await writeFile(join(place, `${'0'.repeat(64)}.jpg`), 'left over');
	await writeFile(join(place, 'of somebody else'), '');
	await using journal = await journalIn(folder.path);
	await eventually('it goes', async () => (await readdir(place)).length === 2);
	const [picture] = await journal.pictures(ALL, 1);
	assert.ok(await journal.readPicture(picture!.hash));
});

bounds('goes on with a disk that is full, and loses nothing that it acknowledged', async () => {
	await using folder = await temporaryFolder();
	const disk = join(folder.path, 'disk');
	await mkdir(disk);
	if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk]).status !== 0)
		return console.log('skipped: a disk of its own cannot be mounted here');
	try {
		const acknowledged: Event[] = [];
		const others = join(disk, 'of somebody else');
		const free = async () => {
			const { bavail, bsize } = await statfs(disk);
			return bavail * bsize;
		};
		const lines: string[] = [];
		{
			await using journal = await journalIn(
				join(disk, 'state'),
				{ bounds: roomy, mostWaitingBytes: 2e6 },
				lines,
			);
			acknowledged.push(...(await fill(journal, 1000)));
			await journal.keep([{ event: 1, role: 'frame', index: 0, jpeg: jpeg('kept') }]);
			await eventually('a reserve is held', async () =>
				(await readdir(join(disk, 'state'))).includes('reserve'),
			);
			await writeFile(others, Buffer.alloc(await free()));
			assert.is(await free(), 0);
			// With the reserve it goes on, without pictures.
			acknowledged.push(...(await fill(journal, 2000)));
			assert.ok(
				lines.some((line) => line.includes('its reserve is in use')),
				lines.join('\n'),
			);
			assert.equal(await journal.keep([{ event: 1, role: 'frame', index: 0, jpeg: jpeg('another') }]), []);
			// Then that is used up as well.
			let waiting = 0;
			const appended = Array.from({ length: 600 }, async () => {
				waiting += 100;
				const events = await fill(journal, 100);
				waiting -= 100;
				acknowledged.push(...events);
			});
			await eventually('it tells of a failure', () => journal.condition.failure);
			assert.ok(waiting > 0);
			const { waitingBytes, dropped } = journal.condition;
			assert.ok(waitingBytes <= 2e6, `${waitingBytes} bytes wait`);
			assert.ok(dropped.verdict > 0);
			assert.is(dropped.picture, 1);
			// What was written can still be read.
			assert.ok((await journal.events({ from: 1, to: 10 }, 10)).length === 10);
			await rm(others);
			await Promise.all(appended);
			assert.is(waiting, 0);
			acknowledged.push(...(await fill(journal, 100)));
			assert.is(journal.condition.failure, null);
			await eventually('the reserve is held again', () => !journal.condition.isTight);
		}
		// Filled while nobody was there.
		await writeFile(others, Buffer.alloc(await free()));
		await using journal = await journalIn(join(disk, 'state'), { bounds: roomy });
		acknowledged.push(...(await journal.append([verdict('a')])));
		const events = await journal.events(ALL, 1e6);
		const found = new Map(events.map((event) => [event.id, event]));
		for (const event of acknowledged) assert.equal(found.get(event.id), event);
		const gaps = gapsOf(events);
		assert.ok(gaps.some(({ reason }) => reason === 'disk-full'));
		for (const station of ['a', 'b']) {
			const sequences = new Set(
				events.filter((event) => event.station === station).map(({ sequence }) => sequence),
			);
			for (let sequence = 1; sequence <= Math.max(...[...sequences].map(Number)); sequence += 1)
				assert.ok(
					sequences.has(sequence) ||
						gaps.some((gap) => gap.station === station && gap.from <= sequence && sequence <= gap.to),
					`${station} ${sequence} is missing unsaid`,
				);
		}
	} finally {
		spawnSync('umount', [disk]);
	}
});

bounds.run();
