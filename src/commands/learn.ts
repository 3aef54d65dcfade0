import { basename } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import { writeBundle } from '../disk/bundle.js';
import { goodImages, readDataset } from '../disk/dataset.js';
import { readTeacher } from '../disk/teacher.js';
import { GOOD } from '../learn/evaluation.js';
import type { Probes } from '../learn/lower.js';
import { type GoodImage, type GoodImages, type Teacher, teach } from '../learn/teach.js';
import { type Backbone, isBackbone } from '../model/architecture.js';
import { foldTeacher, seededTeacher } from '../model/teacher.js';
import { type Tiling, tilingFor } from '../model/tiling.js';
import { opencvVersion } from '../opencv/library.js';
import { frameOf, readPicture } from '../opencv/picture.js';
import { onnxruntimeVersion, openSession } from '../ort/session.js';
import { parentChannel } from '../process/parent.js';
import type { Taught, TeachDown, TeachRequest, TeachUp } from '../protocol/teach-messages.js';
import { drawPart } from '../sim/line.js';
import type { Frame } from '../vision/frame.js';
import type { Command } from './command.js';

/** Hidden: the process that teaches. It is told what by its parent, and tells how it goes. */
export const learn: Command = {
	name: 'learn',
	summary: 'the child process that teaches',
	positionals: [],
	options: {},
	run: async (_args, context) => {
		const parent = parentChannel<TeachDown, TeachUp>();
		if (!parent)
			throw new Failure('usage', 'learn is a child process of inspectord', 'Use inspectord teach.');
		const request = await new Promise<TeachRequest>((resolve) => {
			parent.onMessage((message) => resolve(message.request));
		});
		const signal = AbortSignal.any([context.signal, parent.gone]);
		try {
			const taught = await learnFrom(request, context.version, signal, (progress) => {
				void parent.send({ kind: 'progress', progress });
			});
			await parent.send({ kind: 'taught', taught });
		} catch (thrown) {
			if (signal.aborted) return;
			const { code, advice } = thrown instanceof Failure ? thrown : new Failure('teaching-failed', '');
			const message = thrown instanceof Failure ? thrown.message : String((thrown as Error)?.stack ?? thrown);
			await parent.send({ kind: 'failed', code, message, ...(advice !== undefined && { advice }) });
		} finally {
			parent.leave();
		}
	},
};

async function learnFrom(
	request: TeachRequest,
	inspectord: string,
	signal: AbortSignal,
	report: (progress: Extract<TeachUp, { kind: 'progress' }>['progress']) => void,
): Promise<Taught> {
	const started = performance.now();
	const { backbone, ...teacher } = await teacherOf(request);
	const { images, tiling } = await goodImagesOf(request);
	const labelled =
		request.labelled === undefined ? undefined : await labelledOf(request.labelled, request, tiling);
	const contents = await teach(
		images,
		teacher,
		{ ...request, backbone, tiling },
		{
			openSession,
			report,
			signal,
			now: () => performance.now(),
			wallClock: () => new Date(),
			memoryMb: () => Math.round(process.memoryUsage.rss() / 1e6),
			versions: { inspectord, onnxruntime: onnxruntimeVersion(), opencv: opencvVersion() },
		},
		labelled,
	);
	signal.throwIfAborted();
	const { training, calibration, precision } = await writeBundle(request.out, contents);
	return {
		bundle: request.out,
		images: training.images,
		heldOut: training.heldOut,
		iterations: training.iterations,
		seconds: (performance.now() - started) / 1000,
		loss: training.losses.at(-1) ?? Number.NaN,
		threshold: calibration.threshold,
		falseRejectBound: calibration.falseRejectBound,
		precision: precision.runs,
		seededTeacher: teacher.seeded,
	};
}

async function teacherOf({
	teacher,
	backbone,
	seed,
}: TeachRequest): Promise<Teacher & { readonly backbone: Backbone }> {
	if (teacher === undefined) {
		const drawn = backbone ?? 'resnet18';
		const origin = `random weights from seed ${seed}`;
		return {
			backbone: drawn,
			weights: seededTeacher(drawn, seed),
			sha256: '0'.repeat(64),
			origin,
			seeded: true,
		};
	}
	const { weights, metadata, sha256 } = await readTeacher(teacher);
	const said = metadata.architecture ?? '';
	const meant = backbone ?? (isBackbone(said) ? said : 'resnet18');
	try {
		const origin = metadata.origin ?? teacher;
		return { backbone: meant, weights: foldTeacher(weights, meant), sha256, origin, seeded: false };
	} catch (thrown) {
		throw new Failure(
			'teacher-invalid',
			`Cannot use teacher "${teacher}": ${reasonOf(thrown)}`,
			'Give a file for this backbone, or name the right one with --backbone.',
		);
	}
}

/** The pictures, and the tiling that the first of them asks for. */
async function goodImagesOf({
	images,
	region,
	size: side,
	tiles,
}: TeachRequest): Promise<{ images: GoodImages; tiling: Tiling }> {
	const { count, name, frame } = await framesOf(images);
	const first = await frame(0);
	const tiling = tilingFor(side, tiles, region ?? first);
	first.release();
	const image = remembered(async (i) => {
		const { width, height, modelInput, release } = await frame(i);
		try {
			return { input: modelInput(region, tiling), size: { width, height } };
		} finally {
			release();
		}
	});
	return { images: { count, name, image }, tiling };
}

async function labelledOf(
	dataset: string,
	{ region }: TeachRequest,
	tiling: Tiling,
): Promise<Probes['labelled']> {
	const { test } = await readDataset(dataset);
	return {
		count: test.length,
		defective: (i) => test[i]!.kind !== GOOD,
		input: async (i) => {
			const frame = await readPicture(test[i]!.path);
			try {
				return frame.modelInput(region, tiling);
			} finally {
				frame.release();
			}
		},
	};
}

async function framesOf(images: TeachRequest['images']) {
	if (typeof images !== 'string') {
		const { seed, count } = images.sim;
		const frame = async (i: number): Promise<Frame> => frameOf(drawPart(seed, i).image);
		return { count, name: (i: number) => `part ${i}`, frame };
	}
	const paths = await goodImages(images);
	const frame = (i: number): Promise<Frame> => readPicture(paths[i]!);
	return { count: paths.length, name: (i: number) => basename(paths[i]!), frame };
}

/** Prepared pictures that are kept for the next look: teaching looks at each two or three times. */
const REMEMBERED_BYTES = 200e6;

function remembered(load: (index: number) => Promise<GoodImage>): (index: number) => Promise<GoodImage> {
	const kept = new Map<number, GoodImage>();
	let bytes = 0;
	return async (index) => {
		const known = kept.get(index);
		if (known) return known;
		const picture = await load(index);
		if (bytes + picture.input.length <= REMEMBERED_BYTES) {
			bytes += picture.input.length;
			kept.set(index, picture);
		}
		return picture;
	};
}
