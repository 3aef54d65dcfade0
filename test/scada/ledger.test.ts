import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { examples } from '../../src/protocol/examples.js';
import { topics } from '../../src/protocol/topics.js';
import { cases, inWords, late, type Message, MIN, message, S, verdict } from './cases.js';
import { EXAMPLES, type Said } from './plant.js';

const ledgers = suite('docs/scada/ledger.mjs');

type Ledger = { readonly stations: Record<string, { holes: unknown[] }> };
type Module = {
	openLedger(saved: object, nowMs: number, patienceMs?: number): Ledger;
	heard(ledger: Ledger, message: Message, sha256: (bytes: Buffer) => string, nowMs: number): Said[];
	overdue(ledger: Ledger, nowMs: number): Said[];
};
const { openLedger, heard, overdue }: Module = await import(`${EXAMPLES}ledger.mjs`);

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
/** What is said of messages that come at their times, in few words; a time alone asks what is overdue. */
function told(...steps: readonly (Message | number)[]): string[] {
	const ledger = openLedger({}, 0);
	let nowMs = 0;
	return steps.flatMap((step) => {
		if (typeof step === 'number') {
			nowMs = step;
			return overdue(ledger, nowMs).map(inWords);
		}
		return heard(ledger, step, sha256, nowMs).map(inWords);
	});
}

for (const [title, [steps, wanted]] of Object.entries(cases))
	ledgers(title, () => assert.equal(told(...steps), wanted));

const jpeg = Buffer.from([0xff, 0xd8, 1, 2, 3]);
const place = 't/s/heatmap/9c1f04d2ab34-1007/0';
const shown = (bytes: Buffer) =>
	verdict(7, {
		verdict: 'reject',
		resultEvaluation: 'NotOK',
		heatmaps: [{ ...examples.verdict.heatmaps[0], topic: `inspectord/${place}`, sha256: sha256(bytes) }],
	});
const picture: Message = { topic: `inspectord/${place}`, payload: jpeg, retain: false };

const pictures: Readonly<Record<string, readonly [readonly (Message | number)[], readonly string[]]>> = {
	'a picture after its verdict': [
		[shown(jpeg), picture],
		['part 7 not good', 'picture whole'],
	],
	'a picture before its verdict': [
		[picture, shown(jpeg)],
		['part 7 not good', 'picture whole'],
	],
	'a picture of other bytes': [
		[shown(Buffer.from('x')), picture],
		['part 7 not good', 'picture another'],
	],
	'a picture that does not come': [
		[shown(jpeg), 60 * MIN],
		['part 7 not good', 'picture missing'],
	],
};

for (const [title, [steps, wanted]] of Object.entries(pictures))
	ledgers(`${title} is matched`, () => assert.equal(told(...steps), wanted));

ledgers('goes on after a restart, and waits anew for what was said meanwhile', () => {
	const before = openLedger({}, 0);
	for (const one of [verdict(1), verdict(5)]) heard(before, one, sha256, 0);
	const saved = JSON.parse(JSON.stringify(before));
	const after = openLedger(saved, 3600 * S);
	assert.equal(overdue(after, 3601 * S), []);
	assert.equal(heard(after, verdict(5), sha256, 3601 * S).map(inWords), ['repeated 5']);
	assert.equal(heard(after, late(3), sha256, 3601 * S).map(inWords), ['part 3']);
	assert.equal(overdue(after, 3661 * S).map(inWords), ['missing 2-2', 'missing 4-4']);
});

ledgers('stays bounded whatever it hears', () => {
	const ledger = openLedger({}, 0);
	for (let i = 0; i < 5000; i += 1) {
		heard(ledger, verdict(2 * i + 1), sha256, 0);
		heard(ledger, { ...picture, topic: `inspectord/t/s/heatmap/9c1f04d2ab34-${i}/0` }, sha256, 0);
		heard(ledger, message(`b${i}/state`, { schema: 1, box: `b${i}`, state: 'online' }), sha256, 0);
		heard(ledger, verdict(1, { id: `${i}-1`, station: `s${i}` }), sha256, 0);
	}
	assert.ok(JSON.stringify(ledger).length < 1_000_000);
});

/** What is said to who asked, edits, or looks after the machine. */
const UNHEARD = [
	...[
		'answer',
		'progress',
		'snapshot',
		'lesson',
		'configuration',
		'configurationSchema',
		'engines',
		'report',
	],
];

ledgers('its subscriptions are all that the box says, but for what is said to those who ask and edit', () => {
	const text = readFileSync(`${EXAMPLES}watch.mjs`, 'utf8');
	const said = Object.entries(topics).filter(
		([name, { direction, payload }]) => direction === 'out' && payload !== 'text' && !UNHEARD.includes(name),
	);
	const filters = said.map(
		([, { pattern }]) => `'${pattern.replace('{root}/', '').replace(/\{\w+\}/g, '+')}'`,
	);
	const listed = /const topics = \[(.*)\];/.exec(text)![1]!.split(', ');
	assert.equal(listed.sort(), filters.sort());
});

ledgers.run();
