import { shortened } from '../../base/words.js';
import { inHundred, promiseWords } from '../../measure/promise.js';
import type { CurvePoint } from '../../model/manifest.js';
import type { Taught } from '../../protocol/teach-messages.js';

/** Longer names lose their middle. */
const LONGEST_NAME = 32;

/**
 * What the threshold of a lesson promises, and what it would without the pictures that score the highest: a table, each row with how to ask for
 * it. `images`: as they were named.
 */
export function thresholdLines(
	{ bundle, threshold, falseRejectBound95, spoiledPass, curve }: ThresholdTaught,
	images: string,
): string[] {
	const promise = `${capital(promiseWords(falseRejectBound95))}, if they are like those photographed.`;
	if (curve.length === 0) return [promise];
	const rows = curve.map((point, i) => [
		i === 0 ? 'without' : 'and',
		shortened(point.picture, LONGEST_NAME),
		point.score.toFixed(4),
		...rowOf(point),
		`--threshold-rank ${i + 2}`,
	]);
	const again = `inspectord teach ${quoted(images)} --from ${quoted(bundle)}`;
	const head = ['', 'picture', 'its score', 'threshold', 'good rejected', 'spoiled pass', 'asked for by'];
	const now = ['as it is', '', '', ...rowOf({ threshold, falseRejectBound95, spoiledPass }), ''];
	return [
		promise,
		...whyLines(threshold, curve),
		'The good pictures that score the highest, and the threshold without each and all above it:',
		...table([head, now, ...rows]).map((line) => `  ${line}`),
		`Another one, without learning again: ${again} --threshold-rank K; or --strike NAME,… where a picture shows no good part.`,
	];
}

/** Nothing where the highest score is the threshold. */
function whyLines(threshold: number, curve: readonly CurvePoint[]): string[] {
	const highest = curve[0]!.score;
	if (threshold === highest) return [];
	const rank = 2 + curve.findIndex((point) => point.threshold === threshold);
	const which = rank < 2 ? 'A lower score than the highest' : `The score of rank ${rank}`;
	return [
		`${which} is the threshold, not the highest (${highest.toFixed(4)}, by --threshold-rank 1): unless you asked for it, because of spoiled copies so many more do not pass, at least two in a hundred for each good part in a hundred that is rejected more.`,
	];
}

type ThresholdTaught = Pick<Taught, 'bundle' | 'threshold' | 'falseRejectBound95' | 'spoiledPass' | 'curve'>;

function rowOf({
	threshold,
	falseRejectBound95,
	spoiledPass,
}: Pick<CurvePoint, 'threshold' | 'falseRejectBound95' | 'spoiledPass'>): string[] {
	const pass = spoiledPass === null ? '–' : `${Math.round(100 * spoiledPass)} %`;
	return [threshold.toFixed(4), `at most ${inHundred(falseRejectBound95)} of 100`, pass];
}

/** For a shell. */
function quoted(path: string): string {
	return /^[\w@./:+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function capital(text: string): string {
	return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** Words to the left, numbers to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
	const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
	const isWord = (column: number) => column < 2 || column === widths.length - 1;
	return rows.map((row) =>
		row
			.map((cell, i) => (isWord(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
			.join('   ')
			.trimEnd(),
	);
}
