import type { Context } from '../base/context.js';
import type { Provider } from '../base/provider.js';
import { type Pace, realPace, realTimers, type Timers } from '../base/retry.js';
import type { CameraConfig } from '../config/schema.js';
import { readBundle } from '../disk/bundle.js';
import { listImages } from '../disk/dataset.js';
import type { Choice } from '../inspect/choose-provider.js';
import { machineMs } from '../machine/monotonic.js';
import type { Bundle } from '../model/bundle.js';
import type { ThreadsHere } from '../model/threads.js';
import { openCamera } from '../opencv/camera.js';
import { opencvVersion } from '../opencv/library.js';
import { encodeJpeg, encodePngAside } from '../opencv/picture.js';
import { onnxruntimeVersion } from '../ort/session.js';
import type { Engines, StationDown } from '../protocol/station-messages.js';
import type { Camera } from '../vision/frame.js';
import type { Image } from '../vision/image.js';
import { lagClock } from '../vision/lag.js';
import { parseSource } from '../vision/source.js';
import { equipmentFor, openProviders } from './providers.js';

export type Start = Extract<StationDown, { kind: 'start' }>;

/** A bundle, and what computes its model, proven. */
export type Equipped = { readonly bundle: Bundle; readonly choice: Choice; readonly threads: ThreadsHere };

/** What a station's process hears of itself before it has equipped itself. */
export type Telling = {
	readonly engines: (engines: Engines) => void;
	/** What it tries next, which can take the whole process down. Resolves when that is told. */
	readonly trying: (provider: Provider) => Promise<void>;
};

/** What a station touches of the world outside its process, so that a simulation can stand in its place. */
export type StationEdges = {
	readonly pace: Pace;
	readonly timers: Timers;
	readonly wallClock: () => number;
	/** Of a clock that never jumps, the same in each process of the machine. */
	readonly machineMs: () => number;
	/** Opens what a recipe names. @throws Failure */
	readonly equip: (start: Start, telling: Telling) => Promise<Equipped>;
	/** @throws Failure camera-unavailable, images-missing */
	readonly openCamera: (camera: CameraConfig) => Promise<Camera>;
	readonly encodeJpeg: (image: Image, quality: number) => Uint8Array;
	/** Beside this thread. */
	readonly encodePng: (image: Image) => Promise<Uint8Array>;
};

export function realStationEdges({ env }: Pick<Context, 'env'>): StationEdges {
	const lag = lagClock();
	return {
		pace: realPace,
		timers: { ...realTimers, every: (ms, ring) => clearing(setInterval(ring, ms)) },
		wallClock: Date.now,
		machineMs,
		equip: async (start, { engines, trying }) => {
			const { recipe, stations, avoided } = start;
			const providers = openProviders(env, start);
			engines({ onnxruntime: onnxruntimeVersion(), opencv: opencvVersion() });
			const bundle = await readBundle(recipe.model);
			const told = { ...providers, trying };
			return { bundle, ...(await equipmentFor(recipe, bundle, told, { stations, avoided })) };
		},
		openCamera: ({ source, ...camera }) => openCamera(parseSource(source), { ...camera, listImages, lag }),
		encodeJpeg,
		encodePng: encodePngAside,
	};
}

/** A process that beats goes on, also while all that it waits for has nothing to keep it. */
function clearing(timer: NodeJS.Timeout): () => void {
	return () => clearInterval(timer);
}
