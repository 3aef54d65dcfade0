import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../src/protocol/events.js';
import {
	type Clock,
	errorVerdict,
	type Origin,
	type Part,
	REASONS,
	reasonFor,
	type StationVerdict,
	unjudged,
	unknownClock,
	verdictSchema,
} from '../../src/protocol/verdict.js';
import { partKey, verdictEntry, verdictMessage } from '../../src/protocol/verdict-message.js';

const messages = suite('the message of a verdict');

const origin: Origin = {
	box: 'cell-4',
	station: 'lid',
	recipe: 'lid',
	boot: '3f0d…',
	run: 'f3e910fc',
	model: {
		name: 'lid',
		bundle: 'lid@5e81c08b',
		sha256: '0'.repeat(64),
		provider: 'cpu',
		precision: 'int8',
		fingerprint: null,
		engine: null,
	},
	threshold: 1,
	revision: null,
	isSimulated: true,
};
const part: Part = {
	runSequence: 3,
	frame: '3.png',
	part: null,
	trigger: null,
	taken: { wallMs: 1_700_000_000_000, monotonicMs: 1234.5678 },
};
const box = { x: 1, y: 2, width: 3, height: 4 };
const rejected: StationVerdict = {
	...unjudged(origin, part),
	verdict: 'reject',
	score: 1e9,
	regions: [{ box, peak: 1e9, area: 7.25 }],
	heatmaps: [
		{ box, peak: 1e9, bytes: 10, sha256: '1'.repeat(64) },
		{ box, peak: 2, bytes: 20, sha256: '2'.repeat(64) },
	],
	latency: { waitMs: 1, prepareMs: 2, modelMs: 30, decideMs: 0.5, drawMs: 5 },
};
const clock: Clock = { synchronised: true, since: '2023-11-14T00:00:00.000Z' };

/** What the journal makes of an entry: it comes back out of JSON. */
const eventOf = (verdict: StationVerdict, told = clock): Event => {
	const { settles, ...entry } = verdictEntry(verdict, told);
	assert.is(settles, partKey(verdict.origin, verdict));
	return { ...JSON.parse(JSON.stringify(entry)), id: 17, sequence: 5, recordedMs: 1_700_000_000_050 };
};
const told = { series: 'ab12', root: 'acme/north', publishedMs: 1_700_000_000_060, late: false };

messages('of an older program, which knew of no engines, is as the contract of today says', () => {
	const event = eventOf(rejected);
	const { fingerprint: _, engine: __, ...model } = origin.model!;
	const message = verdictMessage({ ...event, origin: { ...event.origin, model } }, told);
	assert.equal(verdictSchema.parse(message).model, { ...model, fingerprint: null, engine: null });
	assert.equal(Object.keys(message.model!), Object.keys(verdictMessage(event, told).model!));
});

messages('says everything of a reject, and where its pictures go', () => {
	const message = verdictMessage(eventOf(rejected), { ...told, recordMs: 4, publishMs: 0.5 });
	assert.equal(message, {
		schema: 1,
		id: 'ab12-17',
		box: 'cell-4',
		station: 'lid',
		recipe: 'lid',
		sequence: 5,
		boot: '3f0d…',
		run: 'f3e910fc',
		runSequence: 3,
		part: null,
		trigger: null,
		verdict: 'reject',
		resultEvaluation: 'NotOK',
		reason: 'above-threshold',
		error: null,
		score: 1e9,
		threshold: 1,
		margin: 1e9 - 1,
		regions: [{ box, peak: 1e9, area: 7.25 }],
		heatmaps: [
			{
				box,
				peak: 1e9,
				bytes: 10,
				sha256: '1'.repeat(64),
				topic: 'acme/north/cell-4/lid/heatmap/ab12-17/0',
			},
			{
				box,
				peak: 2,
				bytes: 20,
				sha256: '2'.repeat(64),
				topic: 'acme/north/cell-4/lid/heatmap/ab12-17/1',
			},
		],
		frame: '3.png',
		times: {
			captured: '2023-11-14T22:13:20.000Z',
			scored: '2023-11-14T22:13:20.033Z',
			recorded: '2023-11-14T22:13:20.050Z',
			published: '2023-11-14T22:13:20.060Z',
		},
		latency: {
			waitMs: 1,
			prepareMs: 2,
			modelMs: 30,
			decideMs: 0.5,
			drawMs: 5,
			recordMs: 4,
			publishMs: 0.5,
		},
		monotonicMs: 1234.57,
		clock,
		model: origin.model,
		revision: null,
		isSimulated: true,
		late: false,
	});
	assert.equal(verdictSchema.parse(message), message);
});

messages('says of a part that nobody looked at that it is not decidable, and why', () => {
	const unknown = { ...origin, model: null, threshold: null };
	const failed = errorVerdict(unknown, part, { code: 'child-died', message: 'Station "lid" died' });
	const message = verdictMessage(eventOf(failed, unknownClock), { ...told, late: true });
	const { verdict, resultEvaluation, reason, error, score, margin, times, late } = message;
	assert.equal(
		{ verdict, resultEvaluation, reason, error, score, margin, scored: times.scored, late },
		{
			verdict: 'error',
			resultEvaluation: 'NotDecidable',
			reason: 'child-died',
			error: { code: 'child-died', message: 'Station "lid" died' },
			score: null,
			margin: null,
			scored: null,
			late: true,
		},
	);
	assert.ok(Object.values(message.latency).every((ms) => ms === null));
	assert.equal(verdictSchema.parse(message), message);
});

messages('says what a verdict that could not be proven lacks, and its failure in words', () => {
	const error = {
		code: 'verdict-unproven',
		message: 'the score came 51 ms late',
		doubt: 'too-late',
	} as const;
	const message = verdictMessage(eventOf({ ...rejected, verdict: 'error', error }), told);
	assert.is(message.reason, 'too-late');
	assert.equal(message.error, { code: 'verdict-unproven', message: 'the score came 51 ms late' });
	assert.equal(verdictSchema.parse(message), message);
});

messages('gives each verdict a reason of a closed list, or none', () => {
	assert.is(reasonFor({ verdict: 'accept', error: null }), null);
	assert.is(reasonFor({ verdict: 'reject', error: null }), 'above-threshold');
	for (const doubt of ['score-invalid', 'too-late', 'model-mistaken', 'provider-mistaken'] as const)
		assert.is(
			reasonFor({ verdict: 'error', error: { code: 'verdict-unproven', message: '', doubt } }),
			doubt,
		);
	for (const code of ['model-failed', 'station-silent'])
		assert.is(reasonFor({ verdict: 'error', error: { code, message: '' } }), code);
	for (const code of ['toString', 'usage', '__proto__', ''])
		assert.is(reasonFor({ verdict: 'error', error: { code, message: '' } }), 'child-died');
	assert.ok(Object.values(REASONS).every((summary) => summary.length > 10));
});

messages('keeps what verdicts of a run share apart from what is their own', () => {
	const first = verdictEntry(rejected, clock);
	const second = verdictEntry({ ...rejected, runSequence: 4, score: 2 }, clock);
	assert.equal(first.origin, second.origin);
	assert.not.ok('threshold' in first.body || 'box' in first.body || 'origin' in first.body);
});

messages.run();
