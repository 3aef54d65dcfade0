import { existsSync } from 'node:fs';
import type { Context } from '../base/context.js';
import { Failure, reasonOf } from '../base/failure.js';
import { assertBundlePlace, writeBundle } from '../disk/bundle.js';
import { readCheckpoint, readLesson, writeCheckpoint } from '../disk/checkpoint.js';
import { checkpointPath, removeCheckpoint } from '../disk/checkpoint-place.js';
import { readTeacher, teacherPath } from '../disk/teacher.js';
import { geometriesFor } from '../learn/geometry.js';
import { chooseGeometry } from '../learn/judge-geometry.js';
import type { Teacher, TeachWorld } from '../learn/lesson.js';
import { partTimes } from '../learn/part-time.js';
import { teach } from '../learn/teach.js';
import type { Checkpoints } from '../learn/train.js';
import { median } from '../measure/statistics.js';
import { type Backbone, isBackbone } from '../model/architecture.js';
import { checkStudent } from '../model/student.js';
import { foldTeacher, seededTeacher } from '../model/teacher.js';
import { oneTile } from '../model/tiling.js';
import type { Weights } from '../model/weights.js';
import { loadOrt, ortPlace } from '../ort/library.js';
import type { Forecast, Geometry, Progress, Taught, TeachRequest } from '../protocol/teach-messages.js';
import type { Size } from '../vision/image.js';
import { type Frames, goodFrames, preparedImages, wholeParts } from './good-images.js';
import { labelledImages } from './labelled-images.js';
import { taughtOf } from './taught.js';
import { teachWorld } from './world.js';

/** Pictures and a teacher in, a bundle on disk out. @throws Failure whatever a lesson can meet, and the signal's reason */
export async function teachFrom(
	request: TeachRequest,
	{ version, home, env }: Pick<Context, 'version' | 'home' | 'env'>,
	signal: AbortSignal,
	report: (progress: Progress) => void,
): Promise<Taught> {
	const started = performance.now();
	loadOrt(ortPlace(env.INSPECTORD_ORT));
	await assertBundlePlace(request.out);
	const { backbone, ...teacher } = await teacherOf(request, home);
	const frames = await goodFrames(request.images);
	let forecast: Forecast | null = null;
	const hear = (progress: Progress) => {
		if (progress.phase === 'forecast') forecast = progress.forecast;
		report(progress);
	};
	const world = teachWorld(version, signal, hear);
	const geometry = await geometryOf(frames, request, { backbone, ...teacher }, world);
	const { tiling, compared } = geometry;
	const images = preparedImages(frames, request.region, tiling);
	const labelled =
		request.labelled === undefined
			? undefined
			: await labelledImages(request.labelled, request.region, tiling);
	const contents = await teach(
		images,
		teacher,
		{ ...request, backbone, tiling, ...(compared.length > 0 && { compared }) },
		world,
		{
			labelled,
			student: await studentOf(request.student, backbone),
			checkpoints: (pictures) =>
				checkpointsOf(request, { teacher: `${backbone} ${teacher.sha256}`, geometry, pictures }, report),
		},
	);
	signal.throwIfAborted();
	const written = await writeBundle(request.out, contents, request.isLinked);
	await removeCheckpoint(checkpointPath(request.out));
	return taughtOf(written, { seconds: (performance.now() - started) / 1000, forecast });
}

async function teacherOf(
	{ teacher: given, isAdded = false, backbone, seed }: TeachRequest,
	home: string,
): Promise<Teacher & { readonly backbone: Backbone }> {
	const drawn = backbone ?? 'resnet18';
	const added = teacherPath(home, drawn);
	const teacher = given ?? (isAdded && existsSync(added) ? added : undefined);
	if (teacher === undefined) {
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
	content: { readonly teacher: string; readonly geometry: Geometry; readonly pictures: string },
	report: (progress: Progress) => void,
): Promise<Checkpoints> {
	const { size, tiles, msPerPart, region, preset, wobble, batch, seed, holdout, folds = 'auto' } = request;
	const lesson = JSON.stringify({
		...content,
		size,
		tiles,
		msPerPart,
		region,
		preset,
		wobble,
		batch,
		seed,
		holdout,
		folds,
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

/**
 * What was asked for, or what sees the most; a lesson that is resumed goes on with what it has chosen. More than one tile depends on how
 * large the pictures are: the middle ones say, where they differ.
 */
async function geometryOf(
	frames: Frames,
	request: TeachRequest,
	teacher: Pick<Teacher, 'weights'> & { readonly backbone: Backbone },
	world: TeachWorld,
): Promise<Geometry> {
	const known = request.resume ? await geometryThen(request) : undefined;
	if (known) return known;
	const { size, tiles, region } = request;
	if (size !== 'auto' && tiles !== 'auto' && tiles.rows * tiles.columns === 1)
		return { tiling: oneTile(size), compared: [] };
	const candidates = geometriesFor(request, region ?? (await middleSize(frames)));
	const parts = wholeParts(frames, region);
	const partMs = partTimes(teacher, request, world);
	const geometry = await chooseGeometry(candidates, parts, teacher, request, { ...world, partMs });
	if (candidates.length > 1) world.report({ phase: 'geometry', geometry });
	return geometry;
}

/** Undefined where there is no checkpoint, or one of another lesson, which `readCheckpoint` then tells. */
async function geometryThen({ out, size, tiles, msPerPart }: TeachRequest): Promise<Geometry | undefined> {
	const asked = JSON.stringify({ size, tiles, msPerPart });
	const lesson = JSON.parse((await readLesson(checkpointPath(out))) ?? '{}') as {
		readonly geometry?: Geometry;
		readonly size?: unknown;
		readonly tiles?: unknown;
		readonly msPerPart?: unknown;
	};
	const then = JSON.stringify({ size: lesson.size, tiles: lesson.tiles, msPerPart: lesson.msPerPart });
	return then === asked ? lesson.geometry : undefined;
}

async function middleSize({ count, frame }: Frames): Promise<Size> {
	const [widths, heights]: [number[], number[]] = [[], []];
	for (let i = 0; i < count; i += 1) {
		const { width, height, release } = await frame(i);
		release();
		widths.push(width);
		heights.push(height);
	}
	return { width: median(widths), height: median(heights) };
}
