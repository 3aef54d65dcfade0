// A box for the bench of faults: the real daemon with a line's parts coming by signals, a real mosquitto behind a proxy, a camera that
// speaks MJPEG, a disk that can be made to fail, a clock that can be made to jump.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childrenOf } from '../src/machine/processor.js';
import { encodeJpeg } from '../src/opencv/picture.js';
import type { GapMessage } from '../src/protocol/gap.js';
import { drawPart } from '../src/sim/line.js';
import { startMjpegServer } from '../test/cameras/mjpeg-server.js';
import { type FakeClock, fakeClock } from '../test/faketime.js';
import { type Line, lineTo } from '../test/far-broker.js';
import { eventually, freePort } from '../test/free-port.js';
import { type Mosquitto, startMosquitto } from '../test/mosquitto.js';
import { type Running, startWith } from '../test/program.js';
import { slowDisk } from '../test/sqlite/slow-disk.js';
import { tinyBundle } from '../test/tiny-bundle.js';
import { BOX, BROKER, missingOf, quiet, subscriber, type Told } from './box-at-work.js';
import { type Cage, openCage } from './cage.js';

/** Between two parts, and until each owes its verdict. */
const PART_MS = 250;
export const DEADLINE_MS = 1000;
export const STATION = 'lid';

export type Camera = Awaited<ReturnType<typeof startMjpegServer>>;

export type Missing = {
	/** Numbers that no gap explains, and those that came twice. */
	readonly numbers: number;
	/** When parts came whose signal was taken, and that have no verdict. */
	readonly partsMs: readonly number[];
};

export type Box = {
	readonly camera: Camera;
	readonly line: Line;
	broker: Mosquitto;
	running: Running;
	readonly start: () => Running;
	/** Where its processes hold their memory, when it is caged. */
	readonly cage: Cage | undefined;
	readonly startBroker: (...more: string[]) => Promise<Mosquitto>;
	readonly clock: FakeClock | undefined;
	/** What befalls its disk from now on, as slow-disk.c says it; nothing without a value. */
	disk(fate?: string): Promise<void>;
	/** Its configuration; where bundle and journal lie. */
	readonly file: string;
	readonly bundle: string;
	readonly journal: string;
	/** Writes the configuration anew, with more in it of its station. */
	configure(station?: string): Promise<void>;
	/** The processes of its stations. */
	stationPids(): Promise<readonly number[]>;
	/** The states on a topic below the box's, heard since a moment. */
	statesSince(atMs: number, below: string): readonly { readonly state: string; readonly heardMs: number }[];
	/** Whether a part that came since a moment is an error. */
	hasErrorSince(atMs: number): boolean;
	/** The first part that came since a moment and was looked at. */
	judgedSince(atMs: number): Told | undefined;
	metric(name: string): Promise<number>;
	/** When a part came; never, where nobody knows it. */
	cameMs(part: string | null): number;
	readonly verdicts: readonly Told[];
	/** No more parts come, and the daemon ends in order. @returns what nobody heard of */
	end(): Promise<Missing>;
};

export type BoxSettings = {
	/** The journal has a small disk of its own, which needs root. */
	readonly diskMb?: number | undefined;
	/** So much memory more may its processes take when they are squeezed, which needs root. */
	readonly spareMb?: number | undefined;
};

/** Has a box work until `what` is done. */
export async function atWork<T>(
	what: (box: Box) => Promise<T>,
	{ diskMb, spareMb }: BoxSettings = {},
): Promise<T> {
	const folder = await mkdtemp(join(tmpdir(), 'inspectord-chaos-'));
	const inFolder = (name: string) => join(folder, name);
	const [file, fate, journal, signal] = ['box.yaml', 'fate', 'journal', 'signals/part'].map(inFolder) as [
		string,
		string,
		string,
		string,
	];
	for (const one of ['signals', 'journal']) await mkdir(inFolder(one));
	if (diskMb !== undefined) execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMb}m`, 'tmpfs', journal]);
	const port = await freePort();
	const startBroker = (...more: string[]) => startMosquitto(port, folder, [...BROKER, ...more]);
	const broker = await startBroker();
	await using heard = await subscriber(broker.url);
	await using line = await lineTo(port);
	const pictures = Array.from({ length: 30 }, (_, i) => encodeJpeg(drawPart(1, i, undefined, 96).image, 90));
	await using camera = await startMjpegServer(pictures, 20);
	const metrics = `127.0.0.1:${await freePort()}`;
	const bundle = await tinyBundle(inFolder('bundle'));
	const configure = (station = '') =>
		writeFile(
			file,
			`box: ${BOX}
