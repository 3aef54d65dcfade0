import { basename, dirname, join, resolve } from 'node:path';
import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { countOf, duration } from '../base/words.js';
import { describeBundle } from '../disk/bundle.js';
import { goodImages, readDataset } from '../disk/dataset.js';
import { readText } from '../disk/text.js';
import { pinOf } from '../model/bundle.js';
import type { StrikeRequest, Taught, TeachRequest } from '../protocol/teach-messages.js';
import { type Arguments, type Command, numberOption, textOption } from './terminal/command.js';

export function struckLine({ struck, heldOut, threshold, seconds }: Taught): string {
	const without = struck.length === 0 ? '' : ` without ${struck.map((name) => `"${name}"`).join(', ')}`;
	return `Taught the threshold anew in ${duration(seconds)}${without}: ${countOf(heldOut, 'good picture')} set it to ${threshold.toFixed(4)}.`;
}

/** What is said with --from; all other options are the lesson's. */
const WITH_FROM = [
	'from',
	'strike',
	'strike-list',
	'out',
	'labelled',
	'false-rejects',
	'threshold-rank',
	'threads',
	'json',
];

/**
 * The request behind `teach IMAGES --from BUNDLE`; `options`: all that teach has.
 * @throws Failure usage for an option that the lesson has settled, bundle-invalid, file-unreadable, images-missing
 */
export async function strikeRequestOf(
	args: Arguments,
	from: string,
	options: Command['options'],
	{ note }: Pick<Context, 'note'>,
): Promise<StrikeRequest> {
	const [images = ''] = args.positionals;
	const lessons = Object.entries(options).find(
		([name, { fallback }]) => !WITH_FROM.includes(name) && args.options[name] !== fallback,
	);
	if (lessons)
		throw new Failure(
			'usage',
			`Cannot use --${lessons[0]} with --from: nothing is learnt, it is what it was in the bundle's lesson`,
			'Leave it out, or teach anew without --from.',
		);
	const { place } = await describeBundle(from);
	const name = basename(place);
	const out = resolve(textOption(args, 'out') ?? join(dirname(place), pinOf(name)?.name ?? name));
	const labelled = textOption(args, 'labelled');
	const struck = await struckOption(args);
	await goodImages(images, note);
	if (labelled !== undefined) await readDataset(labelled, note);
	return {
		images: resolve(images),
		from: resolve(from),
		out,
		name: basename(out),
		...(struck && { struck }),
		...(labelled !== undefined && { labelled: resolve(labelled) }),
		...wantedOption(args),
		threads: numberOption(args, 'threads', { lowest: 0, highest: 256 }),
	};
}

/** @throws Failure usage for both, file-unreadable */
async function struckOption(args: Arguments): Promise<string[] | undefined> {
	const [names, file] = [textOption(args, 'strike'), textOption(args, 'strike-list')];
	if (names !== undefined && file !== undefined)
		throw new Failure('usage', 'Cannot use --strike beside --strike-list', 'Give all names in one of them.');
	const text =
		file === undefined ? names?.split(',') : (await readText(file, 'list of pictures')).split('\n');
	return text?.map((name) => name.trim()).filter((name) => name !== '');
}

/** What the threshold shall be. @throws Failure usage */
export function wantedOption(args: Arguments): Pick<TeachRequest, 'falseRejects' | 'thresholdRank'> {
	const given = (name: string) => textOption(args, name) !== undefined;
	if (given('threshold-rank') && given('false-rejects'))
		throw new Failure(
			'usage',
			'Cannot use --threshold-rank beside --false-rejects: each says what the threshold is',
			'Give one of them.',
		);
	return {
		...(given('threshold-rank') && {
			thresholdRank: numberOption(args, 'threshold-rank', { lowest: 1, highest: 1000 }),
		}),
		...(given('false-rejects') && {
			falseRejects: numberOption(args, 'false-rejects', { lowest: 0.0001, highest: 0.5, whole: false }),
		}),
	};
}
