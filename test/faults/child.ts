import { Failure } from '../../src/base/failure.js';
import type { Choice } from '../../src/inspect/choose-provider.js';
import type { Bundle } from '../../src/model/bundle.js';
import type { Child, Ended } from '../../src/process/child.js';
import type { StationDown, StationUp } from '../../src/protocol/station-messages.js';
import type { StationEdges } from '../../src/station/edges.js';
import { runStation } from '../../src/station/run.js';
import type { Camera, Frame } from '../../src/vision/frame.js';
import { exposedMs, FRAME_MS, frameHere, hereMs, type Thing } from './plant.js';
import type { Being } from './time.js';

/** What is wrong with a station's camera or model. */
export type StationFault =
	| 'camera refuses'
	| 'camera silent'
	| 'camera frozen'
	| 'model slow'
	| 'model fails'
	| 'model of no number'
	| 'model elsewhere';

export type StationWorld = {
	readonly daemon: Being;
	readonly process: Being;
	readonly wallClock: () => number;
	readonly faultsOf: (station: string) => ReadonlySet<StationFault> | undefined;
	/** What a frame with this number shows. */
	readonly show: (station: string, frame: number) => Thing;
	/** Thrown in it that is no failure of the world. */
	readonly onFault: (thrown: unknown) => void;
};

export type SimulatedChild = Child<StationDown, StationUp> & {
	readonly process: Being;
	kill(): void;
	/** Its parent is gone. */
	orphan(): void;
};

const IPC_MS = 0.3;
const OPEN_MS = 400;
const SCORE_MS = 25;
const SLOW_MS = 4000;
const ORPHAN_MS = 10_000;
const SIZE = { width: 2, height: 2 };
const SHA256 = '0'.repeat(64);

let pids = 1000;

/** A station's process: the real code of one, over a simulated camera and model. */
export function startChild(world: StationWorld): SimulatedChild {
	const { daemon, process, onFault } = world;
	const terminated = new AbortController();
	let hear = (_: StationUp): void => {};
	let listen = (_: StationDown): void => {};
	let settle = (_: Ended): void => {};
	let hasEnded = false;
	const ended = new Promise<Ended>((resolve) => {
		settle = resolve;
	});
	const over = (how: Omit<Ended, 'stderrTail'>): void => {
		if (hasEnded) return;
		hasEnded = true;
		process.kill();
		daemon.later(IPC_MS, () => settle({ ...how, stderrTail: '' }));
	};
	const kill = () => over({ code: null, signal: 'SIGKILL' });
	const parent = {
		send: async (message: StationUp) => void daemon.later(IPC_MS, () => hear(message)),
		onMessage: (listener: (message: StationDown) => void) => {
			listen = listener;
		},
	};
	process.later(0, () => {
		runStation(parent, terminated.signal, stationEdges(world)).then(
			() => process.alive && over({ code: 0, signal: null }),
			(thrown) => {
				if (!process.alive) return;
				if (!(thrown instanceof Failure)) onFault(thrown);
				over({ code: 1, signal: null });
			},
		);
	});
	pids += 1;
	return {
		pid: pids,
		process,
		kill,
		orphan: () => {
			process.later(IPC_MS, () => terminated.abort());
			process.later(ORPHAN_MS, () => process.kill());
		},
		send: async (message) => {
			if (hasEnded) throw new Failure('child-died', 'Cannot reach child process "station": it has ended');
			process.later(IPC_MS, () => listen(message));
		},
		onMessage: (listener) => {
			hear = listener;
		},
		ended,
		stop: async (graceMs) => {
			process.later(IPC_MS, () => terminated.abort());
			daemon.later(graceMs, kill);
			return ended;
		},
	};
}

