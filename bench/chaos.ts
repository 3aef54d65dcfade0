// What does a fault cost? npm run chaos [-- WORD …]: the real daemon with a line's parts coming by signals, a real mosquitto behind a
// proxy, a camera that speaks MJPEG; one fault after another, each with a box of its own. A row a fault: parts or numbers that nobody
// heard of (`lost`), parts accepted while no picture of them could be (`wrongAccepts`), how long until it was told (`detectedMs`: on
// MQTT, or in the metrics where the broker is what is away), and from when its cause was gone until a part was judged (`healedMs`).
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childrenOf } from '../src/machine/processor.js';
import { encodeJpeg } from '../src/opencv/picture.js';
import { drawPart } from '../src/sim/line.js';
import { startMjpegServer } from '../test/cameras/mjpeg-server.js';
import { type FakeClock, fakeClock } from '../test/faketime.js';
import { type Line, lineTo } from '../test/far-broker.js';
import { eventually, freePort } from '../test/free-port.js';
import { type Mosquitto, startMosquitto } from '../test/mosquitto.js';
import { type Running, startWith } from '../test/program.js';
import { slowDisk } from '../test/sqlite/slow-disk.js';
import { tinyBundle } from '../test/tiny-bundle.js';
import { BOX, BROKER, missingOf, quiet, sleep, subscriber } from './box-at-work.js';

/** Between two parts, and until each owes its verdict. */
const PART_MS = 250;
const DEADLINE_MS = 1000;
/** Frames that were on their way when the fault struck. */
const UNDERWAY_MS = 500;
const DETECTED_MS = 120_000;
const HEALED_MS = 120_000;
const STATION = 'lid';

type Camera = Awaited<ReturnType<typeof startMjpegServer>>;

type Box = {
	readonly camera: Camera;
	readonly line: Line;
	broker: Mosquitto;
	running: Running;
	readonly start: () => Running;
	readonly startBroker: (...more: string[]) => Promise<Mosquitto>;
	readonly clock: FakeClock | undefined;
	readonly dyingDisk: string;
	/** The process of its station. */
	stationPid(): Promise<number>;
	/** The last state on a topic below the box's, heard since a moment. */
	stateSince(atMs: number, below: string): string | undefined;
	/** Whether a part that came since a moment is an error. */
	hasErrorSince(atMs: number): boolean;
	metric(name: string): Promise<number>;
};

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
};

const stationTells = (box: Box, struckMs: number) => {
	const state = box.stateSince(struckMs, `${STATION}/`);
	return (state !== undefined && state !== 'running') || box.hasErrorSince(struckMs);
};
const brokerIsMissed = async (box: Box) => (await box.metric('inspectord_broker_connected')) === 0;
const signalTo = (signal: NodeJS.Signals) => async (box: Box) => process.kill(await box.stationPid(), signal);
const befall = (fate: Parameters<Camera['befall']>[0]) => ({
	strike: ({ camera }: Box) => camera.befall(fate),
	end: ({ camera }: Box) => camera.befall('go on'),
	isDetected: stationTells,
	isBlind: true,
	lastsMs: 3000,
});
const nothing = () => {};

const faults: Readonly<Record<string, Fault>> = {
	'camera stalled': befall('stall'),
	'camera gone': befall('vanish'),
	'camera frozen': befall('freeze'),
	'camera garbage': befall('garble'),
	'camera resized': befall('resize'),
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
		isDetected: (box, struckMs) => box.stateSince(struckMs, '') === 'offline',
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
	'disk EIO': {
		strike: ({ dyingDisk }) => writeFile(dyingDisk, ''),
		end: ({ dyingDisk }) => rm(dyingDisk),
		isDetected: (box, struckMs) => box.stateSince(struckMs, '') === 'degraded',
		isBlind: false,
		lastsMs: 5000,
	},
	'clock +30 days': { strike: ({ clock }) => clock?.jump('+30d'), end: nothing, isBlind: false },
	'clock -2 hours': { strike: ({ clock }) => clock?.jump('-2h'), end: nothing, isBlind: false },
};

type Row = {
	readonly fault: string;
	readonly lost: number;
	readonly wrongAccepts: number;
	readonly detectedMs: number | null;
	readonly healedMs: number | null;
};

