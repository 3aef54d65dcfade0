// Is any verdict lost? A real mosquitto, the real daemon with four stations, and a subscriber that never misses a word; then
// kill -9 of both at random moments, an hour's backlog over a far line, a black hole, and a full disk.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomFrom } from '../src/base/random.js';
import { openPictures } from '../src/disk/pictures.js';
import { encodePng } from '../src/opencv/picture.js';
import type { Entry } from '../src/protocol/events.js';
import type { GapMessage } from '../src/protocol/gap.js';
import { openJournal } from '../src/sqlite/journal.js';
import type { Image } from '../src/vision/image.js';
import { lineTo } from '../test/far-broker.js';
import { eventually, freePort } from '../test/free-port.js';
import { type Mosquitto, startMosquitto } from '../test/mosquitto.js';
import { tinyBundle } from '../test/tiny-bundle.js';
import {
	BOX,
	BROKER,
	configuration,
	daemon,
	type Found,
	missingOf,
	quiet,
	sleep,
	subscriber,
} from './box-at-work.js';
import { percentile, shown } from './median.js';

const STATIONS = ['a', 'b', 'c', 'd'] as const;
const GOAL = Number(process.env.BENCH_VERDICTS ?? 20_000);
const KILLS = { daemon: 20, broker: 5 } as const;
const BACKLOG = 36_000;
const ROUND_TRIP_MS = 100;
const HOLE_MS = 13_000;
const FULL_S = 40;
const NARROW_BYTES_PER_SECOND = 500_000;
const random = randomFrom(12);

type Drained = { readonly drainPerSecond: number; readonly liveP95Ms: number };

async function killings(folder: string) {
	const port = await freePort();
	const start = () => startMosquitto(port, folder, BROKER);
	let broker: Mosquitto = await start();
	await using heard = await subscriber(broker.url);
	const file = await configuration(folder, broker.url, STATIONS, 10);
	let running = daemon(file);
	const moments = [
		...Array.from({ length: KILLS.daemon }, () => ({ who: 'daemon', at: random.uniform() * GOAL })),
		...Array.from({ length: KILLS.broker }, () => ({ who: 'broker', at: random.uniform() * GOAL })),
	].sort((a, b) => a.at - b.at);
	const beganMs = performance.now();
	for (const { who, at } of moments) {
		await eventually('verdicts come', () => heard.verdicts.length >= at, 300_000);
		await sleep(random.uniform() * 300);
		if (who === 'daemon') {
			running.child.kill('SIGKILL');
			await running.ended;
			running = daemon(file);
		} else {
			await broker.kill('SIGKILL');
			await sleep(random.uniform() * 2000);
			broker = await start();
		}
	}
	await eventually('all verdicts come', () => heard.verdicts.length >= GOAL, 300_000);
	running.child.kill('SIGTERM');
	await running.ended;
	// What waited at the end is said by the next one.
	const reached = heard.verdicts.length;
	running = daemon(await configuration(folder, broker.url, STATIONS, 2000));
	await eventually('the last one speaks', () => heard.verdicts.length > reached, 60_000);
	await eventually('nothing is missing', () => missingOf(heard.verdicts).lost === 0, 120_000).catch(() => {});
	running.child.kill('SIGTERM');
	await running.ended;
	await quiet(heard.verdicts, 1500);
	const found = missingOf(heard.verdicts);
	const interrupted = heard.verdicts.filter(({ message }) => message.reason === 'interrupted').length;
	console.log(
		`${heard.verdicts.length} verdicts in ${((performance.now() - beganMs) / 1000).toFixed(0)} s through ${KILLS.daemon} kill -9 of the daemon and ${KILLS.broker} of the broker: ${found.lost} lost, ${found.twice} under two ids, ${found.repeated} repeated, ${interrupted} were in work`,
	);
	await broker.kill('SIGTERM');
	return found;
}

