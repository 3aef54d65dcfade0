import { isDefective } from '../measure/labelled.js';
import { confusionAt, rocCurve } from '../measure/metrics.js';
import { quantile } from '../measure/statistics.js';
import { heatmapLegend, proChart, rocChart, scoreHistogram } from '../pages/charts.js';
import type { Scale } from '../vision/heatmap.js';
import type { Evaluation, ScoredImage } from './evaluation.js';
import type { Exhibit, Gallery } from './exhibits.js';
import {
	kindRows,
	metricRows,
	missingSentence,
	scoreText,
	shareText,
	siblingSentence,
	verdictSentence,
} from './summary.js';

export type Report = Evaluation & {
	readonly title: string;
	/** What the model is and where the result comes from, in order. */
	readonly facts: readonly (readonly [name: string, value: string])[];
	/** Of the heatmaps in the galleries. */
	readonly scale: Scale;
	readonly galleries: readonly Gallery[];
	/** The good pictures that set the threshold, as PNG. */
	readonly sheet?: Uint8Array | undefined;
};

/** One HTML page that needs nothing beside it: no script, no font, no picture from elsewhere. */
export function reportHtml(report: Report): string {
	const { title, figures, scored, proCurve, facts, scale, galleries, sheet } = report;
	const { threshold } = figures;
	const scores = scored.map(({ score }) => score);
	const defective = scored.map(isDefective);
	const curve = figures.imageAuroc === null ? [] : rocCurve(scores, defective);
	const ofClass = (bad: boolean) => scores.filter((_, i) => defective[i] === bad);
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml([verdictSentence(figures, scored), ...missingSentence(figures, scored), ...siblingSentence(figures)].join(' '))}</p>
</header>
<ul class="metrics">
${metricRows(figures)
	.map(([name, value]) => `<li><b>${shareText(value)}</b> ${name}</li>`)
	.join('\n')}
</ul>
<section>
<h2>Scores</h2>
<figure>${scoreHistogram(ofClass(false), ofClass(true), threshold)}
<figcaption>Scores of <span class="key good"></span> good parts (upwards) and <span class="key bad"></span> defective
parts (downwards). A part is rejected when it scores above the threshold.</figcaption></figure>
</section>
<section>
<h2>At the threshold</h2>
<div class="beside">${confusionTable(threshold, scores, defective)}${kindTable(scored, threshold)}</div>
</section>
${curvesSection(curve, threshold, proCurve)}
${galleries.map((gallery) => gallerySection(gallery, scale)).join('\n')}
${sheet ? sheetSection(sheet) : ''}
<section>
<h2>Model and run</h2>
<dl>
${[...facts, ...timeFacts(scored)].map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`).join('\n')}
</dl>
</section>
</body>
</html>
`;
}

function confusionTable(threshold: number, scores: readonly number[], defective: readonly boolean[]): string {
	const { accepts, falseRejects, rejects, escapes } = confusionAt(threshold, scores, defective);
	const cell = (count: number, wrong: boolean, name: string) =>
		`<td${wrong && count > 0 ? ' class="wrong"' : ''}><b>${count}</b> ${name}</td>`;
	return `<table class="confusion">
<thead><tr><th></th><th>accepted</th><th>rejected</th></tr></thead>
<tbody><tr><th>good</th>${cell(accepts, false, 'right')}${cell(falseRejects, true, 'false rejects')}</tr>
<tr><th>defective</th>${cell(escapes, true, 'escapes')}${cell(rejects, false, 'right')}</tr></tbody>
</table>`;
}

function kindTable(scored: readonly ScoredImage[], threshold: number): string {
	const rows = kindRows(scored, threshold).map(({ kind, images, wrong, lowest, mean, highest }) => {
		const numbers = [lowest, mean, highest].map((score) => `<td>${scoreText(score)}</td>`).join('');
		return `<tr><th>${escapeHtml(kind)}</th><td>${images}</td><td${wrong > 0 ? ' class="wrong"' : ''}>${wrong}</td>${numbers}</tr>`;
	});
	return `<table>
<thead><tr><th>kind</th><th>images</th><th>wrong</th><th>lowest</th><th>mean</th><th>highest score</th></tr></thead>
<tbody>${rows.join('\n')}</tbody>
</table>`;
}

function curvesSection(
	curve: ReturnType<typeof rocCurve>,
	threshold: number,
	proCurve: readonly number[],
): string {
	const figures = [
		...(curve.length === 0
			? []
			: [[rocChart(curve, threshold), 'Receiver operating characteristic of the images']]),
		...(proCurve.length === 0
			? []
			: [
					[
						proChart(proCurve),
						'Per-region overlap of the pixels; aupro_0.3 is the filled share of the square',
					],
				]),
	];
	if (figures.length === 0) return '';
	const shown = figures.map(
		([chart, caption]) => `<figure>${chart}<figcaption>${caption}</figcaption></figure>`,
	);
	return `<section>
<h2>Curves</h2>
<div class="beside">${shown.join('\n')}</div>
</section>`;
}

