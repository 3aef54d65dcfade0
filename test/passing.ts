import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Random } from '../src/base/random.js';
import { pictureFile } from '../src/disk/pictures.js';
import { encodePng, readPicture } from '../src/opencv/picture.js';
import { answerSchema } from '../src/protocol/answer.js';
import type { Result } from '../src/protocol/requests.js';
import type { VerdictMessage } from '../src/protocol/verdict.js';
import { drawPart } from '../src/sim/line.js';
import { askLocally } from '../src/socket/ask.js';
import { openSearch } from '../src/sqlite/search.js';
import { clockIn, machineMs } from './cameras/clock.js';
import { startMjpegServer } from './cameras/mjpeg-server.js';
import { eventually, freePort } from './free-port.js';
import { listen, startMosquitto } from './mosquitto.js';
import { startWith } from './program.js';
import { tinyBundle, UNLIKE } from './tiny-bundle.js';

const FPS = 25;

/** So long a part stays in view after its signal has reached the box. */
const STAYS_MS = 120;
/** From one part to the next. */
const [NEAREST_MS, FARTHEST_MS] = [180, 280];

/** Wall clocks are read in whole milliseconds. */
const ROUNDING_MS = 2;

/** The clock in the pictures is a square of these. */
const ROWS = 8;

/** A part that passed; times of the machine's monotonic clock. */
export type Passed = {
	readonly signalMs: number;
	/** The same of the wall clock. */
	readonly wallMs: number;
	heardMs?: number;
	verdict?: VerdictMessage;
	/** When the frame that was judged was exposed, by the clock that it shows. */
	exposedMs?: number;
};

export const isJudged = ({ verdict }: Passed): boolean =>
	verdict?.verdict === 'accept' || verdict?.verdict === 'reject';

/** When its signal reached the box. */
export const arrivalOf = ({ signalMs, wallMs, verdict }: Passed): number =>
	signalMs + Date.parse(verdict!.trigger!.at) - wallMs;

