import { type Figures, isOurs, type Result } from './results.js';
import { isChosenOn } from './sets.js';
import type { Side } from './sides.js';

/** Which rows the table has, and in which order; the roles tell the verdict what to compare. */
export type Rows = {
	readonly sides: readonly Row[];
	readonly sets: readonly string[];
};

/** `before` names the row of what it was before. */
type Row = Pick<Side, 'name' | 'role'> & { readonly before?: string };

const FIGURES = ['imageAuroc', 'pixelAuroc', 'proRd4ad', 'aupro03'] as const;
const NAMES: Readonly<Record<(typeof FIGURES)[number], string>> = {
	imageAuroc: 'image AUROC',
	pixelAuroc: 'pixel AUROC',
	proRd4ad: 'pro_rd4ad',
	aupro03: 'aupro_0.3',
};
/** What needs no word. */
const ONE_SQUARE = '1x1 of 256';
const COLUMNS = [
	...['side', 'seeds'],
	...Object.values(NAMES),
	...['escapes', 'false rejects', 'stated bound', '… with 95 %', 'teaching s', 'chose'],
];

/** A mean of several lessons; the standard error of one is unknown. */
export type Mean = { readonly mean: number; readonly error: number | null; readonly n: number };

/** Undefined where there is nothing to take the mean of. */
export function meanOf(values: readonly (number | null)[]): Mean | undefined {
	const known = values.filter((value) => value !== null);
	const n = known.length;
	if (n === 0) return undefined;
	const mean = known.reduce((sum, value) => sum + value, 0) / n;
	if (n === 1) return { mean, error: null, n };
	const variance = known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
	return { mean, error: Math.sqrt(variance / n), n };
}

/** The results that the table shows: of each side, set and seed the last. */
type Shown = (side: string, set: string) => readonly Figures[];

/** A Markdown table for each set, then what holds and what does not. */
export function tableLines(results: readonly Result[], { sides, sets }: Rows): string[] {
	const shown: Shown = (side, set) => {
		const seeds = results.filter((result) => result.side === side && result.set === set);
		return [...new Map(seeds.map(({ seed, figures }) => [seed, figures])).values()];
	};
	const known = sets.filter((set) => sides.some(({ name }) => shown(name, set).length > 0));
	return [
		...known.flatMap((set) => setLines(set, sides, shown)),
		...verdictLines(sides, known, shown),
		...thresholdLines(sides, known, shown),
		...originLines(
			results.filter(({ side, set }) => sets.includes(set) && sides.some(({ name }) => name === side)),
		),
	];
}

function setLines(set: string, sides: readonly Row[], shown: Shown): string[] {
	const rows = sides.flatMap(({ name }) => {
		const figures = shown(name, set);
		return figures.length === 0 ? [] : [`| ${[name, ...cellsOf(figures)].join(' | ')} |`];
	});
	const { good, defective } = sides.flatMap(({ name }) => shown(name, set))[0]!;
	return [
		`### ${set} (${isChosenOn(set) ? 'chosen on' : 'confirmed on'}; tested with ${good} good and ${defective} defective)`,
		'',
		`| ${COLUMNS.join(' | ')} |`,
		`|${' --- |'.repeat(COLUMNS.length)}`,
		...rows,
		'',
	];
}

function cellsOf(figures: readonly Figures[]): string[] {
	const shares = (count: 'escapes' | 'falseRejects', of: 'defective' | 'good') => {
		const found = meanOf(figures.map((each) => each[count]));
		if (!found) return '–';
		const all = figures[0]![of];
		return `${Number(found.mean.toFixed(1))} of ${all} (${percent(found.mean / all)})`;
	};
	const bound = (figure: 'falseRejectBound' | 'falseRejectBound95') => {
		const found = meanOf(figures.map((each) => each[figure]));
		return found ? percent(found.mean) : '–';
	};
	const seconds = meanOf(figures.map(({ seconds }) => seconds));
	return [
		`${figures.length}`,
		...FIGURES.map((figure) => meanText(meanOf(figures.map((each) => each[figure])))),
		shares('escapes', 'defective'),
		shares('falseRejects', 'good'),
		bound('falseRejectBound'),
		bound('falseRejectBound95'),
		seconds ? seconds.mean.toFixed(0) : '–',
		choices(figures),
	];
}

/** What lessons chose by themselves, and how many of them. */
function choices(figures: readonly Figures[]): string {
	const told = figures.flatMap(({ chosen }) => {
		if (!chosen?.scoring) return [];
		return [`${chosen.scoring}${chosen.squares === ONE_SQUARE ? '' : ` in ${chosen.squares}`}`];
	});
	const times = (words: string) => told.filter((other) => other === words).length;
	return [...new Set(told)].map((words) => `${words} ${times(words)}×`).join(', ') || '–';
}

function meanText(found: Mean | undefined): string {
	if (!found) return '–';
	return `${found.mean.toFixed(4)}${found.error === null ? '' : ` ± ${found.error.toFixed(4)}`}`;
}

function percent(share: number): string {
	return `${(100 * share).toFixed(1)} %`;
}

/** Whether our mean is below the published algorithm's by more than that one's standard error; null where one seed cannot tell. */
export function isBelow(ours: Mean, published: Mean): boolean | null {
	if (ours.mean >= published.mean) return false;
	return published.error === null ? null : ours.mean < published.mean - published.error;
}

