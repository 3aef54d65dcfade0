// A box whose camera fails while no signal asks for parts: when each station tells it, and what it says until it is healed.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeJpeg } from '../src/opencv/picture.js';
import type { StationState } from '../src/protocol/states.js';
import type { VerdictMessage } from '../src/protocol/verdict.js';
import { drawPart } from '../src/sim/line.js';
import { startMjpegServer } from '../test/cameras/mjpeg-server.js';
import { hasRtspServer, startRtspServer } from '../test/cameras/rtsp-server.js';
import { lineTo } from '../test/far-broker.js';
import { eventually, freePort } from '../test/free-port.js';
import { listen, startMosquitto } from '../test/mosquitto.js';
import { startWith } from '../test/program.js';
import { tinyBundle, UNLIKE } from '../test/tiny-bundle.js';
import { BOX, BROKER, missingOf, sleep, type Told } from './box-at-work.js';
import type { Row } from './chaos.js';

type MjpegCamera = Awaited<ReturnType<typeof startMjpegServer>>;
type Fate = Parameters<MjpegCamera['befall']>[0];

/** What stations take as their parts, one of each. */
const MODES = {
	every: '{}',
	timed: '{ everyMs: 2000 }',
	signal: '{ mode: request }',
} as const;
type Mode = keyof typeof MODES;
const STATIONS = Object.keys(MODES) as Mode[];

const DETECTED_MS = 60_000;
const HEALED_MS = 120_000;

/** The camera, and the line to it. */
type Struck = { readonly befall: (fate: Fate) => unknown; readonly unplug: (isOut: boolean) => void };
type Kind = 'http' | 'rtsp' | 'snapshot';

type CameraFault = {
	readonly kind: Kind;
	readonly strike: (camera: Struck) => unknown;
	readonly end: (camera: Struck) => unknown;
	/** It lasts at least so long. */
	readonly lastsMs: number;
	/** Who can tell: a picture that is wrong is known when a part is looked at. */
	readonly by: readonly Mode[];
};

const LASTS_MS = 4000;
const LONG_MS = 45_000;

const befalls = (fate: Fate, by: readonly Mode[] = STATIONS): CameraFault => ({
	kind: 'http',
	strike: ({ befall }) => befall(fate),
	end: ({ befall }) => befall('go on'),
	lastsMs: LASTS_MS,
	by,
});
const unplugged = (kind: Kind, lastsMs: number): CameraFault => ({
	kind,
	strike: ({ unplug }) => unplug(true),
	end: ({ unplug }) => unplug(false),
	lastsMs,
	by: STATIONS,
});

/** By the name of its row. */
export const CAMERA_FAULTS: Readonly<Record<string, CameraFault>> = {
	'no signal: stalled': befalls('stall'),
	'no signal: drips': befalls('drip'),
	'no signal: gone': befalls('vanish'),
	'no signal: frozen': befalls('freeze', ['every', 'timed']),
	'no signal: black': befalls('blacken', ['every', 'timed']),
	'no signal: garbage': befalls('garble'),
	'no signal: late': befalls('lag'),
	'no signal: unplugged': unplugged('http', LONG_MS),
	'no signal: RTSP unplugged': unplugged('rtsp', LONG_MS),
	'no signal: snapshots unplugged': unplugged('snapshot', LONG_MS),
};

async function startCamera(kind: Kind) {
	if (kind === 'rtsp') {
		const port = await freePort();
		const server = await startRtspServer(port);
		const befall = () => {
			throw new Error('it can only be unplugged');
		};
		return {
			port,
			path: '/square',
			scheme: 'rtsp',
			befall,
			[Symbol.asyncDispose]: server[Symbol.asyncDispose],
		};
	}
	const pictures = Array.from({ length: 30 }, (_, i) => encodeJpeg(drawPart(1, i, undefined, 128).image, 90));
	const server = await startMjpegServer(pictures, 20);
	const path = kind === 'snapshot' ? '/still.jpg' : '/stream.mjpg';
	const scheme = kind === 'snapshot' ? 'snapshot: http' : 'http';
	return {
		port: Number(new URL(server.url).port),
		path,
		scheme,
		befall: server.befall,
		[Symbol.asyncDispose]: server[Symbol.asyncDispose],
	};
}