/** An hour's backlog of one station, then the box behind a far line, with new verdicts coming. */
async function drain(folder: string) {
	const port = await freePort();
	await using broker = await startMosquitto(port, folder, BROKER);
	await using heard = await subscriber(broker.url);
	await using line = await lineTo(port, { roundTripMs: ROUND_TRIP_MS });
	const file = await configuration(folder, line.url, ['a'], 100);
	// One run by the real program tells what a verdict looks like, and makes the outlet known.
	const first = daemon(file);
	await eventually('it speaks', () => heard.verdicts.length > 20, 120_000);
	first.child.kill('SIGTERM');
	await first.ended;
	await quiet(heard.verdicts, 1000);
	const state = join(folder, `${BOX}-state`);
	{
		await using journal = await openJournal(
			{ folder: state, box: BOX, pictures: await openPictures(join(state, 'pictures')) },
			() => {},
		);
		const [pattern] = await journal.events({ from: 1, to: Number.POSITIVE_INFINITY }, 1, ['verdict']);
		const { kind, station, atMs, verdict, score, part, origin, body } = pattern!;
		const run = { ...origin, run: 'backlog0' };
		for (let done = 0; done < BACKLOG; done += 500) {
			const entries = Array.from({ length: 500 }, (_, i): Entry => {
				const own = { ...body, runSequence: done + i + 1, heatmaps: [] };
				return { kind, station, atMs, verdict, score, part, origin: run, body: own };
			});
			await journal.append(entries);
		}
	}
	const before = heard.verdicts.length;
	const running = daemon(file);
	await eventually('the backlog begins', () => heard.verdicts.length > before, 60_000);
	const beganMs = performance.now();
	const late = () => heard.verdicts.slice(before).filter(({ message }) => message.late);
	await eventually('the backlog has arrived', () => late().length >= BACKLOG, 300_000);
	const seconds = (performance.now() - beganMs) / 1000;
	const live = heard.verdicts.slice(before).filter(({ message }) => !message.late);
	const ages = live.map(({ message, heardMs }) => heardMs - Date.parse(message.times.recorded));
	running.child.kill('SIGTERM');
	await running.ended;
	await quiet(heard.verdicts, 1000);
	const found = missingOf(heard.verdicts);
	const liveP95Ms = percentile(ages, 0.95);
	const drainPerSecond = BACKLOG / seconds;
	console.log(
		`${BACKLOG} verdicts of backlog over a line of ${ROUND_TRIP_MS} ms there and back: ${drainPerSecond.toFixed(0)} a second; of ${live.length} live ones 95 % were heard within ${liveP95Ms.toFixed(0)} ms of being recorded; ${found.lost} lost, ${found.repeated} repeated`,
	);
	return { ...found, drainPerSecond, liveP95Ms };
}

/** Everything vanishes for a while, and nobody is told. */
async function blackHole(folder: string) {
	const port = await freePort();
	await using broker = await startMosquitto(port, folder, BROKER);
	await using heard = await subscriber(broker.url);
	await using line = await lineTo(port);
	const file = await configuration(folder, line.url, STATIONS, 100);
	const running = daemon(file);
	await eventually('verdicts come', () => heard.verdicts.length > 100, 120_000);
	line.swallow(true);
	await sleep(HOLE_MS);
	line.swallow(false);
	const before = heard.verdicts.length;
	await eventually('verdicts come again', () => heard.verdicts.length > before + 100, 180_000);
	await sleep(5000);
	running.child.kill('SIGTERM');
	await running.ended;
	await quiet(heard.verdicts, 1000);
	const found = missingOf(heard.verdicts);
	console.log(
		`a black hole of ${HOLE_MS / 1000} s: ${heard.verdicts.length} verdicts, ${found.lost} lost, ${found.repeated} repeated`,
	);
	return found;
}

/** What makes large JPEGs. */
function noise(side: number): Image {
	const data = Uint8Array.from({ length: side * side * 3 }, () => random.below(256));
	return { width: side, height: side, channels: 3, data };
}

/** A line of 4 Mbit/s that pictures alone would fill. */
async function narrow(folder: string) {
	const port = await freePort();
	await using broker = await startMosquitto(port, folder, BROKER);
	await using heard = await subscriber(broker.url);
	await using line = await lineTo(port, { bytesPerSecond: NARROW_BYTES_PER_SECOND, roundTripMs: 20 });
	const pictures = join(folder, 'pictures');
	await mkdir(pictures, { recursive: true });
	for (const i of [0, 1, 2]) await writeFile(join(pictures, `${i}.png`), encodePng(noise(256)));
	const bundle = await tinyBundle(join(folder, 'bundle'));
	const file = join(folder, 'narrow.yaml');
	const stations = STATIONS.map(
		(name) => `  ${name}: { camera: { source: pictures, loop: true }, recipe: r }`,
	);
	const recipe = `{ model: "${bundle}", threads: 1, threshold: 0.000001, trigger: { everyMs: 100 }, heatmap: { most: 1, padding: 64, longestSide: 1024, quality: 100 } }`;
	const lines = [`box: ${BOX}`, `mqtt: { url: "${line.url}" }`, 'stations:', ...stations];
	await writeFile(file, [...lines, `recipes: { r: ${recipe} }`].join('\n'));
	const running = daemon(file);
	await eventually('verdicts come', () => heard.verdicts.length > 60, 120_000);
	const [before, sentBefore, beganMs] = [heard.verdicts.length, line.sent, performance.now()];
	await sleep(30_000);
	const measured = heard.verdicts.slice(before);
	const filled = (line.sent - sentBefore) / ((performance.now() - beganMs) / 1000) / NARROW_BYTES_PER_SECOND;
	running.child.kill('SIGTERM');
	await running.ended;
	const ages = measured.map(({ message, heardMs }) => heardMs - Date.parse(message.times.recorded));
	const sizes = measured.flatMap(({ message }) => message.heatmaps.map(({ bytes }) => bytes / 1000));
	console.log(shown('size of a picture', 'kB', sizes));
	console.log(
		`a line of 4 Mbit/s, ${(100 * filled).toFixed(0)} % full of pictures: of ${measured.length} verdicts 95 % were heard within ${percentile(ages, 0.95).toFixed(0)} ms of being recorded, half within ${percentile(ages, 0.5).toFixed(0)} ms`,
	);
	return { lost: 0, twice: 0, repeated: 0, verdicts: measured.length };
}