function stationEdges(world: StationWorld): StationEdges {
	const { process, wallClock, faultsOf } = world;
	let station = '';
	const has = (fault: StationFault) => faultsOf(station)?.has(fault) ?? false;
	return {
		pace: process,
		timers: process,
		wallClock,
		machineMs: process.now,
		equip: async (start, { engines }) => {
			station = start.station;
			engines({ onnxruntime: '0', opencv: '0' });
			await passed(process, OPEN_MS);
			return {
				bundle,
				choice: choiceOf(process, has),
				threads: { threads: 1, by: 'recipe' },
			};
		},
		openCamera: async ({ timeoutMs }) => {
			await passed(process, OPEN_MS);
			if (has('camera refuses')) throw new Failure('camera-unavailable', 'the camera refuses');
			return cameraOf(station, timeoutMs, has, world);
		},
		encodeJpeg: () => new Uint8Array([0xff, 0xd8, 0xff, 0xd9]),
		encodePng: async () => new Uint8Array(),
	};
}

/** What is not interrupted: it leaves nothing behind where the process dies. */
const passed = (process: Being, ms: number) =>
	new Promise<void>((resolve) => void process.later(ms, resolve));

/** What of a bundle inspecting looks at. */
const bundle = {
	dir: 'bundle',
	id: 'bundle@0',
	golden: [],
	manifest: {
		name: 'bundle',
		quality: null,
		input: { region: null, picture: null, tiling: SIZE },
		calibration: { threshold: 0.5, mapMedian: 0.1, scores: [0.1] },
		files: { models: { fp32: SHA256 } },
		training: { folds: 0, images: 40, heldOut: 10 },
		architecture: { backbone: 'simulated' },
	},
} as unknown as Bundle;

/** A model that knows what it sees: the first byte of its input says whether that is good. */
type Has = (fault: StationFault) => boolean;

function choiceOf(process: Being, has: Has): Choice {
	return {
		provider: 'cpu',
		fingerprint: null,
		degraded: null,
		scorer: {
			size: SIZE,
			get provider() {
				return has('model elsewhere') ? 'elsewhere' : 'cpu';
			},
			precision: 'fp32',
			model: SHA256,
			engine: null,
			score: async (input) => {
				await passed(process, has('model slow') ? SLOW_MS : SCORE_MS);
				if (has('model fails')) throw new Failure('model-failed', 'the model fails');
				const score = has('model of no number') ? Number.NaN : input[0] === 1 ? 0.1 : 0.9;
				return { map: new Float32Array(SIZE.width * SIZE.height).fill(score), score };
			},
			prove: async () => {},
			close: async () => {},
		},
	};
}

function cameraOf(
	station: string,
	timeoutMs: number,
	has: Has,
	{ process, wallClock, show }: StationWorld,
): Camera {
	let last = -1;
	/** The picture that it goes on showing, and since when. */
	let frozen: number | undefined;
	const frameOf = (frame: number): Frame => {
		if (!has('camera frozen')) frozen = undefined;
		else frozen ??= frame;
		const shown = frozen ?? frame;
		const thing = show(station, shown);
		const input = new Uint8Array(SIZE.width * SIZE.height * 3);
		input[0] = thing.isGood ? 1 : 0;
		new DataView(input.buffer).setUint32(4, shown);
		return {
			...SIZE,
			format: 'simulated',
			unchangedSinceMs: exposedMs(shown),
			taken: { wallMs: wallClock(), monotonicMs: exposedMs(frame) },
			hereMs: hereMs(frame),
			name: thing.name,
			modelInput: () => input,
			crop: () => ({ ...SIZE, channels: 3, data: new Uint8Array(12) }),
			release: () => {},
		} as Frame;
	};
	return {
		live: true,
		dropped: 0,
		read: async ({ after, signal }) => {
			signal.throwIfAborted();
			const newest = frameHere(process.now());
			const isHere = newest > last && exposedMs(newest) >= after;
			const next = isHere ? newest : Math.max(newest + 1, Math.ceil(after / FRAME_MS), last + 1);
			if (has('camera silent')) {
				await process.pause(timeoutMs, signal);
				signal.throwIfAborted();
				throw new Failure('camera-silent', 'the camera is silent');
			}
			await process.pause(hereMs(next) - process.now(), signal);
			signal.throwIfAborted();
			last = next;
			return frameOf(next);
		},
		close: async () => {},
	};
}
