import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { PRECISIONS } from '../base/precision.js';
import { teachInChild } from '../daemon/job.js';
import { goodImages, readDataset } from '../disk/dataset.js';
import { teacherPath } from '../disk/teacher.js';
import { MOST_STEPS } from '../learn/plan.js';
import { architectures, isBackbone } from '../model/architecture.js';
import { PRESETS } from '../model/manifest.js';
import type { Grid } from '../model/tiling.js';
import type { TeachRequest } from '../protocol/teach-messages.js';
import type { Rect } from '../vision/image.js';
import { bundleLines } from './terminal/bundle-lines.js';
import { type Arguments, type Command, choiceOption, numberOption, textOption } from './terminal/command.js';
import { duration, progressLines } from './terminal/progress.js';

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
			summary: 'side of the square that the network sees, a multiple of 32',
			fallback: '256',
		},
		tiles: {
			value: 'ROWSxCOLUMNS',
			summary:
				'cut pictures into overlapping squares, for fine defects in large or long parts; auto takes as many as keep their resolution',
			fallback: '1x1',
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
				'standard dwells on what is hard to learn, learns slower towards the end, and weighs departures from what good parts show at each place; paper is the published loss, rate and sum',
			fallback: 'standard',
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
		'false-rejects': {
			value: 'RATE',
			summary:
				'allow this share of good parts to be rejected (default: the threshold is the highest held-out score)',
		},
		resume: { summary: 'go on with an interrupted lesson: same pictures, same options' },
		threads: { value: 'N', summary: 'processor threads, 0 for one a core', fallback: '0' },
		json: { summary: 'print the result as one line of JSON' },
	},
	run: async (args, context) => {
		const request = await requestOf(args, context);
		const taught = await teachInChild(request, { ...context, report: progressLines(context) });
		if (args.options.json) return context.print(taught);
		if (taught.seededTeacher)
			context.note('warning: the teacher has random weights; give a real one with --teacher.');
		context.print(
			`${taught.images === 0 ? 'Took the student as it is' : `Taught from ${taught.images} good pictures in ${duration(taught.seconds)}`}; ${taught.heldOut} ${taught.images === 0 ? 'good pictures' : 'more'} set the threshold to ${taught.threshold.toFixed(4)}: of good parts like them at most ${(100 * taught.falseRejectBound).toFixed(1)} % are rejected.`,
		);
		if (taught.precision !== 'fp32') context.print(`It runs in ${taught.precision}, which scores like fp32.`);
		for (const line of bundleLines(request.out, taught.bundle, taught.isNamed)) context.print(line);
	},
};

/** Each is a run of the network. */
const MOST_ASKED_TILES = 36;

/** IMAGES is looked through, and the place for the bundle checked, before minutes are spent. */
async function requestOf(args: Arguments, { home, note }: Context): Promise<TeachRequest> {
	const [images = ''] = args.positionals;
	const out = textOption(args, 'out');
	if (out === undefined)
		throw new Failure('usage', 'teach needs a place for the bundle', 'Give one with --out BUNDLE.');
	const size = numberOption(args, 'size', { lowest: 64, highest: 1024 });
	if (size % 32 !== 0)
		throw new Failure(
			'usage',
			`Cannot use --size "${size}": it is a multiple of 32`,
			'Use 256, 320, 384 or 512.',
		);
	const region = regionOption(args);
	const labelled = textOption(args, 'labelled');
	const student = textOption(args, 'student');
	const request: TeachRequest = {
		images: resolve(images),
		...teacherOption(args, home),
		...(student !== undefined && { student: resolve(student) }),
		out: resolve(out),
		name: basename(resolve(out)),
		size,
		tiles: gridOption(args),
		...wobbleOption(args),
		preset: choiceOption(args, 'preset', PRESETS) ?? 'standard',
		precision: choiceOption(args, 'precision', PRECISIONS) ?? 'fp32',
		...(labelled !== undefined && { labelled: resolve(labelled) }),
		...(textOption(args, 'false-rejects') !== undefined && {
			falseRejects: numberOption(args, 'false-rejects', { lowest: 0.0001, highest: 0.5, whole: false }),
		}),
		...(region && { region }),
		iterations:
			textOption(args, 'iterations') === 'auto'
				? 'auto'
				: numberOption(args, 'iterations', { lowest: 1, highest: 100_000 }),
		batch: numberOption(args, 'batch', { lowest: 2, highest: 256 }),
		seed: numberOption(args, 'seed', { lowest: 0, highest: 2 ** 32 - 1 }),
		holdout: numberOption(args, 'holdout', { lowest: 0.01, highest: 0.9, whole: false }),
		threads: numberOption(args, 'threads', { lowest: 0, highest: 256 }),
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

/** Without a file: the teacher of that name that lies in the project (`teacher add` puts it there), or random weights. */
function teacherOption(args: Arguments, home: string): Pick<TeachRequest, 'teacher' | 'backbone'> {
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
	const added = teacherPath(home, name ?? 'pocket');
	return existsSync(added) ? { teacher: added, ...named } : named;
}