function verdictLines(sides: readonly Row[], sets: readonly string[], shown: Shown): string[] {
	const published = sides.filter(({ role }) => role === 'published');
	const defaults = sides.filter(({ role }) => role === 'default');
	const lines = defaults.flatMap(({ name }) =>
		published.flatMap((peer) =>
			FIGURES.flatMap((figure) => comparisonLine(figure, name, peer.name, sets, shown)),
		),
	);
	if (lines.length === 0) return [];
	return [
		"On no set is the default below the published algorithm's mean by more than its standard error:",
		'',
		...lines,
		'',
	];
}

function comparisonLine(
	figure: (typeof FIGURES)[number],
	ours: string,
	peer: string,
	sets: readonly string[],
	shown: Shown,
): string[] {
	const compared = sets.flatMap((set) => {
		const [mine, theirs] = [ours, peer].map((side) =>
			meanOf(shown(side, set).map((figures) => figures[figure])),
		);
		return mine && theirs ? [{ set, mine, theirs, below: isBelow(mine, theirs) }] : [];
	});
	if (compared.length === 0) return [];
	const told = (wanted: boolean | null) =>
		compared
			.filter(({ below }) => below === wanted)
			.map(({ set, mine, theirs }) => `${set} ${mine.mean.toFixed(4)} for ${meanText(theirs)}`)
			.join(', ');
	const faults = [
		...(told(true) ? [`not on ${told(true)}`] : []),
		...(told(null) ? [`below, and one seed cannot tell how surely, on ${told(null)}`] : []),
	];
	const holds = compared.filter(({ below }) => below === false).length;
	return [
		`- ${ours}, ${NAMES[figure]}, beside ${peer}: holds on ${holds} of ${compared.length} sets${faults.length === 0 ? '' : `; ${faults.join('; ')}`}`,
	];
}

/** Escapes and false rejects of each side that has a threshold, summed over the sets that all of these have. */
function thresholdLines(sides: readonly Row[], sets: readonly string[], shown: Shown): string[] {
	const judging = sides.filter(({ name }) =>
		sets.some((set) => shown(name, set).some(({ escapes }) => escapes !== null)),
	);
	const common = sets.filter((set) => judging.every(({ name }) => shown(name, set).length > 0));
	if (common.length === 0 || judging.length === 0) return [];
	const lines = judging.map(({ name, before }) => {
		const { escapes, defective, falseRejects, good, stated } = sumsOf(common.map((set) => shown(name, set)));
		const past = before === undefined ? 0 : sumsOf(common.map((set) => shown(before, set))).escapes;
		const beyond = common.filter((set) => isBeyondBound(shown(name, set)));
		return [
			`- ${name}: ${escapes.toFixed(1)} of ${defective} escape`,
			past > 0 ? ` (${(escapes / past).toFixed(2)} of those before)` : '',
			`, ${falseRejects.toFixed(1)} of ${good} are falsely rejected`,
			stated > 0 ? ` (stated: at most ${stated.toFixed(1)})` : '',
			beyond.length > 0 ? `; surely more than stated on ${beyond.join(', ')}` : '',
		].join('');
	});
	const over = `Summed over the ${common.length} sets that all of these have (${common.join(', ')}), means of seeds:`;
	return [over, '', ...lines, ''];
}

function sumsOf(sets: readonly (readonly Figures[])[]) {
	const sums = { escapes: 0, defective: 0, falseRejects: 0, good: 0, stated: 0 };
	for (const figures of sets) {
		const { good = 0, defective = 0 } = figures[0] ?? {};
		const mean = (of: 'escapes' | 'falseRejects' | 'falseRejectBound') =>
			meanOf(figures.map((each) => each[of]))?.mean ?? 0;
		sums.escapes += mean('escapes');
		sums.defective += defective;
		sums.falseRejects += mean('falseRejects');
		sums.good += good;
		sums.stated += mean('falseRejectBound') * good;
	}
	return sums;
}

/** More false rejects than the side says, by more than two standard deviations of so many parts. */
export function isBeyondBound(figures: readonly Figures[]): boolean {
	const known = figures.filter(
		({ falseRejects, falseRejectBound }) => falseRejects !== null && falseRejectBound !== null,
	);
	const rejected = meanOf(known.map(({ falseRejects }) => falseRejects));
	const bound = meanOf(known.map(({ falseRejectBound }) => falseRejectBound));
	if (!rejected || !bound) return false;
	const good = known[0]!.good;
	return rejected.mean > good * bound.mean + 2 * Math.sqrt(good * bound.mean * (1 - bound.mean));
}

function originLines(results: readonly Result[]): string[] {
	if (results.length === 0) return ['No results yet.'];
	const told = (values: readonly string[]) => [...new Set(values)].join('; ');
	const versions = results.flatMap(({ figures }) =>
		Object.entries(figures.versions).map(([name, version]) => `${name} ${version}`),
	);
	const ours = results.filter(isOurs);
	return [
		`Machines: ${told(results.map(({ machine }) => machine))}.`,
		`Ours at ${told(ours.map(({ commit }) => commit)) || '–'}; peers: ${told(versions) || '–'}.`,
	];
}