function gallerySection({ title, note, exhibits }: Gallery, scale: Scale): string {
	if (exhibits.length === 0)
		return `<section>\n<h2>${escapeHtml(title)}</h2>\n<p>${escapeHtml(note)}</p>\n</section>`;
	return `<section>
<h2>${escapeHtml(title)}</h2>
<p>${escapeHtml(note)}</p>
<div class="gallery">
${exhibits.map(exhibitFigure).join('\n')}
</div>
${heatmapLegend(scale)}
</section>`;
}

function exhibitFigure({ name, score, aspect, picture, heatmap, truth }: Exhibit): string {
	const image = (bytes: Uint8Array, alt: string) =>
		`<img style="aspect-ratio:${aspect.toFixed(4)}" alt="${alt}" src="${dataUri(bytes)}">`;
	const images = [
		image(picture, 'picture'),
		image(heatmap, 'heatmap'),
		...(truth ? [image(truth, 'mask')] : []),
	];
	return `<figure class="exhibit"><div>${images.join('')}</div>
<figcaption>${escapeHtml(name)} <b>${scoreText(score)}</b></figcaption></figure>`;
}

function sheetSection(sheet: Uint8Array): string {
	return `<section>
<h2>What sets the threshold</h2>
<p>The good pictures that score the highest among those that were kept from training, each beside its map. One that shows no good part lets defects pass: strike it.</p>
<img class="sheet" alt="the good pictures that score the highest" src="${dataUri(sheet)}">
</section>`;
}

function timeFacts(scored: readonly ScoredImage[]): [string, string][] {
	const times = scored.map(({ ms }) => ms);
	const at = (share: number) => quantile(times, share).toFixed(1);
	return [
		[
			'time an image',
			`median ${at(0.5)} ms, 95 % within ${at(0.95)} ms, longest ${at(1)} ms (prepare and score)`,
		],
	];
}

function dataUri(bytes: Uint8Array): string {
	const type = bytes[0] === 0x89 ? 'image/png' : 'image/jpeg';
	return `data:${type};base64,${Buffer.from(bytes).toString('base64')}`;
}

function escapeHtml(text: string): string {
	return text
		.replaceAll('&', '&amp;')
		.replaceAll('<', '&lt;')
		.replaceAll('>', '&gt;')
		.replaceAll('"', '&quot;');
}

// Blue and vermilion of Okabe and Ito stay apart for every kind of colour vision.
const STYLE = `
:root { --paper: #fff; --ink: #1c1f23; --soft: #5d666f; --rule: #d9dee3; --good: #0072b2; --bad: #d55e00; --tint: #0072b224; }
@media screen and (prefers-color-scheme: dark) {
	:root { --paper: #15181b; --ink: #e6e9ec; --soft: #9aa4ad; --rule: #343a40; --good: #56b4e9; --bad: #f08a3c; --tint: #56b4e926; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 62rem; background: var(--paper); color: var(--ink);
	font: 15px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1 { margin: 0 0 .5rem; font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--rule); font-size: 1.1rem; }
p { margin: 0 0 .75rem; max-width: 52rem; }
.metrics { display: flex; flex-wrap: wrap; gap: .75rem 2.5rem; margin: 1.5rem 0 0; padding: 0; list-style: none; color: var(--soft); }
.metrics b { display: block; color: var(--ink); font-size: 1.7rem; font-weight: 600; line-height: 1.2; }
.sheet { display: block; max-width: 100%; height: auto; }
.beside { display: flex; flex-wrap: wrap; gap: 1.5rem 3rem; align-items: flex-start; }
figure { margin: 0; break-inside: avoid; }
figcaption { color: var(--soft); font-size: .87rem; overflow-wrap: anywhere; }
svg { display: block; max-width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 11px; }
svg text.strong { fill: var(--ink); font-weight: 600; paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
svg line.axis { stroke: var(--soft); } svg line.faint { stroke: var(--rule); }
svg line.limit { stroke: var(--ink); stroke-width: 1.5; } svg circle.limit { fill: var(--bad); stroke: var(--paper); stroke-width: 1.5; }
svg line.chance { stroke: var(--soft); stroke-dasharray: 3 4; }
svg polyline.line { fill: none; stroke: var(--good); stroke-width: 2; stroke-linejoin: round; } svg polygon.area { fill: var(--tint); }
svg rect.good { fill: var(--good); } svg rect.bad { fill: var(--bad); }
.key { display: inline-block; width: .7em; height: .7em; border-radius: 2px; } .key.good { background: var(--good); } .key.bad { background: var(--bad); }
table { border-collapse: collapse; } th, td { padding: .3rem .75rem; border-bottom: 1px solid var(--rule); text-align: right; }
th { font-weight: 500; } thead th { color: var(--soft); font-size: .87rem; } th:first-child { padding-left: 0; text-align: left; }
td.wrong { color: var(--bad); font-weight: 600; } .confusion td b { font-size: 1.15rem; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(27rem, 100%), 1fr)); gap: 1.25rem 1rem; }
.gallery + svg { margin-top: 1rem; }
.exhibit div { display: flex; gap: 3px; } .exhibit img { flex: 1 1 0; min-width: 0; width: 0; object-fit: fill; border-radius: 2px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: 0; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } h2 { break-after: avoid; }
	.gallery { grid-template-columns: 1fr 1fr; } .beside { flex-wrap: nowrap; } .beside figure { flex: 1; }
	* { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
`;
