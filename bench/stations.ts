// How many parts do 1, 2, 4 and 8 stations judge on this machine, by the real daemon and a process a station: with as many threads as
// the default gives each, and with one. Bundles of the size of the demonstration's, and with ResNet18; everything takes turns.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { runStations } from '../src/commands/bench-stations.js';
import { readConfig } from '../src/daemon/settings.js';
import { writeBundle } from '../src/disk/bundle.js';
import { teachWorld } from '../src/jobs/world.js';
import { teach } from '../src/learn/teach.js';
import { processorName } from '../src/machine/processor.js';
import { quantile } from '../src/measure/statistics.js';
import type { Backbone } from '../src/model/architecture.js';
import { seededTeacher } from '../src/model/teacher.js';
import { oneTile } from '../src/model/tiling.js';
import { startEmbeddedBroker } from '../src/mqtt/embedded-broker.js';
import { encodeJpeg, frameOf } from '../src/opencv/picture.js';
import { drawPart } from '../src/sim/line.js';

const SIZE = 256;
const SIDE = 512;
const PICTURES = 12;
const STATIONS = (process.env.BENCH_STATIONS ?? '1,2,4,8').split(',').map(Number);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 6);
const BACKBONES: readonly Backbone[] = ['pocket', 'resnet18'];
/** As a recipe that says nothing, and one each. */
const THREADS = ['default', 1] as const;

type Run = { readonly perSecond: number; readonly p50: number; readonly p99: number };
type Case = {
	readonly backbone: Backbone;
	readonly stations: number;
	readonly threads: (typeof THREADS)[number];
	readonly runs: Run[];
	stationMb: number;
	others: number;
};

const { signal } = new AbortController();
const folder = await mkdtemp(join(tmpdir(), 'inspectord-bench-stations-'));
try {
	const pictures = join(folder, 'pictures');
	await mkdir(pictures);
	for (let i = 0; i < PICTURES; i += 1)
		await writeFile(join(pictures, `${i}.jpg`), encodeJpeg(drawPart(1, 50 + i, undefined, SIDE).image, 90));
	const bundles = new Map<Backbone, string>();
	for (const backbone of BACKBONES) bundles.set(backbone, await taught(backbone));
	await using broker = await startEmbeddedBroker(18_930);
	const cases: readonly Case[] = BACKBONES.flatMap((backbone) =>
		STATIONS.flatMap((stations) =>
			THREADS.map((threads) => ({
				backbone,
				stations,
				threads,
				runs: [],
				stationMb: 0,
				others: 0,
			})),
		),
	);
	for (let round = 0; round < ROUNDS; round += 1) {
		for (const [i, one] of cases.entries()) {
			const { backbone, stations, threads } = one;
			const found = await measured(
				bundles.get(backbone)!,
				pictures,
				broker.port,
				stations,
				threads,
				`${round}-${i}`,
			);
			one.runs.push({
				perSecond: found.perSecond,
				p50: found.wholeMs.p50,
				p99: found.wholeMs.p99,
			});
			one.stationMb = Math.max(one.stationMb, (found.stationBytes ?? Number.NaN) / 1e6);
			one.others = Math.max(one.others, found.work.others ?? Number.NaN);
			console.error(
				`round ${round + 1} of ${ROUNDS}: ${backbone}, ${stations} stations, threads ${threads}: ${found.perSecond.toFixed(1)} a second`,
			);
		}
	}
	const middle = (one: Case, of: keyof Run) =>
		quantile(
			one.runs.map((run) => run[of]),
			0.5,
		);
	const ends = (one: Case, of: keyof Run) => {
		const values = one.runs.map((run) => run[of]);
		return `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`;
	};
	console.log(
		`${await processorName()}; ${ROUNDS} rounds of ${SECONDS} s in turn; medians, lowest to highest`,
	);
	console.log(
		'| | stations | threads each | a second in all | p50 ms | p99 ms | MB a station | others at most |',
	);
	console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
	for (const one of cases) {
		const { backbone, stations, threads, stationMb, others } = one;
		const each = threads === 'default' ? `${threads} (of ${availableParallelism()} cores)` : `${threads}`;
		const cells = [
			backbone,
			`${stations}`,
			each,
			`${middle(one, 'perSecond').toFixed(1)} (${ends(one, 'perSecond')})`,
			middle(one, 'p50').toFixed(0),
			`${middle(one, 'p99').toFixed(0)} (${ends(one, 'p99')})`,
			stationMb.toFixed(0),
			`${Math.round(100 * others)} %`,
		];
		console.log(`| ${cells.join(' | ')} |`);
	}
	const round = (n: number) => Number(n.toFixed(2));
	console.log(
		JSON.stringify(
			cases.map((one) => ({
				backbone: one.backbone,
				stations: one.stations,
				threads: one.threads,
				perSecond: round(middle(one, 'perSecond')),
				p50Ms: round(middle(one, 'p50')),
				p99Ms: round(middle(one, 'p99')),
				stationMb: round(one.stationMb),
				others: round(one.others),
			})),
		),
	);
} finally {
	await rm(folder, { recursive: true, force: true });
}
process.exit(0);

async function measured(
	model: string,
	source: string,
	port: number,
	stations: number,
	threads: (typeof THREADS)[number],
	name: string,
) {
	const station = { camera: { source, loop: true }, recipe: 'r' };
	const recipe = {
		model,
		provider: 'cpu',
		deadlineMs: 600_000,
		...(threads !== 'default' && { threads }),
	};
	const text = JSON.stringify({
		box: 'bench',
		mqtt: { url: `mqtt://127.0.0.1:${port}`, version: '3.1.1' },
		stations: Object.fromEntries(Array.from({ length: stations }, (_, i) => [`s${i + 1}`, station])),
		recipes: { r: recipe },
		journal: { folder: join(folder, `state-${name}`) },
		log: 'error',
	});
	const read = readConfig(text, join(folder, 'bench.yaml'), process.env);
	if ('faults' in read) throw new Error(JSON.stringify(read.faults));
	const context = { env: process.env, version: 'bench', signal, conceal: () => {} };
	return runStations(
		read.config,
		SECONDS,
		context,
		(_level, about, message) => console.error(`${about}: ${message}`),
		() => {},
	);
}

/** As much work as a bundle that was taught properly; nearly every part is rejected or none, which costs a station little. */
async function taught(backbone: Backbone): Promise<string> {
	const tiling = oneTile(SIZE);
	const images = {
		count: 10,
		name: (i: number) => `part ${i}`,
		image: async (i: number) => {
			const frame = frameOf(drawPart(1, i, undefined, SIDE).image);
			const input = frame.modelInput(undefined, tiling);
			frame.release();
			return { input, size: frame };
		},
	};
	const teacher = {
		weights: seededTeacher(backbone, 1),
		sha256: '0'.repeat(64),
		origin: 'seed',
		seeded: true,
	};
	const settings = {
		name: backbone,
		backbone,
		tiling,
		preset: 'standard',
		precision: 'fp32',
		iterations: 3,
		batch: 4,
		seed: 1,
		holdout: 0.3,
		threads: 0,
	} as const;
	const world = teachWorld('bench', signal, () => {});
	const { dir } = await writeBundle(join(folder, backbone), await teach(images, teacher, settings, world));
	return dir;
}
