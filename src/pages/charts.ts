import type { RocPoint } from '../measure/metrics.js';
import { colourAt, type Scale } from '../vision/heatmap.js';

/*
 * Charts as SVG text. Colours are CSS classes that the page defines: `good`, `bad`, `line`, `area`, `axis`, `limit`,
 * `chance`.
 */

const BINS = 48;

/**
 * How often each score came: good parts upwards, defective ones downwards, on one axis, with the threshold across
 * both. The threshold is an edge between two bars. `good` or `bad` may be empty, not both.
 */
export function scoreHistogram(good: readonly number[], bad: readonly number[], threshold: number): string {
	const all = [...good, ...bad, threshold];
	const step = (Math.max(...all) - Math.min(...all)) / BINS || 1;
	// Bar k holds the scores above threshold + (k − 1) · step up to threshold + k · step: what is rejected has k > 0.
	const barOf = (score: number) => Math.ceil((score - threshold) / step);
	const first = barOf(Math.min(...all)) - 1;
	const last = barOf(Math.max(...all)) + 1;
	const countOf = (scores: readonly number[]) => {
		const counts = new Array<number>(last - first).fill(0);
		for (const score of scores) counts[barOf(score) - first - 1]! += 1;
		return counts;
	};
	const [goodCounts, badCounts] = [countOf(good), countOf(bad)];
	const tallest = Math.max(...goodCounts, ...badCounts, 1);

	const [width, height, left, bottom] = [950, 280, 62, 26];
	const half = (height - bottom) / 2;
	const barWidth = (width - left) / (last - first);
	const x = (score: number) => left + ((score - threshold) / step - first) * barWidth;
	const bar = (count: number, i: number, up: boolean) => {
		if (count === 0) return '';
		const tall = (count / tallest) * (half - 20);
		const y = up ? half - tall : half;
		const box = `x="${px(left + i * barWidth + 0.5)}" y="${px(y)}" width="${px(barWidth - 1)}" height="${px(tall)}"`;
		return `<rect class="${up ? 'good' : 'bad'}" ${box}/>`;
	};
	const at = x(threshold);
	const isRight = at > width * 0.8;
	return svg(width, height, 'Scores of good parts upwards, of defective parts downwards', [
		...ticks(threshold + first * step, threshold + last * step).map(
			(tick) =>
				line('axis faint', x(tick), 0, x(tick), height - bottom) +
				label(x(tick), height - 8, tickText(tick), x(tick) > width - 16 ? 'end' : 'middle'),
		),
		...goodCounts.map((count, i) => bar(count, i, true)),
		...badCounts.map((count, i) => bar(count, i, false)),
		line('axis', left, half, width, half),
		label(left - 6, half / 2, 'good', 'end'),
		label(left - 6, half + half / 2, 'defective', 'end'),
		line('limit', at, 0, at, height - bottom),
		label(
			at + (isRight ? -6 : 6),
			12,
			`threshold ${tickText(threshold)}`,
			isRight ? 'end' : 'start',
			'strong',
		),
	]);
}

/** A receiver operating characteristic as `rocCurve` gives it, the point where `threshold` stands marked. */
export function rocChart(curve: readonly RocPoint[], threshold: number): string {
	const { x, y, axes } = plane(1, 'good parts rejected', 'defects found');
	const points = curve.map(({ fpr, tpr }) => `${px(x(fpr))},${px(y(tpr))}`);
	// Between two scores a threshold does what it would do at the lower of them.
	const here = curve.find((point) => point.threshold <= threshold)!;
	return svg(PLANE, PLANE, 'Share of defects found against share of good parts rejected', [
		...axes,
		line('chance', x(0), y(0), x(1), y(1)),
		`<polyline class="line" points="${points.join(' ')}"/>`,
		`<circle class="limit" cx="${px(x(here.fpr))}" cy="${px(y(here.tpr))}" r="4.5"/>`,
		label(x(here.fpr) + 9, y(here.tpr) + (here.tpr < 0.5 ? -8 : 16), 'threshold', 'start', 'strong'),
	]);
}

