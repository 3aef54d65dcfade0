import { GOOD, isDefective } from '../measure/labelled.js';
import type { Evaluation, Figures, ScoredImage } from './evaluation.js';

/** One kind of test image: how many, how many the threshold got wrong, and their scores. */
export type KindRow = {
	readonly kind: string;
	readonly images: number;
	readonly wrong: number;
	readonly lowest: number;
	readonly mean: number;
	readonly highest: number;
};

/** One row a kind, good images first, then by name. */
export function kindRows(scored: readonly ScoredImage[], threshold: number): KindRow[] {
	const kinds = [...new Set(scored.map(({ kind }) => kind))].sort((a, b) =>
		a === GOOD ? -1 : b === GOOD ? 1 : a < b ? -1 : 1,
	);
	return kinds.map((kind) => {
		const scores = scored.filter((image) => image.kind === kind).map(({ score }) => score);
		return {
			kind,
			images: scores.length,
			wrong: scores.filter((score) => score > threshold === (kind === GOOD)).length,
			lowest: Math.min(...scores),
			mean: scores.reduce((sum, score) => sum + score, 0) / scores.length,
			highest: Math.max(...scores),
		};
	});
}

/** An evaluation for people, as lines of text. */
export function summaryLines({ figures, scored }: Omit<Evaluation, 'proCurve'>): string[] {
	const { threshold } = figures;
	const rows = kindRows(scored, threshold).map(({ kind, images, wrong, lowest, mean, highest }) => [
		kind,
		`${images}`,
		wrong === 0 ? 'none' : `${wrong} ${kind === GOOD ? 'rejected' : 'escaped'}`,
		scoreText(lowest),
		scoreText(mean),
		scoreText(highest),
	]);
	return [
		...table([['kind', 'images', 'wrong', 'lowest', 'mean', 'highest score'], ...rows]),
		'',
		metricRows(figures)
			.map(([name, value]) => `${name} ${shareText(value)}`)
			.join('   '),
		verdictSentence(figures, scored),
		...missingSentence(figures, scored),
		...siblingSentence(figures),
	];
}

/** The metrics by their names, those that the data set cannot tell as null. */
export function metricRows(figures: Figures): (readonly [name: string, value: number | null])[] {
	return [
		['image AUROC', figures.imageAuroc],
		['pixel AUROC', figures.pixelAuroc],
		['pro_rd4ad', figures.proRd4ad],
		['aupro_0.3', figures.aupro03],
	];
}

/** What the threshold does, in one sentence. */
export function verdictSentence(
	{ threshold, falseRejects, escapes }: Figures,
	scored: readonly ScoredImage[],
): string {
	const good = scored.filter((image) => !isDefective(image)).length;
	return (
		`At the threshold ${scoreText(threshold)}, ${ofText(falseRejects, good)} good parts would be rejected ` +
		`and ${ofText(escapes, scored.length - good)} defective parts would pass.`
	);
}

/** Why metrics are missing or rest on fewer images, none when nothing is. */
export function missingSentence(
	{ imageAuroc, pixelAuroc }: Figures,
	scored: readonly ScoredImage[],
): string[] {
	const defective = scored.filter(isDefective);
	const masked = defective.filter(({ mask }) => mask !== null).length;
	if (imageAuroc === null) {
		const only = defective.length === 0 ? 'good' : 'defective';
		return [`There are ${only} images only, so there is no AUROC.`];
	}
	if (masked === 0) return ['There are no masks, so nothing is said about pixels.'];
	if (pixelAuroc === null) return ['No mask shows a defective pixel, so nothing is said about pixels.'];
	if (masked < defective.length) {
		return [
			`Only ${ofText(masked, defective.length)} defective images have a mask: pixel metrics rest on these.`,
		];
	}
	return [];
}

/** What other exposures of taught pictures do to the figures, none where there are none. */
export function siblingSentence({ withoutSiblings }: Figures): string[] {
	if (!withoutSiblings) return [];
	const { siblings, good, falseRejects, imageAuroc } = withoutSiblings;
	const left =
		good === 0
			? 'no good image is of another part'
			: `without them, ${ofText(falseRejects, good)} good parts would be rejected${imageAuroc === null ? '' : `, and the image AUROC is ${shareText(imageAuroc)}`}`;
	return [
		`${ofText(siblings, siblings + good)} good test pictures are other exposures of pictures that were taught: ${left}.`,
	];
}

export function scoreText(score: number): string {
	return score.toPrecision(4);
}

export function shareText(share: number | null): string {
	return share === null ? '–' : share.toFixed(4);
}

function ofText(count: number, of: number): string {
	return `${count} of ${of}`;
}

/** Columns of text: the first to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
	const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
	return rows.map((row) =>
		row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('   '),
	);
}
