import { basename, join, resolve } from 'node:path';
import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { PRECISIONS } from '../base/precision.js';
import { duration } from '../base/words.js';
import { type JobWorld, strikeInChild, teachInChild } from '../daemon/job.js';
import { SHEET } from '../disk/bundle.js';
import { goodImages, readDataset } from '../disk/dataset.js';
import { MOST_STEPS } from '../learn/plan.js';
import { architectures, isBackbone } from '../model/architecture.js';
import { PRESETS, SCORINGS } from '../model/manifest.js';
import type { Grid } from '../model/tiling.js';
import {
	forecastWords,
	type StrikeRequest,
	type Taught,
	TEACHING_PROVIDERS,
	type TeachRequest,
} from '../protocol/teach-messages.js';
import type { Rect } from '../vision/image.js';
import { strikeRequestOf, struckLine, wantedOption } from './teach-threshold.js';
import { bundleLines } from './terminal/bundle-lines.js';
import { type Arguments, type Command, choiceOption, numberOption, textOption } from './terminal/command.js';
import { thresholdLines } from './terminal/curve-lines.js';
import { progressLines } from './terminal/progress.js';

export const teachCommand: Command = {
	name: 'teach',
	summary:
		'Learns what good parts look like from pictures of good ones and writes a bundle that `run` inspects with.',
	positionals: ['IMAGES'],
	options: {
		teacher: {
			value: 'FILE',
			summary: 'safetensors weights of an ImageNet-trained ResNet (default: our own small one)',
		},
		student: {
			value: 'FILE',
			summary:
				'safetensors of a student that was trained elsewhere, in the names of the published checkpoints (bn.…, decoder.…): nothing is trained, all pictures set the threshold',
		},
		out: {
			value: 'BUNDLE',
			summary:
				'the name to write it under: bundles/lid becomes bundles/lid@HASH, and what has that name stays',
		},
		backbone: {
			value: 'NAME',
			summary: `the network of the teacher: ${Object.keys(architectures).join(', ')} (default: what the file says, or resnet18)`,
		},
		size: {
			value: 'PIXELS',
			summary:
				'side of the square that the network sees, a multiple of 32; auto: the one that finds the most of defects that are made into the pictures',
			fallback: '256',
		},
		tiles: {
			value: 'ROWSxCOLUMNS',
			summary:
				'cut pictures into overlapping squares, for fine defects in large or long parts; auto cuts them where more of the defects that are made into them are found so',
			fallback: '1x1',
		},
		'ms-per-part': {
			value: 'MS',
			summary:
				'auto, of size or tiles, takes nothing that costs more milliseconds a part on this box’s processor',
		},
		rotate: {
			value: 'DEGREES',
			summary: 'turn pictures by chance up to so much while learning',
			fallback: '0',
		},
		shift: {
			value: 'SHARE',
			summary: 'move pictures by chance up to this share of their sides while learning',
			fallback: '0',
		},
		region: {
			value: 'X,Y,WIDTH,HEIGHT',
			summary: 'the part of the pictures to learn, in pixels (default all)',
		},
		preset: {
			value: 'NAME',
			summary:
				'standard dwells on what is hard to learn, learns slower towards the end, and chooses its scoring; paper is the published loss, rate and sum',
			fallback: 'standard',
		},
		scoring: {
			value: 'NAME',
			summary: `how maps become one: ${SCORINGS.join(', ')}; auto takes what lets the fewest spoiled copies of good pictures pass, and with --preset paper the sum`,
			fallback: 'auto',
		},
		precision: {
			value: 'NAME',
			summary:
				'fp16 (for devices) or int8 (for processors with VNNI, too) beside fp32; it runs if it scores like fp32',
			fallback: 'fp32',
		},
		labelled: {
			value: 'DATASET',
			summary: 'labelled images that a lower precision must tell apart as well as fp32',
		},
		iterations: {
			value: 'N',
			summary: `training steps; auto: until the loss has settled, and what it takes to slow down, at most ${MOST_STEPS}`,
			fallback: 'auto',
		},
		batch: { value: 'N', summary: 'pictures a step', fallback: '16' },
		seed: {
			value: 'S',
			summary: 'for weights, order and split: the same seed, the same bundle',
			fallback: '1',
		},
		holdout: {
			value: 'SHARE',
			summary: 'of the pictures, kept from training to set the threshold',
			fallback: '0.2',
		},
		folds: {
			value: 'N',
			summary:
				'hold no picture out: N students, each taught all but its part of the pictures, judge that part; auto: 4 where there are fewer than 38 pictures, which takes five times as long',
			fallback: 'auto',
		},
		'false-rejects': {
			value: 'RATE',
			summary:
				'allow this share of good parts to be rejected (default: the threshold is the highest held-out score, or a few ranks lower where that lets far fewer spoiled copies pass)',
		},
		'threshold-rank': {
			value: 'K',
			summary:
				'take the K-th highest held-out score for the threshold, as the table after a lesson offers it',
		},
		from: {
			value: 'BUNDLE',
			summary:
				'learn nothing: teach the threshold of this bundle anew, from the pictures of its lesson, in seconds; all else is as in its lesson, and --out may be left out',
		},
		strike: {
			value: 'NAME[,NAME]',
			summary:
				'with --from: pictures that show no good part, and set nothing; all of them: those that are not named count again, none by --strike ""',
		},
		'strike-list': { value: 'FILE', summary: 'with --from: the same from a file, a name a line' },
		resume: { summary: 'go on with an interrupted lesson: same pictures, same options' },
		threads: { value: 'N', summary: 'processor threads, 0 for one a core', fallback: '0' },
		provider: {
			value: 'NAME',
			summary:
				'where to learn: cpu, cuda, webgpu, or auto for CUDA where that is there; first steps are compared with the processor’s, and auto goes on there when they differ (CUDA: never tried)',
			fallback: 'cpu',
		},
		json: { summary: 'print the result as one line of JSON' },
	},
	run: async (args, context) => {
		const world = { ...context, report: progressLines(context) };
		const from = textOption(args, 'from');
		const [request, taught] = await (from === undefined
			? learnt(args, world)
			: taughtAnew(args, from, world));
		if (args.options.json) return context.print(taught);
		if (taught.seededTeacher)
			context.note('warning: the teacher has random weights; give a real one with --teacher.');
		context.print(from === undefined ? learntLine(taught) : struckLine(taught));
		const [images = ''] = args.positionals;
		for (const line of thresholdLines(taught, images)) context.print(line);
		if (taught.curve.length > 0)
			context.print(`These pictures with their maps: ${join(taught.bundle, SHEET)}`);
		if (taught.forecast) context.print(`The forecast was ${forecastWords(taught.forecast)}.`);
		if (taught.precision !== 'fp32') context.print(`It runs in ${taught.precision}, which scores like fp32.`);
		for (const line of bundleLines(request.out, taught.bundle, taught.isNamed)) context.print(line);
	},
};

