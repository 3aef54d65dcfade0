// Does the box stay as it is? npm run soak -- --minutes 30 [--out FILE]: the real daemon with two stations as fast as they go, a real
// mosquitto, a subscriber, a reader of the metrics and one of its output; all its processes are looked at regularly. Every look is a
// line of the file; the last line printed is JSON: `rssSlopeMbPerHour` (and between which slopes nine in ten would lie by chance) and `fdSlope`
// (an hour) of the whole tree of processes, and `latencyDrift`, the growth of the 99th percentile from capture to broker an hour, as a
// share of it; robust slopes after the warm-up.
import { spawn } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect } from 'mqtt';
import { randomFrom } from '../src/base/random.js';
import { writeBundle } from '../src/disk/bundle.js';
import { memoryOf } from '../src/machine/memory.js';
import { childrenOf } from '../src/machine/processor.js';
import { slopeBand, theilSen } from '../src/measure/slope.js';
import { median, quantile } from '../src/measure/statistics.js';
import { encodePng } from '../src/opencv/picture.js';
import type { VerdictMessage } from '../src/protocol/verdict.js';
import { drawPart } from '../src/sim/line.js';
import { eventually, freePort } from '../test/free-port.js';
import { startMosquitto } from '../test/mosquitto.js';
import { MAIN } from '../test/program.js';
import { taughtContents } from '../test/tiny-bundle.js';
import { BOX, BROKER, sleep } from './box-at-work.js';

const { values: options } = parseArgs({
	options: { minutes: { type: 'string', default: '30' }, out: { type: 'string' } },
});
const durationMs = Number(options.minutes) * 60_000;
if (!(durationMs > 0)) throw new Error('--minutes is a number above 0');

/** Each 10 s; of a short run more often, so that there is something to draw a line through. */
const everyMs = Math.min(10_000, durationMs / 20);
/** What is not looked at: the journal, its caches and V8's heap reach their size first. */
const warmUpMs = Math.min(durationMs / 3, 600_000);
const HOUR_S = 3600;
const STATIONS = ['a', 'b'];
/** The size of the demonstration's bundle: the model is what takes the time, as on a line. */
const SIDE = 256;
const PICTURES = 12;
/** Some parts are rejected, with pictures. */
const THRESHOLD = Number(process.env.SOAK_THRESHOLD ?? 1);
/** What the broker still has to say. */
const LAST_WORDS_MS = 1000;

type Look = {
	readonly seconds: number;
	readonly rssMb: number;
	readonly daemonMb: number;
	readonly fds: number;
	readonly processes: number;
	readonly p99Ms: number;
	readonly verdicts: number;
};

/** A process and all below it. */
async function treeOf(pid: number): Promise<number[]> {
	const below = await Promise.all((await childrenOf(pid)).map(treeOf));
	return [pid, ...below.flat()];
}

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

const fdsOf = (pid: number): Promise<number> =>
	readdir(`/proc/${pid}/fd`).then(
		(names) => names.length,
		() => 0,
	);