async function suffered(
	name: string,
	{ strike, end, isDetected, isBlind, lastsMs = 0 }: Fault,
): Promise<Row> {
	const folder = await mkdtemp(join(tmpdir(), 'inspectord-chaos-'));
	const port = await freePort();
	const startBroker = (...more: string[]) => startMosquitto(port, folder, [...BROKER, ...more]);
	const broker = await startBroker();
	await using heard = await subscriber(broker.url);
	await using line = await lineTo(port);
	const pictures = Array.from({ length: 30 }, (_, i) => encodeJpeg(drawPart(1, i, undefined, 96).image, 90));
	await using camera = await startMjpegServer(pictures, 20);
	const metrics = `127.0.0.1:${await freePort()}`;
	const [signals, config, dyingDisk] = ['signals', 'box.yaml', 'fails'].map((one) => join(folder, one)) as [
		string,
		string,
		string,
	];
	await mkdir(signals);
	const bundle = await tinyBundle(join(folder, 'bundle'));
	const signal = join(signals, 'part');
	await writeFile(
		config,
		`box: ${BOX}
mqtt: { url: "${line.url}" }
metrics: { listen: "${metrics}" }
stations: { ${STATION}: { camera: { source: "${camera.url}", timeoutMs: 1000 }, recipe: r } }
recipes: { r: { model: "${bundle}", threads: 1, threshold: 1000, deadlineMs: ${DEADLINE_MS}, trigger: { mode: file, file: "${signal}", queue: 16 } } }
`,
	);
	const library = slowDisk(folder);
	const clock = await fakeClock(folder);
	const libraries = [library, clock?.env.LD_PRELOAD].filter((one) => one !== undefined);
	const env = { ...clock?.env, LD_PRELOAD: libraries.join(':'), SLOW_DISK_FAILS: dyingDisk };
	const start = () => startWith(env, 'run', '--config', config);
	const signalledMs = new Map<string, number>();
	const partOf = (part: string | null) => signalledMs.get(part ?? '') ?? Number.NEGATIVE_INFINITY;
	const box: Box = {
		camera,
		line,
		broker,
		running: start(),
		start,
		startBroker,
		dyingDisk,
		clock,
		stationPid: async () => (await childrenOf(box.running.child.pid!))[0]!,
		stateSince: (atMs, below) =>
			heard.states.findLast(
				({ topic, heardMs }) => heardMs >= atMs && topic === `inspectord/${BOX}/${below}state`,
			)?.state,
		hasErrorSince: (atMs) =>
			heard.verdicts.some(({ message }) => message.verdict === 'error' && partOf(message.part) >= atMs),
		metric: async (metric) => {
			const text = await fetch(`http://${metrics}/metrics`).then(
				(response) => response.text(),
				() => '',
			);
			return Number(new RegExp(`^${metric} (.*)$`, 'm').exec(text)?.[1] ?? Number.NaN);
		},
	};
	let parts = 0;
	/** A part comes. A signal that nobody has taken by now was of a part that is gone: nobody was there. */
	const come = async (): Promise<void> => {
		const isUntaken = await stat(signal).then(
			() => true,
			() => false,
		);
		if (isUntaken) signalledMs.delete(`p-${parts}`);
		parts += 1;
		signalledMs.set(`p-${parts}`, Date.now());
		await writeFile(`${signal}.new`, `p-${parts}`);
		await rename(`${signal}.new`, signal);
	};
	const coming = setInterval(() => void come(), PART_MS);
	const judgedSince = (atMs: number) =>
		heard.verdicts.find(({ message }) => message.verdict !== 'error' && partOf(message.part) >= atMs);
	const within = async (
		limitMs: number,
		what: string,
		look: () => boolean | Promise<boolean>,
		fromMs: number,
	) =>
		eventually(what, look, limitMs).then(
			() => Date.now() - fromMs,
			() => null,
		);
	try {
		await eventually('it judges parts', () => judgedSince(0), 60_000).catch((thrown) => {
			const [last] = heard.verdicts.slice(-1);
			throw new Error(`${last?.message.error?.message ?? 'no verdict'}\n${box.running.err()}`, {
				cause: thrown,
			});
		});
		await sleep(2000);
		const struckMs = Date.now();
		await strike(box);
		const detectedMs = isDetected
			? await within(DETECTED_MS, 'told', () => isDetected(box, struckMs), struckMs)
			: null;
		await sleep(struckMs + lastsMs - Date.now());
		const endedMs = Date.now();
		await end(box);
		const isJudged = () => judgedSince(endedMs) !== undefined;
		const healedMs = await within(HEALED_MS, 'healed', isJudged, endedMs);
		await sleep(2000);
		clearInterval(coming);
		await quiet(heard.verdicts, 3000);
		box.running.child.kill('SIGTERM');
		await box.running.ended;
		await quiet(heard.verdicts, 1000);
		const judged = new Set(heard.verdicts.map(({ message }) => message.part));
		const [first] = [...judged];
		const taken = [...signalledMs].filter(([, atMs]) => atMs >= partOf(first ?? null));
		const unheard = taken.filter(([part]) => !judged.has(part)).length;
		const { lost, twice } = missingOf(heard.verdicts);
		const accepts = heard.verdicts.filter(({ message }) => message.verdict === 'accept');
		const blind = accepts.filter(({ message }) => {
			const atMs = partOf(message.part);
			return isBlind && atMs >= struckMs + UNDERWAY_MS && atMs < endedMs - DEADLINE_MS;
		});
		return { fault: name, lost: lost + twice + unheard, wrongAccepts: blind.length, detectedMs, healedMs };
	} finally {
		clearInterval(coming);
		await box.running[Symbol.asyncDispose]();
		await box.broker.kill('SIGKILL');
		await rm(folder, { recursive: true, force: true });
	}
}

const words = process.argv.slice(2);
const rows: Row[] = [];
for (const [name, fault] of Object.entries(faults)) {
	if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
	const row = await suffered(name, fault);
	rows.push(row);
	const { lost, wrongAccepts, detectedMs, healedMs } = row;
	console.log(
		`${name.padEnd(18)} ${lost} lost, ${wrongAccepts} wrong accepts, told after ${detectedMs ?? '–'} ms, healed after ${healedMs ?? 'never'} ms`,
	);
}
console.log(JSON.stringify(rows));
process.exit(0);
