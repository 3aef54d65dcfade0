import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { driftBy } from '../../src/inspect/drift.js';
import type { Manifest } from '../../src/model/manifest.js';
import { drawPart } from '../../src/sim/line.js';
import { comparisonWith, type Look, learnQuality, lookAt, type Measures } from '../../src/vision/quality.js';

const drifting = suite('the drift of a station');

const SIDE = 64;
const size = { width: SIDE, height: SIDE };
const parts = Array.from({ length: 40 }, (_, i) => drawPart(1, i, undefined, SIDE).image.data);
const looks = parts.map((part) => lookAt(part, size));
const quality = learnQuality(looks)!;
const compare = comparisonWith(quality.common);
const measured = ({ own, cells }: Look): Measures => ({ ...own, ...compare(cells) });
const asUsual = looks.map(measured);
const darker = parts.map((part) =>
	measured(
		lookAt(
			part.map((v) => Math.round(0.8 * v)),
			size,
		),
	),
);

const manifest = (of: Manifest['quality']) =>
	({
		calibration: { scores: [0.4, 0.5, 0.6, 0.5, 0.45, 0.55], threshold: 0.6 },
		training: { images: 34, heldOut: 6, folds: 0 },
		quality: of,
	}) as unknown as Parameters<typeof driftBy>[0];

/** What it says of so many parts, each time that it says something else. */
function said(
	of: Manifest['quality'],
	count: number,
	part: (i: number) => { score: number; isDark: boolean },
) {
	const drift = driftBy(manifest(of));
	const told: (readonly [part: number, drifted: readonly string[]])[] = [];
	for (let i = 0; i < count; i += 1) {
		const { score, isDark } = part(i);
		const measures = (isDark ? darker : asUsual)[i % parts.length]!;
		const found = drift.add(score, of && measures, 1000 * i);
		if (!found) continue;
		told.push([i, found.map(({ measure }) => measure)]);
		for (const { since } of found) assert.ok(Date.parse(since) <= 1000 * i);
	}
	return told;
}

const usual = (i: number) => 0.5 + 0.05 * Math.sin(i);

drifting('is none while parts are like those of the lesson', () => {
	assert.equal(
		said(quality, 400, (i) => ({ score: usual(i), isDark: false })),
		[],
	);
});

drifting('tells the measure, the numbers and since when, and that it is over', () => {
	const told = said(quality, 800, (i) => ({ score: usual(i), isDark: i >= 100 && i < 300 }));
	const lightAt = told.find(([, measures]) => measures.includes('light'))?.[0] ?? 0;
	assert.ok(lightAt > 100 && lightAt < 200, `${lightAt}`);
	assert.not.ok(told.some(([, measures]) => measures.includes('score')));
	assert.equal(told.at(-1)?.[1], []);
});

drifting('of scores alone is told of by bundles that do not know pictures', () => {
	const told = said(null, 200, (i) => ({ score: usual(i) + (i >= 50 ? 0.2 : 0), isDark: false }));
	assert.is(told.length, 1);
	const [[part, measures]] = told as [(typeof told)[0]];
	assert.equal(measures, ['score']);
	assert.ok(part > 50 && part < 100, `${part}`);
});

drifting.run();