const folder = await mkdtemp(join(tmpdir(), 'inspectord-soak-'));
const out = options.out ?? join(tmpdir(), `inspectord-soak-${process.pid}.jsonl`);
await writeFile(out, '');
try {
	await using broker = await startMosquitto(await freePort(), folder, BROKER);
	const metrics = `127.0.0.1:${await freePort()}`;
	// Small, so that retention is at work, too.
	const more = `metrics: { listen: "${metrics}" }\njournal: { mostMb: 64, leastFreeMb: 0 }\nhealth: { everyMs: 5000 }`;
	const config = join(folder, 'bench.yaml');
	const pictures = join(folder, 'pictures');
	await mkdir(pictures);
	for (let i = 0; i < PICTURES; i += 1)
		await writeFile(join(pictures, `${i}.png`), encodePng(drawPart(1, 50 + i, undefined, SIDE).image));
	const { dir: model } = await writeBundle(join(folder, 'bundle'), await taughtContents(SIDE));
	const stations = STATIONS.map(
		(name) => `  ${name}: { camera: { source: pictures, loop: true }, recipe: r }`,
	);
	await writeFile(
		config,
		[
			`box: ${BOX}`,
			`mqtt: { url: "${broker.url}" }`,
			'stations:',
			...stations,
			`recipes: { r: { model: "${model}", threads: 1, threshold: ${THRESHOLD}, heatmap: { most: 1 } } }`,
			more,
		].join('\n'),
	);
	const client = connect(broker.url);
	let [verdicts, rejects, latenciesMs]: [number, number, number[]] = [0, 0, []];
	const last = new Map<string, number>();
	/** Numbers that were passed over, and did not come yet. */
	const holes = new Set<string>();
	client.on('message', (topic, payload) => {
		if (!topic.endsWith('/verdict')) return;
		const { station, sequence, latency, verdict } = JSON.parse(payload.toString()) as VerdictMessage;
		verdicts += 1;
		if (verdict === 'reject') rejects += 1;
		const before = last.get(station) ?? sequence - 1;
		for (let hole = before + 1; hole < sequence; hole += 1) holes.add(`${station} ${hole}`);
		holes.delete(`${station} ${sequence}`);
		last.set(station, Math.max(before, sequence));
		latenciesMs.push(sumOf(Object.values(latency).map((ms) => ms ?? 0)));
	});
	await client.subscribeAsync('inspectord/#', { qos: 1 });
	const child = spawn(process.execPath, [MAIN, 'run', '--config', config, '--json', '--log', 'json'], {
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
	child.stdout.resume();
	let complaints = '';
	child.stderr.on('data', (chunk) => {
		complaints = (complaints + chunk).slice(-4000);
	});
	const looks: Look[] = [];
	try {
		await eventually('both stations judge', () => last.size === STATIONS.length, 120_000);
		const begunMs = performance.now();
		for (let due = everyMs; due <= durationMs; due += everyMs) {
			await sleep(begunMs + due - performance.now());
			if (child.exitCode !== null) throw new Error(`the daemon ended\n${complaints}`);
			const scraped = await fetch(`http://${metrics}/metrics`);
			await scraped.text();
			const pids = await treeOf(child.pid!);
			const [bytes, fds] = await Promise.all([
				Promise.all(pids.map(async (pid) => (await memoryOf(pid)) ?? 0)),
				Promise.all(pids.map(fdsOf)),
			]);
			const look: Look = {
				seconds: Math.round(performance.now() - begunMs) / 1000,
				rssMb: sumOf(bytes) / 1e6,
				daemonMb: bytes[0]! / 1e6,
				fds: sumOf(fds),
				processes: pids.length,
				p99Ms: quantile(latenciesMs, 0.99),
				verdicts,
			};
			latenciesMs = [];
			looks.push(look);
			await appendFile(out, `${JSON.stringify(look)}\n`);
		}
	} finally {
		child.kill('SIGTERM');
		await ended;
		await sleep(LAST_WORDS_MS);
		await client.endAsync(true);
	}
	const after = looks.filter(({ seconds }) => seconds * 1000 >= warmUpMs);
	const hours = (of: (look: Look) => number) =>
		after.map((look): [number, number] => [look.seconds / HOUR_S, of(look)]);
	const anHour = (of: (look: Look) => number) => theilSen(hours(of));
	const [least, most] = slopeBand(
		hours(({ rssMb }) => rssMb),
		randomFrom(1),
	);
	const p99Ms = median(after.map((look) => look.p99Ms));
	const rate = verdicts / looks.at(-1)!.seconds;
	console.log(
		`${options.minutes} min, ${rate.toFixed(0)} verdicts a second, ${((100 * rejects) / verdicts).toFixed(0)} % rejects, ${holes.size} numbers missing; ${looks.at(-1)!.rssMb.toFixed(0)} MB in ${looks.at(-1)!.processes} processes, ${looks.at(-1)!.fds} files, p99 ${p99Ms.toFixed(1)} ms; of ${after.length} looks after ${(warmUpMs / 1000).toFixed(0)} s; all in ${out}`,
	);
	const rounded = (value: number) => Math.round(value * 1000) / 1000;
	console.log(
		JSON.stringify({
			rssSlopeMbPerHour: rounded(anHour(({ rssMb }) => rssMb)),
			rssSlopeBand: [rounded(least), rounded(most)],
			fdSlope: rounded(anHour(({ fds }) => fds)),
			latencyDrift: rounded(anHour((look) => look.p99Ms) / p99Ms),
			daemonSlopeMbPerHour: rounded(anHour(({ daemonMb }) => daemonMb)),
			minutes: Number(options.minutes),
			verdictsPerSecond: rounded(rate),
			missing: holes.size,
		}),
	);
} finally {
	await rm(folder, { recursive: true, force: true });
}
process.exit(0);
