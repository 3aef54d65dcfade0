import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScoredImage } from '../../src/evaluate/evaluation.js';
import { worthALook } from '../../src/evaluate/exhibits.js';
import { type Report, reportHtml } from '../../src/evaluate/report.js';

const test = suite('report');

test('the page needs nothing beside it: no script, no address, no file', () => {
	const html = reportHtml(reportOf());
	assert.not.match(html, '<script');
	assert.not.match(html, /(href|src|url)\s*[=(]\s*["']?(?!data:image\/)/);
	assert.not.match(html, 'http');
});

test('the page says what the figures say', () => {
	const html = reportHtml(reportOf());
	assert.match(html, '1 of 2 good parts would be rejected and 1 of 3 defective parts would pass');
	assert.match(html, '<b>0.6667</b> image AUROC');
	assert.match(html, '<b>–</b> aupro_0.3');
	assert.match(html, '<td class="wrong"><b>1</b> false rejects</td>');
	assert.match(html, '<td class="wrong"><b>1</b> escapes</td>');
	assert.match(html, '<dt>bundle</dt><dd>bottle</dd>');
	assert.match(html, 'median 3.0 ms, 95 % within 5.0 ms, longest 5.0 ms');
});

test('names cannot break out of the text', () => {
	const html = reportHtml(reportOf({ title: '<img src=x>', facts: [['"a" & b', '</dl><b>']] }));
	assert.not.match(html, '<img src=x>');
	assert.match(html, '&lt;img src=x&gt;');
	assert.match(html, '<dt>&quot;a&quot; &amp; b</dt><dd>&lt;/dl&gt;&lt;b&gt;</dd>');
});

test('pictures stand in the page, each in its format and aspect', () => {
	const jpeg = Uint8Array.of(0xff, 0xd8, 1);
	const png = Uint8Array.of(0x89, 0x50, 2);
	const exhibit = { ...scoredOf('cut', 1), aspect: 1.5, picture: jpeg, heatmap: jpeg, truth: png };
	const html = reportHtml(
		reportOf({
			galleries: [{ title: 'Escapes', note: 'Look.', exhibits: [exhibit, { ...exhibit, truth: null }] }],
		}),
	);
	assert.is(html.split('data:image/jpeg;base64,/9gB').length - 1, 4);
	assert.is(html.split('data:image/png;base64,iVAC').length - 1, 1);
	assert.match(html, 'aspect-ratio:1.5000');
	assert.match(html, '<h2>Escapes</h2>');
});

test('a curve that cannot be drawn is left out', () => {
	const both = reportHtml(reportOf({ proCurve: [0, 0.5, 1] }));
	assert.is(both.split('<svg').length - 1, 3);
	assert.is(reportHtml(reportOf()).split('<svg').length - 1, 2);
	const { figures } = reportOf();
	const goodOnly = reportHtml(
		reportOf({ figures: { ...figures, imageAuroc: null }, scored: [scoredOf('good', 1)] }),
	);
	assert.is(goodOnly.split('<svg').length - 1, 1);
	assert.not.match(goodOnly, 'Curves');
});

test('no chart holds a number that is none, even when all scores are equal', () => {
	for (const score of [0, 2, 1e-9, 1e9]) {
		const scored = [scoredOf('good', score), scoredOf('cut', score)];
		const html = reportHtml(reportOf({ scored, figures: { ...reportOf().figures, threshold: score } }));
		assert.not.match(html, /NaN|Infinity|undefined/);
	}
});

test('the bars of the histogram add up to the images, those above the threshold to its right', () => {
	const scored = [1, 2, 2, 2.5, 7].map((score) => scoredOf('good', score));
	const html = reportHtml(
		reportOf({ scored, figures: { ...reportOf().figures, threshold: 2, imageAuroc: null } }),
	);
	const limit = Number(/<line class="limit" x1="([\d.]+)"/.exec(html)?.[1]);
	const bars = [
		...html.matchAll(/<rect class="good" x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="([\d.]+)"/g),
	].map(([, x, width, height]) => ({
		x: Number(x),
		right: Number(x) + Number(width),
		height: Number(height),
	}));
	// 1 | 2, 2 | 2.5 | 7: four bars, the second twice as tall and ending at the threshold.
	assert.is(bars.length, 4);
	assert.ok(Math.abs(bars[1]!.height - 2 * bars[0]!.height) < 0.2);
	assert.ok(bars[1]!.right <= limit && limit - bars[1]!.right < 1.5);
	assert.ok(bars[2]!.x >= limit);
});

test('the mark on the curve is what the threshold does', () => {
	const html = reportHtml(reportOf());
	const corner = (name: string) =>
		Number(new RegExp(`<circle class="limit"[^>]* ${name}="([\\d.]+)"`).exec(html)?.[1]);
	const [, left, bottom] = /<polyline class="line" points="([\d.]+),([\d.]+) /.exec(html)!.map(Number);
	const [, right, top] = / ([\d.]+),([\d.]+)"/.exec(html.slice(html.indexOf('<polyline')))!.map(Number);
	// One of two good parts is rejected, two of three defects are found.
	assert.ok(Math.abs((corner('cx') - left!) / (right! - left!) - 1 / 2) < 0.01);
	assert.ok(Math.abs((corner('cy') - bottom!) / (top! - bottom!) - 2 / 3) < 0.01);
});

test('heatmaps come with the colours that they are drawn in', () => {
	const exhibit = {
		...scoredOf('cut', 1),
		aspect: 1,
		picture: new Uint8Array(3),
		heatmap: new Uint8Array(3),
		truth: null,
	};
	const html = reportHtml(
		reportOf({ galleries: [{ title: 'Escapes', note: 'Look.', exhibits: [exhibit] }] }),
	);
	assert.match(html, '0.5 usual on good parts');
	assert.match(html, '2 threshold');
});

test('the worst come first, then the close calls', () => {
	const scored = [
		...[5, 1, 3, 2.5].map((score) => scoredOf('cut', score)),
		...[0.5, 2, 4, 6].map((score) => scoredOf('good', score)),
	];
	const shown = worthALook(scored, 2.5).map(({ title, images }) => [
		title,
		...images.map(({ score }) => score),
	]);
	assert.equal(shown, [
		['Escapes', 1, 2.5],
		['False rejects', 6, 4],
		['Close calls', 3, 5, 2, 0.5],
	]);
});

test('no more pictures are shown than a page can bear, and the rest is said', () => {
	const scored = Array.from({ length: 40 }, (_, i) => scoredOf('cut', i));
	const [escapes, falseRejects] = worthALook(scored, 100);
	assert.is(escapes!.images.length, 12);
	assert.match(escapes!.note, '12 of 40');
	assert.is(falseRejects!.note, 'None.');
});

function reportOf(changes: Partial<Report> = {}): Report {
	return {
		title: 'bottle',
		figures: {
			images: 5,
			imageAuroc: 2 / 3,
			pixelAuroc: null,
			proRd4ad: null,
			aupro03: null,
			threshold: 2,
			falseRejects: 1,
			escapes: 1,
			msPerImage: 3,
			withoutSiblings: null,
		},
		scored: [
			scoredOf('good', 1, 1),
			scoredOf('good', 3, 2),
			scoredOf('cut', 1.5, 3),
			scoredOf('cut', 2.5, 4),
			scoredOf('spot', 4, 5),
		],
		proCurve: [],
		facts: [['bundle', 'bottle']],
		scale: { low: 0.5, threshold: 2 },
		galleries: [],
		...changes,
	};
}

function scoredOf(kind: string, score: number, ms = 1): ScoredImage {
	return { path: `${kind}.png`, name: `${kind}.png`, kind, mask: null, score, ms };
}

test.run();
