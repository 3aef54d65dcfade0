// What does a fault cost? npm run chaos [-- --only WORD --cuts N --seed N]: one fault after another, or those whose names have the word,
// strikes a box at work (chaos-box.ts), each a box of its own. A row a fault: parts or numbers that nobody heard of (`lost`), parts
// accepted while no picture of them could be (`wrongAccepts`), how long until it was told (`detectedMs`: on MQTT, or in the metrics where
// the broker is what is away), and from when its cause was gone until a part was judged (`healedMs`).
import { readFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { randomFrom } from '../src/base/random.js';
import { eventually } from '../test/free-port.js';
import { tinyBundle } from '../test/tiny-bundle.js';
import { sleep } from './box-at-work.js';
import { atWork, type Box, type BoxSettings, type Camera, DEADLINE_MS, STATION } from './chaos-box.js';
import { CAMERA_FAULTS, cameraStruck } from './chaos-cameras.js';
import { oneOfEight } from './chaos-eight.js';
import { percentile } from './median.js';

const DETECTED_MS = 120_000;
const HEALED_MS = 120_000;

type Fault = {
	readonly strike: (box: Box) => unknown;
	/** Takes the cause away. */
	readonly end: (box: Box) => unknown;
	/** Without it there is nothing to tell. */
	readonly isDetected?: (box: Box, struckMs: number) => boolean | Promise<boolean>;
	/** While it lasts no part has a picture of its own. */
	readonly isBlind: boolean;
	/** It lasts at least so long. */
	readonly lastsMs?: number;
} & BoxSettings;

const lastState = (box: Box, sinceMs: number, below = '') => box.statesSince(sinceMs, below).at(-1)?.state;
const stationTells = (box: Box, struckMs: number) => {
	const state = lastState(box, struckMs, `${STATION}/`);
	return (state !== undefined && state !== 'running') || box.hasErrorSince(struckMs);
};
const boxIsDegraded = (box: Box, struckMs: number) => lastState(box, struckMs) === 'degraded';
const brokerIsMissed = async (box: Box) => (await box.metric('inspectord_broker_connected')) === 0;
const signalTo = (signal: NodeJS.Signals) => async (box: Box) => {
	for (const pid of await box.stationPids()) process.kill(pid, signal);
};
const befall = (fate: Parameters<Camera['befall']>[0]) => ({
	strike: ({ camera }: Box) => camera.befall(fate),
	end: ({ camera }: Box) => camera.befall('go on'),
	isDetected: stationTells,
	isBlind: true,
	lastsMs: 3000,
});
const nothing = () => {};
const diskFails = (fate: string) => ({
	strike: ({ disk }: Box) => disk(fate),
	end: ({ disk }: Box) => disk(),
	isDetected: boxIsDegraded,
	isBlind: false,
	lastsMs: 5000,
});
/** Of what goes over the line a hundredth. */
const SLOW_BYTES_PER_SECOND = 500;
const BACKLOG = 5;
const FILLERS = [0, 1, 2, 3];
const restarted = async (box: Box, signal: NodeJS.Signals, between: () => Promise<void>) => {
	box.running.child.kill(signal);
	await box.running.ended;
	await between();
	box.running = box.start();
};
/** Overwrites such a share of a file, from its middle on. */
const spoil = async (path: string, share: number) => {
	const bytes = await readFile(path);
	const from = bytes.length >> 1;
	await writeFile(path, bytes.fill(0x5a, from, from + Math.ceil(share * (bytes.length - from))));
};
const reread = async ({ configure, running }: Box, station?: string) => {
	await configure(station);
	running.child.kill('SIGHUP');
};

const FAULTS: Readonly<Record<string, Fault>> = {
	'camera stalled': befall('stall'),
	'camera gone': befall('vanish'),
	'camera frozen': befall('freeze'),
	'camera garbage': befall('garble'),
	'camera resized': befall('resize'),
	'camera late': befall('lag'),
	'station kill -9': { strike: signalTo('SIGKILL'), end: nothing, isDetected: stationTells, isBlind: false },
	'station SIGSTOP': {
		strike: signalTo('SIGSTOP'),
		end: signalTo('SIGCONT'),
		isDetected: stationTells,
		isBlind: true,
		lastsMs: 3000,
	},
	'daemon kill -9': {
		strike: ({ running }) => running.child.kill('SIGKILL'),
		end: async (box) => {
			await box.running.ended;
			box.running = box.start();
		},
		isDetected: (box, struckMs) => lastState(box, struckMs) === 'offline',
		isBlind: false,
	},
	'broker down': {
		strike: ({ broker }) => broker.kill('SIGKILL'),
		end: async (box) => {
			box.broker = await box.startBroker();
		},
		isDetected: brokerIsMissed,
		isBlind: false,
		lastsMs: 5000,
	},
	'broker refusing': {
		strike: async (box) => {
			await box.broker.kill('SIGKILL');
			box.broker = await box.startBroker('allow_anonymous false');
		},
		end: async (box) => {
			await box.broker.kill('SIGTERM');
			box.broker = await box.startBroker();
		},
		isDetected: brokerIsMissed,
		isBlind: false,
		lastsMs: 5000,
	},
	'broker black hole': {
		strike: ({ line }) => line.swallow(true),
		end: ({ line }) => {
			line.swallow(false);
			line.cut();
		},
		isDetected: brokerIsMissed,
		isBlind: false,
	},
	// Fresh verdicts go first: what is told is that others wait.
	'broker slow': {
		strike: ({ line }) => line.throttle(SLOW_BYTES_PER_SECOND),
		end: ({ line }) => line.throttle(Number.POSITIVE_INFINITY),
		isDetected: async (box) => (await box.metric('inspectord_outbox_verdicts')) >= BACKLOG,
		isBlind: false,
		lastsMs: 20_000,
	},
	'disk EIO': diskFails(''),
	// Nothing is wrong: verdicts are safe on the disk later, and come later.
	'disk slow': {
		strike: ({ disk }) => disk('1000'),
		end: ({ disk }) => disk(),
		isBlind: false,
		lastsMs: 5000,
	},
	'disk read-only': diskFails('EROFS'),
	// Not a byte more, whatever the journal frees for itself.
	'disk full to the last byte': diskFails('ENOSPC'),
	// The journal goes on in the room it has; what it frees for itself is taken, too.
	'disk full': {
		diskMb: 64,
		strike: async ({ journal }) => {
			for (const i of FILLERS) {
				await writeFile(join(journal, `filler-${i}`), Buffer.alloc(64e6)).catch(nothing);
				await sleep(500);
			}
		},
		end: async ({ journal }) => {
			for (const i of FILLERS) await rm(join(journal, `filler-${i}`));
		},
		isBlind: false,
		lastsMs: 10_000,
	},
	// What any start takes here, for those that begin with one.
	'none: ended and started': {
		strike: (box) => restarted(box, 'SIGTERM', async () => {}),
		end: nothing,
		isBlind: false,
	},
	// After an end in order everything is in the one file.
	'journal corrupt': {
		strike: (box) => restarted(box, 'SIGTERM', () => spoil(join(box.journal, 'journal.db'), 0.5)),
		end: nothing,
		isBlind: false,
	},
	'bundle corrupt': {
		strike: (box) => restarted(box, 'SIGKILL', () => spoil(join(box.bundle, 'model.onnx'), 0.01)),
		end: ({ bundle }) => tinyBundle(bundle),
		isDetected: stationTells,
		isBlind: true,
		lastsMs: 5000,
	},
	// What has not run for long is proven by ending in order.
	'configuration corrupt': {
		strike: (box) => restarted(box, 'SIGTERM', () => spoil(box.file, 0.5)),
		end: nothing,
		isBlind: false,
	},
	'station over its memory': {
		strike: (box) => reread(box, ', mostMemoryMb: 100'),
		end: (box) => reread(box),
		isDetected: stationTells,
		isBlind: false,
		lastsMs: 5000,
	},
	// Somebody else on the box takes all there is, and holds it: the kernel kills, and by our word it kills stations.
	'memory taken': {
		spareMb: 100,
		strike: async (box) => {
			const [first] = await box.stationPids();
			await box.cage!.squeeze(async () => !(await box.stationPids()).includes(first!));
		},
		end: ({ cage }) => cage!.free(),
		isDetected: stationTells,
		isBlind: false,
		lastsMs: 5000,
	},
	'clock +30 days': { strike: ({ clock }) => clock?.jump('+30d'), end: nothing, isBlind: false },
	'clock -2 hours': { strike: ({ clock }) => clock?.jump('-2h'), end: nothing, isBlind: false },
};

export type Row = {
	readonly fault: string;
	readonly lost: number;
	readonly wrongAccepts: number;
	readonly detectedMs: number | null;
	readonly healedMs: number | null;
};

const within = (limitMs: number, what: string, look: () => boolean | Promise<boolean>, fromMs: number) =>
	eventually(what, look, limitMs).then(
		() => Date.now() - fromMs,
		() => null,
	);

/** What a daemon and its stations have computed since they started. */
const computed = async ({ running, stationPids }: Box) => {
	const seconds = [running.child.pid!, ...(await stationPids())].map((pid) => {
		const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(11, 13);
		return ((Number(user) + Number(system)) / 100).toFixed(1);
	});
	return `healed after ${seconds.join(' s + ')} s of a processor (daemon + stations), with a load of ${loadavg()[0]!.toFixed(1)}`;
};

const suffered = (fault: string, { strike, end, isDetected, isBlind, lastsMs = 0, ...settings }: Fault) =>
	atWork(async (box): Promise<Row> => {
		await sleep(2000);
		const struckMs = Date.now();
		await strike(box);
		const blindMs = Date.now();
		const detectedMs = isDetected
			? await within(DETECTED_MS, 'told', () => isDetected(box, struckMs), struckMs)
			: null;
		await sleep(struckMs + lastsMs - Date.now());
		const endedMs = Date.now();
		await end(box);
		const healedMs = await within(HEALED_MS, 'healed', () => box.judgedSince(endedMs) !== undefined, endedMs);
		if (fault.includes('corrupt') || fault.startsWith('none')) console.log(await computed(box));
		await sleep(2000);
		const { numbers, partsMs } = await box.end();
		const lost = numbers + partsMs.length;
		const wrong = box.verdicts.filter(({ message: { verdict, part } }) => {
			const cameMs = box.cameMs(part);
			return isBlind && verdict === 'accept' && cameMs >= blindMs && cameMs < endedMs - DEADLINE_MS;
		});
		return { fault, lost, wrongAccepts: wrong.length, detectedMs, healedMs };
	}, settings);

/** The longest pause from a cut to the next start, and from a start or a judged part to the next cut. */
const DARK_MS = 500;
const AWAKE_MS = 1500;
/** Of the cuts so many strike a box that starts; of the others, so many take the broker along. */
const WHILE_STARTING = 0.25;
const WITH_BROKER = 0.3;

const kill = (pid: number): void => {
	try {
		process.kill(pid, 'SIGKILL');
	} catch {
		// It has ended by itself.
	}
};

/** Everything is killed at random points, again and again; what heals, and is told, as the median. */
const cuts = (fault: string, count: number, seed: number) =>
	atWork(async (box): Promise<Row> => {
		const random = randomFrom(seed);
		const told: number[] = [];
		const healed: number[] = [];
		for (let cut = 0; cut < count; cut += 1) {
			await sleep(random.uniform() * AWAKE_MS);
			const hasBroker = random.uniform() >= WITH_BROKER;
			const stations = await box.stationPids();
			const cutMs = Date.now();
			box.running.child.kill('SIGKILL');
			for (const pid of stations) kill(pid);
			if (!hasBroker) await box.broker.kill('SIGKILL');
			await box.running.ended;
			await sleep(random.uniform() * DARK_MS);
			if (!hasBroker) box.broker = await box.startBroker();
			const offline = box.statesSince(cutMs, '').find(({ state }) => state === 'offline');
			if (offline) told.push(offline.heardMs - cutMs);
			const startedMs = Date.now();
			box.running = box.start();
			if (random.uniform() < WHILE_STARTING) continue;
			const healedMs = await within(
				HEALED_MS,
				'healed',
				() => box.judgedSince(startedMs) !== undefined,
				startedMs,
			);
			healed.push(healedMs ?? Number.POSITIVE_INFINITY);
		}
		const uncutMs = Date.now();
		await within(HEALED_MS, 'healed', () => box.judgedSince(uncutMs) !== undefined, uncutMs);
		const { numbers, partsMs } = await box.end();
		const wrong = box.verdicts.filter(({ message: { verdict, part, times } }) => {
			const lateMs = Date.parse(times.captured) - box.cameMs(part);
			return verdict === 'accept' && (lateMs < 0 || lateMs > DEADLINE_MS);
		});
		const numbered = new Map(box.verdicts.map(({ message }) => [message.sequence, message.part]));
		const twice = numbered.size - new Set(numbered.values()).size;
		const interrupted = box.verdicts.filter(({ message: { reason } }) => reason === 'interrupted').length;
		const [detectedMs, healedMs] = [told, healed].map((all) =>
			all.length === 0 ? null : percentile(all, 0.5),
		) as [number | null, number | null];
		console.log(
			`${count} cuts, seed ${seed}: ${box.verdicts.length} verdicts, ${twice} parts with more than one, ${interrupted} interrupted; ${healed.length} times healed, after ${Math.max(...healed)} ms at most`,
		);
		return {
			fault,
			lost: numbers + partsMs.length + twice,
			wrongAccepts: wrong.length,
			detectedMs,
			healedMs,
		};
	});

const { values: options } = parseArgs({
	options: {
		only: { type: 'string' },
		cuts: { type: 'string', default: '100' },
		seed: { type: 'string', default: '1' },
	},
});
const bench: Readonly<Record<string, (fault: string) => Promise<Row | undefined>>> = {
	...Object.fromEntries(Object.entries(FAULTS).map(([name, fault]) => [name, () => suffered(name, fault)])),
	...Object.fromEntries(Object.keys(CAMERA_FAULTS).map((name) => [name, cameraStruck])),
	'one station of eight': oneOfEight,
	'power cut': (name) => cuts(name, Number(options.cuts), Number(options.seed)),
};
const { only } = options;
const chosen = Object.entries(bench).filter(([name]) => name.includes(only ?? ''));
if (chosen.length === 0) throw new Error(`no fault "${only}": ${Object.keys(bench).join(', ')}`);
const rows: Row[] = [];
for (const [name, measure] of chosen) {
	const row = await measure(name);
	if (!row) continue;
	rows.push(row);
	const { lost, wrongAccepts, detectedMs, healedMs } = row;
	console.log(
		`${name.padEnd(24)} ${lost} lost, ${wrongAccepts} wrong accepts, told after ${detectedMs ?? '–'} ms, healed after ${healedMs ?? 'never'} ms`,
	);
}
console.log(JSON.stringify(rows));
process.exit(0);
