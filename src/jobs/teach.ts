import { Failure, reasonOf } from '../base/failure.js';
import { assertBundlePlace, writeBundle } from '../disk/bundle.js';
import { checkpointPath, readCheckpoint, removeCheckpoint, writeCheckpoint } from '../disk/checkpoint.js';
import { readDataset } from '../disk/dataset.js';
import { readTeacher } from '../disk/teacher.js';
import type { Teacher } from '../learn/lesson.js';
import type { Probes } from '../learn/precisions.js';
import { teach } from '../learn/teach.js';
import type { Checkpoints } from '../learn/train.js';
import { isDefective } from '../measure/labelled.js';
import { median } from '../measure/statistics.js';
import { type Backbone, isBackbone } from '../model/architecture.js';
import { checkStudent } from '../model/student.js';
import { foldTeacher, seededTeacher } from '../model/teacher.js';
import { oneTile, type Tiling, tilingFor } from '../model/tiling.js';
import type { Weights } from '../model/weights.js';
import { readPicture } from '../opencv/picture.js';
import type { Progress, Taught, TeachRequest } from '../protocol/teach-messages.js';
import { type Frames, goodFrames, preparedImages } from './good-images.js';
import { teachWorld } from './world.js';

/** Pictures and a teacher in, a bundle on disk out. @throws Failure whatever a lesson can meet, and the signal's reason */
export async function teachFrom(
	request: TeachRequest,
	inspectord: string,
	signal: AbortSignal,
	report: (progress: Progress) => void,
): Promise<Taught> {
	const started = performance.now();
	await assertBundlePlace(request.out);
	const { backbone, ...teacher } = await teacherOf(request);
	const frames = await goodFrames(request.images);
	const tiling = await tilingOf(frames, request);
	const images = preparedImages(frames, request.region, tiling);
	const labelled =
		request.labelled === undefined ? undefined : await labelledOf(request.labelled, request, tiling);
	const contents = await teach(
		images,
		teacher,
		{ ...request, backbone, tiling },
		teachWorld(inspectord, signal, report),
		{
			labelled,
			student: await studentOf(request.student, backbone),
			checkpoints: (pictures) =>
				checkpointsOf(request, { teacher: `${backbone} ${teacher.sha256}`, pictures }, report),
		},
	);
	signal.throwIfAborted();
	const { manifest, dir, isNamed } = await writeBundle(request.out, contents);
	const { training, calibration, precision } = manifest;
	await removeCheckpoint(checkpointPath(request.out));
	return {
		bundle: dir,
		isNamed,
		images: training.images,
		heldOut: training.heldOut,
		iterations: training.iterations,
		seconds: (performance.now() - started) / 1000,
		loss: training.losses.at(-1) ?? null,
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

/** A lesson is saved every minute, and when it is interrupted. */
const SAVE_EVERY_MS = 60_000;

async function checkpointsOf(
	request: TeachRequest,
	content: { readonly teacher: string; readonly pictures: string },
	report: (progress: Progress) => void,
): Promise<Checkpoints> {
	const { size, tiles, region, preset, wobble, batch, seed, holdout } = request;
	const lesson = JSON.stringify({
		...content,
		size,
		tiles,
		region,
		preset,
		wobble,
		batch,
		seed,
		holdout,
	});
	const path = checkpointPath(request.out);
	const found = request.resume ? await readCheckpoint(path, lesson) : undefined;
	let saved = performance.now();
	return {
		lesson,
		found,
		due: () => performance.now() - saved > SAVE_EVERY_MS,
		save: async (checkpoint) => {
			saved = performance.now();
			try {
				await writeCheckpoint(path, checkpoint);
			} catch (thrown) {
				if (!(thrown instanceof Failure)) throw thrown;
				report({ phase: 'warning', message: `${thrown.message}; the lesson goes on without a checkpoint` });
			}
		},
	};
}

async function studentOf(path: string | undefined, backbone: Backbone): Promise<Weights | undefined> {
	if (path === undefined) return undefined;
	const { weights } = await readTeacher(path);
	try {
		return checkStudent(weights, backbone);
	} catch (thrown) {
		throw new Failure(
			'teacher-invalid',
			`Cannot use student "${path}": ${reasonOf(thrown)}`,
			'Give the teacher that it was trained with by --teacher and --backbone.',
		);
	}
}

/** More than one tile depends on how large the pictures are: the middle ones say, where they differ. */
async function tilingOf({ count, frame }: Frames, { region, size, tiles }: TeachRequest): Promise<Tiling> {
	if (tiles !== 'auto' && tiles.rows * tiles.columns === 1) return oneTile(size);
	if (region) return tilingFor(size, tiles, region);
	const [widths, heights]: [number[], number[]] = [[], []];
	for (let i = 0; i < count; i += 1) {
		const { width, height, release } = await frame(i);
		release();
		widths.push(width);
		heights.push(height);
	}
	return tilingFor(size, tiles, { width: median(widths), height: median(heights) });
}

async function labelledOf(
	dataset: string,
	{ region }: TeachRequest,
	tiling: Tiling,
): Promise<Probes['labelled']> {
	const { test } = await readDataset(dataset);
	const frames: Frames = {
		count: test.length,
		name: (i) => test[i]!.name,
		frame: (i) => readPicture(test[i]!.path),
	};
	const { image } = preparedImages(frames, region, tiling);
	return {
		count: test.length,
		defective: (i) => isDefective(test[i]!),
		input: async (i) => (await image(i)).input,
	};
}