/** @returns undefined where there is no such camera here */
export async function cameraStruck(fault: string): Promise<Row | undefined> {
	const { kind, strike, end, lastsMs, by } = CAMERA_FAULTS[fault]!;
	if (kind === 'rtsp' && !hasRtspServer()) return undefined;
	const folder = await mkdtemp(join(tmpdir(), 'inspectord-chaos-'));
	await using broker = await startMosquitto(await freePort(), folder, BROKER);
	await using camera = await startCamera(kind);
	await using line = await lineTo(camera.port);
	const source = `${camera.scheme}://127.0.0.1:${new URL(line.url).port}${camera.path}`;
	const struck: Struck = {
		befall: camera.befall,
		unplug: (isOut) => {
			line.swallow(isOut);
			if (!isOut) line.cut();
		},
	};
	await using heard = await listen(broker.url);
	const states: (StationState & { readonly heardMs: number })[] = [];
	const verdicts: Told[] = [];
	heard.client.on('message', (topic, payload) => {
		const message = JSON.parse(payload.toString());
		const heardMs = Date.now();
		if (topic.endsWith('/verdict')) verdicts.push({ message: message as VerdictMessage, heardMs });
		if (topic.split('/').length === 4 && topic.endsWith('/state')) states.push({ ...message, heardMs });
	});
	const bundle = await tinyBundle(join(folder, 'bundle'));
	await mkdir(join(folder, 'journal'));
	const file = join(folder, 'box.yaml');
	const looks = kind === 'rtsp' ? UNLIKE : 'quality: { moved: false, absent: false, blurred: false }';
	const lines = [
		`box: ${BOX}`,
		`mqtt: { url: "${broker.url}" }`,
		`journal: { folder: "${folder}/journal", leastFreeMb: 0 }`,
		'stations:',
		...STATIONS.map((name) => `  ${name}: { camera: { source: "${source}" }, recipe: ${name} }`),
		'recipes:',
		...STATIONS.map(
			(name) =>
				`  ${name}: { model: "${bundle}", threads: 1, threshold: 1000, trigger: ${MODES[name]}, ${looks} }`,
		),
	];
	await writeFile(file, lines.join('\n'));
	await using running = startWith({}, 'run', '--config', file);
	try {
		const isAtWork = (mode: Mode, sinceMs: number) =>
			states.some((one) => one.station === mode && one.heardMs >= sinceMs && one.state === 'running');
		await eventually('all run', () => STATIONS.every((mode) => isAtWork(mode, 0)), 60_000).catch((thrown) => {
			throw new Error(running.err(), { cause: thrown });
		});
		await sleep(6000);
		const struckMs = Date.now();
		await strike(struck);
		const toldOf = (mode: Mode) => {
			const state = states.find(
				(one) => one.station === mode && one.heardMs >= struckMs && one.state !== 'running',
			);
			const verdict = verdicts.find(
				({ message, heardMs }) =>
					message.station === mode && heardMs >= struckMs && message.verdict === 'error',
			);
			const ms = Math.min(
				state?.heardMs ?? Number.POSITIVE_INFINITY,
				verdict?.heardMs ?? Number.POSITIVE_INFINITY,
			);
			return ms === Number.POSITIVE_INFINITY ? undefined : ms - struckMs;
		};
		await eventually('all tell', () => by.every((mode) => toldOf(mode) !== undefined), DETECTED_MS).catch(
			() => {},
		);
		await sleep(struckMs + lastsMs - Date.now());
		const endedMs = Date.now();
		await end(struck);
		const last = (mode: Mode) => states.filter(({ station }) => station === mode).at(-1);
		const healed = new Map<Mode, number>();
		await eventually(
			'all are healed',
			() => {
				for (const mode of STATIONS)
					if (!healed.has(mode) && last(mode)?.state === 'running') healed.set(mode, Date.now() - endedMs);
				return healed.size === STATIONS.length;
			},
			HEALED_MS,
		).catch(() => {});
		await sleep(2000);
		for (const mode of STATIONS) {
			const steps = states
				.filter(({ station, heardMs }) => station === mode && heardMs >= struckMs)
				.map(({ state, error, heardMs }) => `${heardMs - struckMs} ${state}${error ? ` ${error.code}` : ''}`)
				.filter((step, i, all) => step.split(' ').slice(1).join() !== all[i - 1]?.split(' ').slice(1).join());
			const errors = verdicts.filter(
				({ message, heardMs }) =>
					message.station === mode && message.verdict === 'error' && heardMs >= struckMs,
			);
			console.log(
				`${fault} | ${mode}: told after ${toldOf(mode)} ms, healed after ${healed.get(mode)} ms, ${errors.length} error verdicts (${[...new Set(errors.map(({ message }) => message.reason))]}); ${steps.join(', ')}`,
			);
		}
		running.child.kill('SIGTERM');
		await running.ended;
		const told = by.map((mode) => toldOf(mode) ?? Number.POSITIVE_INFINITY);
		const worst = Math.max(...told);
		const { lost, twice } = missingOf(verdicts);
		const blind = verdicts.filter(({ message, heardMs }) => {
			const captured = Date.parse(message.times.captured);
			return (
				message.verdict === 'accept' && captured > struckMs + 500 && captured < endedMs - 200 && heardMs > 0
			);
		});
		return {
			fault,
			lost: lost + twice,
			wrongAccepts: blind.length,
			detectedMs: Number.isFinite(worst) ? worst : null,
			healedMs: healed.size === STATIONS.length ? Math.max(...healed.values()) : null,
		};
	} finally {
		await rm(folder, { recursive: true, force: true }).catch(() => {});
	}
}
