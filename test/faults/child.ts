import { basename, dirname, join } from 'node:path';
import { Failure } from '../../src/base/failure.js';
import type { Provider } from '../../src/base/provider.js';
import { wishOf } from '../../src/config/provider.js';
import type { CameraConfig, RecipeConfig } from '../../src/config/schema.js';
import type { EngineFiles, Session } from '../../src/graph/session.js';
import type { Tensor } from '../../src/graph/tensor.js';
import { chooseProvider, type Lack, type ProviderWorld } from '../../src/inspect/choose-provider.js';
import { type JobWorks, runJob } from '../../src/jobs/run.js';
import type { Bundle } from '../../src/model/bundle.js';
import type { JobDown, JobUp } from '../../src/protocol/job-messages.js';
import type { ProbeDown, ProbeUp } from '../../src/protocol/probe-messages.js';
import type { StationDown, StationUp } from '../../src/protocol/station-messages.js';
import type { Taught } from '../../src/protocol/teach-messages.js';
import type { Equipped, StationEdges } from '../../src/station/edges.js';
import { runProbe, type TryingEdges } from '../../src/station/probe.js';
import { runStation } from '../../src/station/run.js';
import type { Camera, Frame } from '../../src/vision/frame.js';
import type { EnginesBox } from './engines.js';
import { exposedMs, FRAME_MS, frameHere, hereMs, type Thing } from './plant.js';
import { never, type ProcessWorld, type SimulatedChild, startProcess } from './process.js';
import { cameraAt, type EngineFate, fateOf, type Shelf, type Shelved } from './shelf.js';
import type { Being } from './time.js';

/** What is wrong with a station's camera or model. */
export type StationFault =
	| 'camera refuses'
	| 'camera silent'
	| 'camera frozen'
	| 'camera skips'
	| 'model slow'
	| 'model fails'
	| 'model of no number'
	| 'model elsewhere';

export type ChildWorld = ProcessWorld & {
	readonly wallClock: () => number;
	readonly shelf: Shelf;
	readonly engines: EnginesBox;
	/** At which place of the line: stations never change theirs. */
	readonly stationAt: (place: number) => string;
	readonly faultsOf: (station: string) => ReadonlySet<StationFault> | undefined;
	/** What a frame with this number shows. */
	readonly show: (station: string, frame: number) => Thing;
};

const OPEN_MS = 400;
const SCORE_MS = 25;
const SLOW_MS = 4000;
/** Of a lesson, and how long each takes on average. */
const STEPS = 10;
const STEP_MS = 2000;
const SIZE = { width: 2, height: 2 };
/** Frames that a bad cable loses at a time. */
const MOST_SKIPPED = 8;

/** A station's process: the real code of one, over a simulated camera and model. */
export function startStation(world: ChildWorld): SimulatedChild<StationDown, StationUp> {
	return startProcess(world, (parent, signal, die) => runStation(parent, signal, stationEdges(world, die)));
}

/** A process that tries a bundle or a camera, over the same ones. */
export function startProbe(world: ChildWorld): SimulatedChild<ProbeDown, ProbeUp> {
	return startProcess(world, (parent, signal, die) => runProbe(parent, signal, tryingEdges(world, die)));
}

/** A process that works for minutes. */
export function startJob(world: ChildWorld): SimulatedChild<JobDown, JobUp> {
	return startProcess(world, (parent, signal, die) => runJob(parent, signal, worksOf(world, die)));
}

/** A lesson ends as its name says; its bundle is there whole or not at all. */
function worksOf({ process, shelf, engines }: ChildWorld, die: () => void): JobWorks {
	const nobody = async () => {
		throw new Error('nobody asks for it');
	};
	return {
		teach: async ({ name, out }, signal, report) => {
			const fate = fateOf(name);
			const endsAt = fate === 'well' ? STEPS : STEPS * process.chance();
			for (let done = 0; done <= STEPS; done += 1) {
				await process.pause(STEP_MS * 2 * process.chance(), signal);
				signal.throwIfAborted();
				const told = { done, of: STEPS, loss: 1 / (1 + done), secondsLeft: STEPS - done, memoryMb: 1 };
				report({ phase: 'training', ...told });
				if (fate === 'dies' && done >= endsAt) {
					die();
					await never;
				}
				if (fate === 'fails' && done >= endsAt)
					throw new Failure('teaching-failed', 'Cannot teach: the loss is no number');
				if (fate === 'says nonsense' && done >= endsAt) throw new Error('a fault of a lesson');
			}
			return { ...TAUGHT, bundle: join(dirname(out), shelf.add(name)) };
		},
		strike: nobody,
		engine: engines.build(process, die),
	};
}