/** "Taught from 80 good pictures in 2 min; 20 more set the threshold to 0.1234." */
function learntLine({ images, heldOut, folds, seconds, threshold }: Taught): string {
	const taught = `Taught from ${images} good pictures in ${duration(seconds)}`;
	const which =
		images === 0
			? `Took the student as it is; ${heldOut} good pictures`
			: folds === 0
				? `${taught}; ${heldOut} more`
				: `${taught}; they are few, so the same ones, judged by ${folds} more students that had not seen them,`;
	return `${which} set the threshold to ${threshold.toFixed(4)}.`;
}

/** @throws Failure usage for what is asked with --from alone */
async function learnt(args: Arguments, world: JobWorld & Context): Promise<[TeachRequest, Taught]> {
	for (const name of ['strike', 'strike-list'])
		if (textOption(args, name) !== undefined)
			throw new Failure(
				'usage',
				`Cannot use --${name} without --from: a lesson that learns takes all pictures`,
				'Take the pictures out of the folder, or name the bundle whose threshold they set with --from.',
			);
	const request = await requestOf(args, world);
	return [request, await teachInChild(request, world)];
}

async function taughtAnew(
	args: Arguments,
	from: string,
	world: JobWorld & Context,
): Promise<[StrikeRequest, Taught]> {
	const request = await strikeRequestOf(args, from, teachCommand.options, world);
	return [request, await strikeInChild(request, world)];
}

/** Each is a run of the network. */
const MOST_ASKED_TILES = 36;