/** Judged on frames that show another part, or none. */
export function wrongIn(passed: readonly Passed[]): readonly Passed[] {
	return passed.filter((one, i) => {
		if (!isJudged(one)) return false;
		const next = passed[i + 1];
		const fromMs = arrivalOf(one);
		const untilMs = Math.min(fromMs + STAYS_MS, next ? arrivalOf(next) : Number.POSITIVE_INFINITY);
		const { exposedMs = Number.NaN } = one;
		return !(exposedMs >= fromMs - ROUNDING_MS && exposedMs <= untilMs + ROUNDING_MS);
	});
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

export type Box = {
	/** A signal over MQTT, and no word is waited for. */
	trigger(part: string): void;
	/** The process of station `s`. */
	pid(): Promise<number>;
	/** On station `s`, with the moment at which they were heard. */
	onVerdict(hear: (verdict: VerdictMessage, heardMs: number) => void): void;
	/** Ends it, and says of a part what its frame shows. */
	end(): Promise<(id: string) => Promise<number | undefined>>;
};

type Settings = {
	/** Of station `s`. */
	readonly recipe: string;
	/** Stations beside it, and how often each inspects. */
	readonly load: number;
	readonly loadEveryMs: number;
	/** What they inspect with, by default what the station inspects with. */
	readonly loadBundle?: string;
	/** Whole frames, of all parts. */
	readonly keeps: boolean;
};

/** A box whose station `s` looks at a camera with a clock, in `folder`. */
export async function triggeredBox(
	folder: string,
	{ recipe, load, loadEveryMs, loadBundle = 'bundle', keeps }: Settings,
): Promise<AsyncDisposable & Box> {
	const opened: AsyncDisposable[] = [];
	const kept = <T extends AsyncDisposable>(thing: T): T => {
		opened.unshift(thing);
		return thing;
	};
	const broker = kept(await startMosquitto(await freePort(), folder, ['max_queued_messages 0']));
	const subscriber = kept(await listen(broker.url, 'inspectord/bench/s/#'));
	const line = kept(await listen(broker.url, 'inspectord/bench/answer/line'));
	const camera = kept(await startMjpegServer([], FPS, ROWS));
	await tinyBundle(join(folder, 'bundle'));
	await mkdir(join(folder, 'pictures'));
	for (const i of [0, 1, 2])
		await writeFile(join(folder, `pictures/${i}.png`), encodePng(drawPart(1, i, undefined, 96).image));
	const loads = Array.from(
		{ length: load },
		(_, i) => `  load${i}: { camera: { source: pictures, loop: true }, recipe: load }`,
	);
	const lines = [
		'box: bench',
		`mqtt: { url: "${broker.url}" }`,
		'control: { remote: operator }',
		`journal: { pictures: ${keeps ? 'all' : 'rejects'}, frames: ${keeps} }`,
		`stations:\n  s: { camera: { source: "${camera.url}" }, recipe: r }`,
		...loads,
		`recipes:\n  r: { model: bundle, threads: 1, threshold: 1000000, ${UNLIKE}, ${recipe} }`,
		`  load: { model: "${loadBundle}", threads: 1, threshold: 1000000, trigger: { everyMs: ${loadEveryMs} } }`,
	];
	const file = join(folder, 'line.yaml');
	await writeFile(file, `${lines.join('\n')}\n`);
	const journal = join(folder, 'bench-state');
	const running = kept(startWith({}, 'run', '--config', file, '--json'));
	const { client, heard } = subscriber;
	await eventually(
		'it inspects',
		() =>
			heard.some(
				({ topic, payload }) => topic === 'inspectord/bench/s/state' && /"running"/.test(payload.toString()),
			),
		60_000,
	);
	let ids = 0;
	return {
		trigger: (part) => {
			ids += 1;
			const asked = { id: `${ids}`, client: 'line', station: 's', part };
			line.client.publish('inspectord/bench/request/operator/trigger', JSON.stringify(asked), { qos: 1 });
		},
		pid: async () => {
			let last = '';
			const asked = JSON.stringify({ id: `pid-${ids++}` });
			const forever = new AbortController().signal;
			await askLocally(join(journal, 'ask.sock'), 'diagnostics', asked, (text) => (last = text), forever);
			const { stations } = answerSchema.parse(JSON.parse(last)).result as Result<'diagnostics'>;
			return stations.find(({ station }) => station === 's')!.pid!;
		},
		onVerdict: (hear) => {
			client.on('message', (topic, payload) => {
				if (topic === 'inspectord/bench/s/verdict')
					hear(JSON.parse(payload.toString()) as VerdictMessage, machineMs());
			});
		},
		end: async () => {
			running.child.kill('SIGTERM');
			await running.ended;
			return async (id) => {
				using search = openSearch(journal);
				const event = Number(id.slice(id.lastIndexOf('-') + 1));
				const picture = search.pictures(event).find(({ role }) => role === 'frame');
				if (!picture) return undefined;
				const frame = await readPicture(pictureFile(journal, picture.hash));
				try {
					return clockIn(frame, ROWS);
				} finally {
					frame.release();
				}
			};
		},
		[Symbol.asyncDispose]: async () => {
			for (const thing of opened) await thing[Symbol.asyncDispose]();
		},
	};
}

/** Parts pass the camera, each with a signal, while the station's process is stopped for a moment now and then. */
export async function passParts(
	folder: string,
	parts: number,
	random: Random,
	load: number,
): Promise<readonly Passed[]> {
	const between = (low: number, high: number) => low + random.uniform() * (high - low);
	const recipe = `trigger: { mode: request, queue: 64, withinMs: ${STAYS_MS} }, deadlineMs: 2000`;
	await using box = await triggeredBox(folder, { recipe, load, loadEveryMs: 100, keeps: true });
	const passed: Passed[] = [];
	box.onVerdict((verdict, heardMs) => {
		const one = passed[Number(verdict.part)];
		if (one) Object.assign(one, { verdict, heardMs });
	});
	const pid = await box.pid();
	let isPassing = true;
	const stopping = (async () => {
		while (isPassing) {
			await sleep(between(500, 3000));
			process.kill(pid, 'SIGSTOP');
			await sleep(between(20, 400));
			process.kill(pid, 'SIGCONT');
		}
	})();
	for (let i = 0; i < parts; i += 1) {
		const signalMs = machineMs();
		passed.push({ signalMs, wallMs: Date.now() });
		box.trigger(`${i}`);
		await sleep(between(NEAREST_MS, FARTHEST_MS) - (machineMs() - signalMs));
	}
	isPassing = false;
	await stopping;
	await eventually('all have a verdict', () => passed.every(({ verdict }) => verdict), 60_000);
	const exposedOf = await box.end();
	for (const one of passed.filter(isJudged)) {
		const exposedMs = await exposedOf(one.verdict!.id);
		if (exposedMs !== undefined) one.exposedMs = exposedMs;
	}
	return passed;
}