mqtt: { url: "${line.url}" }
metrics: { listen: "${metrics}" }
journal: { folder: "${journal}", leastFreeMb: 0 }
stations: { ${STATION}: { camera: { source: "${camera.url}", timeoutMs: 1000 }, recipe: r${station} } }
recipes: { r: { model: "${bundle}", threads: 1, threshold: 1000, deadlineMs: ${DEADLINE_MS}, trigger: { mode: file, file: "${signal}", queue: 16 } } }
`,
		);
	await configure();
	const clock = await fakeClock(folder);
	const libraries = [slowDisk(folder), clock?.env.LD_PRELOAD].filter((one) => one !== undefined);
	const env = { ...clock?.env, LD_PRELOAD: libraries.join(':'), SLOW_DISK_FAILS: fate };
	const cage = spareMb === undefined ? undefined : await openCage(spareMb);
	const start = () => {
		const running = startWith(env, 'run', '--config', file);
		cage?.take(running.child.pid!);
		return running;
	};

	const came = new Map<string, number>();
	/** Parts whose signal nobody took while they were there. */
	const unseen = new Set<string>();
	const cameMs = (part: string | null) => came.get(part ?? '') ?? Number.NEGATIVE_INFINITY;
	const come = async (): Promise<void> => {
		const isUntaken = await stat(signal).then(
			() => true,
			() => false,
		);
		if (isUntaken) unseen.add(`p-${came.size}`);
		const part = `p-${came.size + 1}`;
		came.set(part, Date.now());
		await writeFile(`${signal}.new`, part);
		await rename(`${signal}.new`, signal);
	};
	let belt = Promise.resolve();
	const coming = setInterval(() => {
		belt = belt.then(come);
	}, PART_MS);

	const box: Box = {
		camera,
		line,
		broker,
		running: start(),
		start,
		cage,
		startBroker,
		clock,
		disk: (what) => (what === undefined ? rm(fate) : writeFile(fate, what)),
		file,
		bundle,
		journal,
		configure,
		stationPids: () => childrenOf(box.running.child.pid!),
		statesSince: (atMs, below) =>
			heard.states.filter(
				({ topic, heardMs }) => heardMs >= atMs && topic === `inspectord/${BOX}/${below}state`,
			),
		hasErrorSince: (atMs) =>
			heard.verdicts.some(({ message }) => message.verdict === 'error' && cameMs(message.part) >= atMs),
		judgedSince: (atMs) =>
			heard.verdicts.find(({ message }) => message.verdict !== 'error' && cameMs(message.part) >= atMs),
		metric: async (metric) => {
			const text = await fetch(`http://${metrics}/metrics`).then(
				(response) => response.text(),
				() => '',
			);
			return Number(new RegExp(`^${metric} (.*)$`, 'm').exec(text)?.[1] ?? Number.NaN);
		},
		cameMs,
		verdicts: heard.verdicts,
		end: async () => {
			clearInterval(coming);
			await belt;
			await quiet(heard.verdicts, 3000);
			box.running.child.kill('SIGTERM');
			await box.running.ended;
			await quiet(heard.verdicts, 1000);
			const judged = new Set(heard.verdicts.map(({ message }) => message.part));
			const [first] = [...judged];
			const taken = [...came].filter(([part, atMs]) => atMs >= cameMs(first ?? null) && !unseen.has(part));
			const partsMs = taken.filter(([part]) => !judged.has(part)).map(([, atMs]) => atMs);
			const { lost, twice } = missingOf(heard.verdicts);
			const explained = heard.gaps
				.map(({ payload }) => JSON.parse(payload.toString()) as GapMessage)
				.reduce((sum, { from, to }) => sum + to - from + 1, 0);
			return { numbers: Math.max(0, lost - explained) + twice, partsMs };
		},
	};
	try {
		await eventually('it judges parts', () => box.judgedSince(0), 60_000).catch((thrown) => {
			const [last] = heard.verdicts.slice(-1);
			throw new Error(`${last?.message.error?.message ?? 'no verdict'}\n${box.running.err()}`, {
				cause: thrown,
			});
		});
		return await what(box);
	} finally {
		clearInterval(coming);
		await belt;
		await box.running[Symbol.asyncDispose]();
		await box.broker.kill('SIGKILL');
		await cage?.[Symbol.asyncDispose]();
		if (diskMb !== undefined) execFileSync('umount', ['-l', journal]);
		await rm(folder, { recursive: true, force: true });
	}
}