/** IMAGES is looked through, and the place for the bundle checked, before minutes are spent. */
async function requestOf(args: Arguments, { note }: Context): Promise<TeachRequest> {
	const [images = ''] = args.positionals;
	const out = textOption(args, 'out');
	if (out === undefined)
		throw new Failure('usage', 'teach needs a place for the bundle', 'Give one with --out BUNDLE.');
	const size =
		textOption(args, 'size') === 'auto' ? 'auto' : numberOption(args, 'size', { lowest: 64, highest: 1024 });
	if (size !== 'auto' && size % 32 !== 0)
		throw new Failure(
			'usage',
			`Cannot use --size "${size}": it is a multiple of 32`,
			'Use 256, 320, 384 or 512, or auto.',
		);
	const region = regionOption(args);
	const labelled = textOption(args, 'labelled');
	const student = textOption(args, 'student');
	const request: TeachRequest = {
		images: resolve(images),
		...teacherOption(args),
		...(student !== undefined && { student: resolve(student) }),
		out: resolve(out),
		name: basename(resolve(out)),
		size,
		tiles: gridOption(args),
		...(textOption(args, 'ms-per-part') !== undefined && {
			msPerPart: numberOption(args, 'ms-per-part', { lowest: 1, highest: 60_000, whole: false }),
		}),
		...wobbleOption(args),
		preset: choiceOption(args, 'preset', PRESETS) ?? 'standard',
		scoring: choiceOption(args, 'scoring', ['auto', ...SCORINGS]) ?? 'auto',
		precision: choiceOption(args, 'precision', PRECISIONS) ?? 'fp32',
		...(labelled !== undefined && { labelled: resolve(labelled) }),
		...wantedOption(args),
		...(region && { region }),
		iterations:
			textOption(args, 'iterations') === 'auto'
				? 'auto'
				: numberOption(args, 'iterations', { lowest: 1, highest: 100_000 }),
		batch: numberOption(args, 'batch', { lowest: 2, highest: 256 }),
		seed: numberOption(args, 'seed', { lowest: 0, highest: 2 ** 32 - 1 }),
		holdout: numberOption(args, 'holdout', { lowest: 0.01, highest: 0.9, whole: false }),
		folds:
			textOption(args, 'folds') === 'auto' ? 'auto' : numberOption(args, 'folds', { lowest: 0, highest: 20 }),
		threads: numberOption(args, 'threads', { lowest: 0, highest: 256 }),
		provider: choiceOption(args, 'provider', TEACHING_PROVIDERS) ?? 'cpu',
		resume: args.options.resume === true,
	};
	await goodImages(images, note);
	if (labelled !== undefined) await readDataset(labelled, note);
	return request;
}

function gridOption(args: Arguments): Grid {
	const text = textOption(args, 'tiles') ?? '';
	if (text === 'auto') return 'auto';
	const [, rows, columns] = (/^([1-9]\d?)x([1-9]\d?)$/.exec(text) ?? []).map(Number);
	if (rows !== undefined && columns !== undefined && rows * columns <= MOST_ASKED_TILES)
		return { rows, columns };
	throw new Failure(
		'usage',
		`Cannot use --tiles "${text}"`,
		`Write it like --tiles 2x2 (rows, then columns; at most ${MOST_ASKED_TILES} tiles), or --tiles auto.`,
	);
}

function wobbleOption(args: Arguments): Pick<TeachRequest, 'wobble'> {
	const degrees = numberOption(args, 'rotate', { lowest: 0, highest: 180, whole: false });
	const shift = numberOption(args, 'shift', { lowest: 0, highest: 0.5, whole: false });
	return degrees > 0 || shift > 0 ? { wobble: { degrees, shift } } : {};
}

function regionOption(args: Arguments): Rect | undefined {
	const text = textOption(args, 'region');
	if (text === undefined) return undefined;
	const found = /^(\d+),(\d+),(\d+),(\d+)$/.exec(text)?.slice(1).map(Number);
	if (!found)
		throw new Failure('usage', `Cannot use --region "${text}"`, 'Write it like --region 100,50,640,480.');
	const [x, y, width, height] = found as [number, number, number, number];
	return { x, y, width, height };
}

/** Without a file: the teacher of that name that `teacher add` put into the project, or random weights. */
function teacherOption(args: Arguments): Pick<TeachRequest, 'teacher' | 'isAdded' | 'backbone'> {
	const file = textOption(args, 'teacher');
	const name = textOption(args, 'backbone') ?? (file === undefined ? 'pocket' : undefined);
	if (name !== undefined && !isBackbone(name)) {
		throw new Failure(
			'usage',
			`There is no backbone "${name}"`,
			`Choose one of ${Object.keys(architectures).join(', ')}.`,
		);
	}
	const named = name === undefined ? {} : { backbone: name };
	if (file !== undefined) return { teacher: resolve(file), ...named };
	return { isAdded: true, ...named };
}