/** Overlaps at false positive rates evenly spaced from 0 to 0.3, the area under them filled. */
export function proChart(overlaps: readonly number[]): string {
	const limit = 0.3;
	const { x, y, axes } = plane(limit, 'good pixels above the threshold', 'overlap with defects');
	const points = overlaps.map(
		(overlap, i) => `${px(x((limit * i) / (overlaps.length - 1)))},${px(y(overlap))}`,
	);
	return svg(
		PLANE,
		PLANE,
		'Mean overlap with the defects against the share of good pixels above the threshold',
		[
			`<polygon class="area" points="${px(x(0))},${px(y(0))} ${points.join(' ')} ${px(x(limit))},${px(y(0))}"/>`,
			...axes,
			`<polyline class="line" points="${points.join(' ')}"/>`,
		],
	);
}

/** The colours of a heatmap over a grey part, with the map values that they stand for. */
export function heatmapLegend({ low, threshold }: Scale): string {
	const [width, top, slices] = [600, 12, 100];
	const most = 2.5;
	const x = (place: number) => (place / most) * width;
	const slice = (i: number) => {
		const { rgb, opacity } = colourAt(((i + 0.5) / slices) * most);
		const mixed = rgb.map((value) => Math.round(128 * (1 - opacity) + value * opacity));
		const box = `x="${px((i * width) / slices)}" width="${px(width / slices + 0.3)}" height="${top}"`;
		return `<rect fill="rgb(${mixed})" ${box}/>`;
	};
	const valueAt = (place: number) => tickText(low + place * (threshold - low));
	return svg(width, 32, 'Colours of the heatmaps', [
		...Array.from({ length: slices }, (_, i) => slice(i)),
		line('limit', x(1), 0, x(1), top + 4),
		label(0, 27, `${valueAt(0)} usual on good parts`, 'start'),
		label(x(1), 27, `${valueAt(1)} threshold`, 'start'),
		label(width, 27, `${valueAt(most)}`, 'end'),
	]);
}

const PLANE = 300;

/** A square from (0, 0) to (`right`, 1) with its axes. */
function plane(right: number, across: string, upwards: string) {
	const [left, bottom, margin] = [44, 40, 10];
	const x = (value: number) => left + (value / right) * (PLANE - left - margin);
	const y = (value: number) => PLANE - bottom - value * (PLANE - bottom - margin);
	const axes = [
		...[0, 0.25, 0.5, 0.75, 1].flatMap((tick) => [
			line('axis faint', x(0), y(tick), x(right), y(tick)),
			label(x(0) - 5, y(tick) + 4, `${tick}`, 'end'),
		]),
		...ticks(0, right).flatMap((tick) => [
			line('axis faint', x(tick), y(0), x(tick), y(1)),
			label(x(tick), y(0) + 15, tickText(tick)),
		]),
		line('axis', x(0), y(0), x(right), y(0)),
		line('axis', x(0), y(0), x(0), y(1)),
		label((x(0) + x(right)) / 2, PLANE - 6, across),
		`<text transform="translate(11 ${px((y(0) + y(1)) / 2)}) rotate(-90)" text-anchor="middle">${upwards}</text>`,
	];
	return { x, y, axes };
}

/** Four to ten round numbers within the range. */
function ticks(low: number, high: number): number[] {
	const rough = (high - low) / 5;
	const power = 10 ** Math.floor(Math.log10(rough));
	const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
	const found: number[] = [];
	for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) found.push(i * step);
	return found;
}

function tickText(value: number): string {
	return `${Number(value.toPrecision(4))}`;
}

function svg(width: number, height: number, title: string, parts: readonly string[]): string {
	const box = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`;
	return `<svg ${box} role="img" aria-label="${title}">${parts.join('')}</svg>`;
}

function line(name: string, x1: number, y1: number, x2: number, y2: number): string {
	return `<line class="${name}" x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}"/>`;
}

function label(x: number, y: number, text: string, anchor = 'middle', name?: string): string {
	const shown = name === undefined ? '' : ` class="${name}"`;
	return `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}"${shown}>${text}</text>`;
}

function px(value: number): string {
	return `${Math.round(value * 10) / 10}`;
}