/** What nobody looks at of what a lesson tells. */
const TAUGHT: Omit<Taught, 'bundle'> = {
	...{ isNamed: false, images: 8, heldOut: 0, folds: 4, iterations: 10, seconds: 20, forecast: null },
	...{ provider: 'cpu', loss: 0.1, threshold: 0.5, falseRejectBound: 0.1, falseRejectBound95: 0.2 },
	...{ spoiledPass: null, curve: [], struck: [], precision: 'fp32', seededTeacher: false },
};

function stationEdges(world: ChildWorld, die: () => void): StationEdges {
	const { process, wallClock } = world;
	let station = '';
	return {
		pace: process,
		timers: process,
		wallClock,
		machineMs: process.now,
		equip: async (start, { engines, trying }) => {
			station = start.station;
			engines({ onnxruntime: '0', opencv: '0' });
			return equipped({ ...start, trying }, () => station, world, die);
		},
		openCamera: (camera) => openCamera(camera, 'opens once', world),
		encodeJpeg: () => new Uint8Array([0xff, 0xd8, 0xff, 0xd9]),
		encodePng: async () => new Uint8Array(),
	};
}

function tryingEdges(world: ChildWorld, die: () => void): TryingEdges {
	return {
		equip: (asked) => equipped({ ...asked, shunned: [] }, () => undefined, world, die),
		openCamera: (camera) => openCamera(camera, undefined, world),
		tryLibrary: async () => {
			throw new Error('nobody asks for a library');
		},
	};
}

/** What is not interrupted: it leaves nothing behind where the process dies. */
const passed = (process: Being, ms: number) =>
	new Promise<void>((resolve) => void process.later(ms, resolve));

type Asked = {
	readonly recipe: RecipeConfig;
	readonly shunned: readonly string[];
	readonly avoided?: readonly Provider[] | undefined;
	readonly trying?: NonNullable<ProviderWorld['trying']>;
};

/** `station`: whose faults its model has. @throws Failure as the bundle's row says */
async function equipped(
	{ recipe, shunned, avoided, trying }: Asked,
	station: () => string | undefined,
	{ process, shelf, engines, faultsOf }: ChildWorld,
	die: () => void,
): Promise<Equipped> {
	const { model, precision, deadlineMs } = recipe;
	const shelved = shelf.find(model);
	if (!shelved) throw new Failure('bundle-invalid', `Cannot use bundle "${model}": there is no such folder`);
	const { opening } = shelved;
	if (opening.ends === 'never') return never;
	if (opening.ends === 'death') {
		process.later(opening.withinMs * process.chance(), die);
		return never;
	}
	await passed(process, opening.afterMs);
	if (opening.ends === 'broken')
		throw new Failure('bundle-invalid', `Cannot use bundle "${model}": "model.onnx" is damaged`);
	const has: Has = (fault) => faultsOf(station() ?? '')?.has(fault) ?? false;
	const sha256 = shelf.sha256Of(model);
	const bundle = bundleOf(model, sha256, shelved);
	const settings = { threads: 1, precision, ceilingMs: deadlineMs, avoided };
	const choice = await chooseProvider(bundle, wishOf(recipe.provider), settings, {
		openSession: async (opened, { provider = 'cpu' }) => {
			if (typeof opened === 'string') return sessionOf({ sha256, provider }, process, shelved, has);
			const { engine, wrapper, fate } = engines.opened((opened as EngineFiles).engine);
			if (fate === 'kills') {
				die();
				await never;
			}
			return sessionOf({ sha256: engine, wrapper, provider, fate }, process, shelved, has);
		},
		lackOf: (provider) => (provider === 'cuda' ? withoutCuda : null),
		machine: async () => engines.machine(),
		engineFor: (key) => engines.engineFor(key, shunned),
		now: process.now,
		...(trying && { trying }),
	});
	return { bundle, choice, threads: { threads: 1, by: 'recipe' } };
}

const withoutCuda: Lack = {
	failure: new Failure('provider-unavailable', 'Cannot use provider "cuda": the binding lacks it'),
	isAbsent: true,
};