/** A disk that fills up under the journal, and has room again. Needs root, for a small disk of its own. */
async function fullDisk(folder: string) {
	const disk = join(folder, 'disk');
	await mkdir(disk);
	execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]);
	try {
		const port = await freePort();
		await using broker = await startMosquitto(port, folder, BROKER);
		await using heard = await subscriber(broker.url);
		const journal = `journal: { folder: "${disk}/journal", mostMb: 1000, leastFreeMb: 0 }`;
		const file = await configuration(folder, broker.url, STATIONS, 20, `${journal}\nlog: info`);
		let running = daemon(file);
		await eventually('verdicts come', () => heard.verdicts.length > 200, 120_000);
		let isFull = false;
		for (let i = 0; !isFull; i += 1)
			await writeFile(join(disk, `filler-${i}`), Buffer.alloc(64 * 1024)).catch(() => {
				isFull = true;
			});
		const rates: number[] = [];
		for (let second = 0; second < FULL_S; second += 1) {
			const before = heard.verdicts.length;
			await sleep(1000);
			// What is freed is taken by others at once.
			await writeFile(join(disk, `again-${second}`), Buffer.alloc(4 * 1024 * 1024)).catch(() => {});
			rates.push(heard.verdicts.length - before);
		}
		for (const name of await readdir(disk)) if (name !== 'journal') await rm(join(disk, name));
		await sleep(5000);
		running.child.kill('SIGTERM');
		const { err } = await running.ended;
		running = daemon(await configuration(folder, broker.url, STATIONS, 2000, journal));
		await eventually('nothing is missing', () => missingOf(heard.verdicts).lost === 0, 60_000).catch(
			() => {},
		);
		running.child.kill('SIGTERM');
		await running.ended;
		await quiet(heard.verdicts, 1500);
		const found = missingOf(heard.verdicts);
		const explained = heard.gaps
			.map(({ payload }) => JSON.parse(payload.toString()) as GapMessage)
			.reduce((sum, { from, to }) => sum + to - from + 1, 0);
		console.log(
			`a full disk for ${FULL_S} s: ${heard.verdicts.length} verdicts, at least ${Math.min(...rates)} heard in a second; ${found.lost} numbers or parts missing, ${explained} numbers explained by ${heard.gaps.length} gap messages`,
		);
		for (const line of err.split('\n').filter((text) => /journal/.test(text))) console.log(`  ${line}`);
		return { ...found, lost: Math.max(0, found.lost - 2 * explained) };
	} finally {
		execFileSync('umount', ['-l', disk]);
	}
}

const parts: Readonly<Record<string, (folder: string) => Promise<Found & Partial<Drained>>>> = {
	kills: killings,
	drain,
	hole: blackHole,
	narrow,
	disk: fullDisk,
};
const wanted = process.argv.slice(2).filter((word) => word in parts);
const results: (Found & Partial<Drained>)[] = [];
for (const [name, part] of Object.entries(parts)) {
	if (wanted.length > 0 && !wanted.includes(name)) continue;
	const folder = await mkdtemp(join(tmpdir(), `inspectord-bench-${name}-`));
	try {
		results.push(await part(folder));
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}
const sumOf = (key: 'lost' | 'twice' | 'repeated' | 'verdicts') =>
	results.reduce((sum, result) => sum + result[key], 0);
const drained = results.find((result): result is Found & Drained => 'drainPerSecond' in result);
console.log(
	JSON.stringify({
		lost: sumOf('lost') + sumOf('twice'),
		duplicates: sumOf('repeated') / sumOf('verdicts'),
		drainPerSecond: drained?.drainPerSecond ?? null,
		liveP95Ms: drained?.liveP95Ms ?? null,
	}),
);
process.exit(0);