/** What of a bundle inspecting looks at. */
function bundleOf(model: string, sha256: string, { opening, scores: [good] }: Shelved): Bundle {
	const name = basename(model);
	const expected = { score: opening.ends === 'golden' ? good + 1 : good, map: {} };
	return {
		dir: model,
		id: name,
		models: { fp32: `${model}/model.onnx` },
		golden: [{ image: inputOf(true, 0), expected: { fp32: expected } }],
		manifest: {
			name,
			quality: null,
			precision: { runs: 'fp32', gates: {} },
			input: { region: null, picture: null, tiling: SIZE },
			calibration: { threshold: 0.5, mapMedian: 0.1, scores: [0.1] },
			files: { models: { fp32: sha256 } },
			training: { folds: 0, images: 40, heldOut: 10 },
			architecture: { backbone: 'simulated' },
		},
	} as unknown as Bundle;
}

type Has = (fault: StationFault) => boolean;

type Opened = Pick<Session, 'sha256' | 'wrapper'> & {
	readonly provider: Provider;
	readonly fate?: EngineFate;
};

/** What an engine that differs gives more, or what runs elsewhere: far above what the golden vectors allow. */
const OFF = 0.05;
/** A frail one scores a few pictures, those by which it is proven. */
const FRAIL_AFTER = 12;

/** A model that knows what it sees: the first byte of its input says whether that is good. */
function sessionOf(
	{ provider, fate, ...opened }: Opened,
	process: Being,
	{ scores: [good, bad], isFrail }: Shelved,
	has: Has,
): Session {
	let count = 0;
	let isElsewhere = false;
	const isSlow = () => fate === 'slow' || has('model slow');
	return {
		...opened,
		run: async ({ image }) => {
			count += 1;
			const isProven = count > (fate === undefined ? 1 : FRAIL_AFTER);
			await passed(process, isSlow() ? SLOW_MS : SCORE_MS);
			if (((isFrail || fate === 'frail') && isProven) || has('model fails'))
				throw new Failure('model-failed', 'the model fails');
			const true_ = image!.data[0] === 1 ? good : bad;
			const isOff = fate === 'differs' || isElsewhere;
			const score = has('model of no number') ? Number.NaN : isOff ? true_ + OFF : true_;
			return {
				map: float32([SIZE.height, SIZE.width], score),
				score: float32([1], score),
			};
		},
		ranOn: async () => {
			isElsewhere = has('model elsewhere');
			return [isElsewhere ? 'elsewhere' : provider];
		},
		close: async () => {},
	};
}

function float32(shape: readonly number[], value: number): Tensor {
	return { dtype: 'float32', shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value) };
}

/** As a camera gives it: whether it is good, and its number. */
function inputOf(isGood: boolean, frame: number): Uint8Array {
	const input = new Uint8Array(SIZE.width * SIZE.height * 3);
	input[0] = isGood ? 1 : 0;
	new DataView(input.buffer).setUint32(4, frame);
	return input;
}

/** `refused`: the kind that is refused here, too. @throws Failure camera-unavailable */
async function openCamera(
	{ source, timeoutMs }: CameraConfig,
	refused: 'opens once' | undefined,
	world: ChildWorld,
): Promise<Camera> {
	const { process, stationAt, faultsOf } = world;
	const { place, kind } = cameraAt(source);
	const station = stationAt(place);
	const has: Has = (fault) => faultsOf(station)?.has(fault) ?? false;
	if (kind === 'hangs') return never;
	await passed(process, OPEN_MS);
	if (kind === 'refuses' || kind === refused || has('camera refuses'))
		throw new Failure('camera-unavailable', 'the camera refuses');
	return cameraOf({ station, source, timeoutMs }, has, world);
}

function cameraOf(
	{
		station,
		source,
		timeoutMs,
	}: { readonly station: string; readonly source: string; readonly timeoutMs: number },
	has: Has,
	{ process, wallClock, show }: ChildWorld,
): Camera {
	let last = -1;
	/** The picture that it goes on showing, and since when. */
	let frozen: number | undefined;
	const frameOf = (frame: number): Frame => {
		if (!has('camera frozen')) frozen = undefined;
		else frozen ??= frame;
		const shown = frozen ?? frame;
		const thing = show(station, shown);
		const input = inputOf(thing.isGood, shown);
		return {
			...SIZE,
			format: 'simulated',
			unchangedSinceMs: exposedMs(shown),
			taken: { wallMs: wallClock(), monotonicMs: exposedMs(frame) },
			hereMs: hereMs(frame),
			name: `${thing.name}#${source}`,
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
			const skipped = has('camera skips') ? Math.floor(process.chance() * MOST_SKIPPED) : 0;
			const first = isHere ? newest : Math.max(newest + 1, Math.ceil(after / FRAME_MS), last + 1);
			const next = first + skipped;
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
