import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRecorder } from '../../src/daemon/record.js';
import { noCounts, type StationState, stationState } from '../../src/protocol/states.js';
import { errorVerdict } from '../../src/protocol/verdict.js';
import { verdictMessage } from '../../src/protocol/verdict-message.js';
import { origin } from '../origin.js';
import { journalIn } from '../sqlite/journals.js';
import { temporaryFolder } from '../tiny-bundle.js';

const record = suite('what is recorded');

const verdictOf = (runSequence: number, message = 'it is broken', station = 's') =>
	errorVerdict(
		{ ...origin, station },
		{ runSequence, frame: null, part: null, trigger: null, taken: { wallMs: 0, monotonicMs: 0 } },
		{ code: 'child-died', message },
	);

const stateOf = (state: StationState['state'], message?: string, station = 's') =>
	stationState(
		{
			state,
			model: null,
			threshold: null,
			error: message === undefined ? null : { code: 'child-died', message },
			degraded: null,
			drift: [],
		},
		{ box: 't', station, recipe: 'r' },
		noCounts,
		0,
	);

/** A real journal in a folder of its own, and the door into it. */
async function recording(secrets: readonly string[] = []) {
	const folder = await temporaryFolder();
	const journal = await journalIn(folder.path);
	const log = () => {};
	const now = () => performance.now();
	const clock = () => ({ synchronised: true, since: '2026-01-01T00:00:00.000Z' });
	return {
		journal,
		recorder: createRecorder({ journal, secrets, clock, now, log }),
		[Symbol.asyncDispose]: async () => {
			await journal[Symbol.asyncDispose]();
			await folder[Symbol.asyncDispose]();
		},
	};
}

/** A link of functions: what is retained, as `topic state`. */
function linkOf() {
	const retained: string[] = [];
	const link = {
		retain: (topic: string, payload: Uint8Array) => {
			retained.push(`${topic} ${JSON.parse(new TextDecoder().decode(payload)).state}`);
		},
	};
	return { link, retained };
}

record('tells every verdict that stands in the journal to whoever hears it, until that is over', async () => {
	await using world = await recording();
	const { recorder } = world;
	const heard: (number | null)[] = [];
	const hearing = recorder.hearVerdicts(({ sequence }) => heard.push(sequence));
	await recorder.verdict(verdictOf(1), []);
	await recorder.verdict(verdictOf(2), []);
	hearing[Symbol.dispose]();
	await recorder.verdict(verdictOf(3), []);
	assert.equal(heard, [1, 2]);
});

record('numbers verdicts by station without a hole, with the quality of the clock', async () => {
	await using world = await recording();
	const { recorder } = world;
	const told = [verdictOf(1), verdictOf(1, 'x', 'u'), verdictOf(2)].map((one) => recorder.verdict(one, []));
	const events = (await Promise.all(told)).filter((event) => event !== undefined);
	assert.equal(
		events.map(({ station, sequence }) => [station, sequence]),
		[
			['s', 1],
			['u', 1],
			['s', 2],
		],
	);
	const first = verdictMessage(events[0]!, { series: 'f', root: 'x', publishedMs: 0, late: false });
	assert.equal(first.clock, { synchronised: true, since: '2026-01-01T00:00:00.000Z' });
	const moments = recorder.momentsOf(events[0]!.id)!;
	assert.ok(moments.recordedMs >= moments.heardMs);
	assert.is(recorder.momentsOf(99), undefined);
});

record(
	'keeps the pictures of a verdict in their order, and a frame of it, also when another verdict came between',
	async () => {
		await using world = await recording();
		const { recorder, journal } = world;
		const first = recorder.verdict(verdictOf(1), [Buffer.from('a'), Buffer.from('b')]);
		const second = recorder.verdict(verdictOf(2), []);
		recorder.kept(verdictOf(1), Buffer.from('frame'));
		recorder.kept(verdictOf(3), Buffer.from('lost'));
		recorder.kept(verdictOf(2), Buffer.from('frame 2'));
		await recorder.settled(30_000);
		const kept = await journal.pictures({ from: 0, to: Number.POSITIVE_INFINITY }, 10);
		const shown = kept.map(async ({ event, role, index, hash }) => [
			event,
			role,
			index,
			Buffer.from((await journal.readPicture(hash))!).toString(),
		]);
		const [a, b] = [(await first)!.id, (await second)!.id];
		assert.equal(await Promise.all(shown), [
			[a, 'heatmap', 0, 'a'],
			[a, 'heatmap', 1, 'b'],
			[a, 'frame', 0, 'frame'],
			[b, 'frame', 0, 'frame 2'],
		]);
	},
);

record('shows no secret in a verdict or a state, also none that is learnt later', async () => {
	const secrets: string[] = [];
	await using world = await recording(secrets);
	const { recorder, journal } = world;
	secrets.push('geheim7');
	const said = await recorder.verdict(verdictOf(1, 'no answer from geheim7'), []);
	assert.not.match(JSON.stringify(said), /geheim/);
	assert.not.match(JSON.stringify(recorder.state(stateOf('error', 'no answer from geheim7'))), /geheim/);
	await recorder.settled(30_000);
	const all = await journal.events({ from: 0, to: Number.POSITIVE_INFINITY }, 10);
	assert.is(all.length, 2);
	assert.not.match(JSON.stringify(all), /geheim/);
});

record(
	'notes what was found after a deadline for information: no verdict, no number, no secret',
	async () => {
		await using world = await recording(['geheim7']);
		const { recorder, journal } = world;
		await recorder.verdict(verdictOf(1), []);
		const found = { ...verdictOf(1, 'no answer from geheim7'), verdict: 'accept', score: 0.25 } as const;
		recorder.late(found, 1234.4);
		const next = await recorder.verdict(verdictOf(2), []);
		await recorder.settled(30_000);
		const all = await journal.events({ from: 0, to: Number.POSITIVE_INFINITY }, 10);
		const late = all.find(({ kind }) => kind === 'late')!;
		assert.equal([late.verdict, late.sequence, late.score, late.station], [null, null, 0.25, 's']);
		const { found: is, byMs, runSequence } = late.body as Readonly<Record<string, unknown>>;
		assert.equal([is, byMs, runSequence], ['accept', 1234, 1]);
		assert.not.match(JSON.stringify(late), /geheim/);
		assert.is(next!.sequence, 2);
	},
);

record('goes on when the journal could not hold a verdict or a picture', async () => {
	await using world = await recording();
	const nothing = { ...world.journal, owed: [], append: async () => [], keep: async () => [] };
	const clock = () => ({ synchronised: null, since: null });
	const lines: string[] = [];
	const log = (level: string, about: string, message: string) => lines.push(`${level} ${about} ${message}`);
	const recorder = createRecorder({ journal: nothing, secrets: [], clock, now: () => 0, log });
	assert.is(await recorder.verdict(verdictOf(1), [Buffer.from('a')]), undefined);
	recorder.kept(verdictOf(1), Buffer.from('frame'));
	recorder.state(stateOf('running'));
	await recorder.settled(30_000);
	assert.equal(lines, []);
});

record('notes what a station does when it changes, not each time that it is told', async () => {
	await using world = await recording();
	const { recorder, journal } = world;
	const drift: StationState['drift'] = [
		{
			...{ measure: 'light', window: 'slow', usual: 7, mean: 6.8, deviations: -2, parts: 40 },
			since: new Date(0).toISOString(),
		},
	];
	for (const told of [
		stateOf('starting'),
		stateOf('running'),
		stateOf('running'),
		stateOf('error', 'it is gone'),
		stateOf('error', 'it is gone'),
		stateOf('error', 'it is still gone'),
		stateOf('running'),
		{ ...stateOf('running'), degraded: { code: 'engine-missing', message: 'there is none' } },
		{ ...stateOf('running'), degraded: { code: 'engine-missing', message: 'there is none' } },
		stateOf('running'),
		{ ...stateOf('running'), drift },
		// The same has drifted further.
		{ ...stateOf('running'), drift: [{ ...drift[0]!, parts: 200 }] },
	] satisfies StationState[])
		recorder.state(told);
	await recorder.settled(30_000);
	const all = await journal.events({ from: 0, to: Number.POSITIVE_INFINITY }, 10);
	assert.equal(
		all.map(({ body }) => {
			const { state, error, degraded, drift } = body as StationState;
			return [state, error?.message ?? degraded?.code ?? drift[0]?.measure];
		}),
		[
			['starting', undefined],
			['running', undefined],
			['error', 'it is gone'],
			['error', 'it is still gone'],
			['running', undefined],
			['running', 'engine-missing'],
			['running', undefined],
			['running', 'light'],
		],
	);
});

record('says the last state of every station again through another link, below its root', async () => {
	await using world = await recording();
	const { recorder } = world;
	const old = linkOf();
	recorder.speakThrough(old.link, 'x');
	recorder.state(stateOf('starting'));
	recorder.state(stateOf('running'));
	recorder.speakThrough(undefined, 'x');
	recorder.state(stateOf('error', 'it is gone', 'u'));
	const next = linkOf();
	recorder.speakThrough(next.link, 'y');
	assert.equal(old.retained, ['x/t/s/state starting', 'x/t/s/state running']);
	assert.equal(next.retained, ['y/t/s/state running', 'y/t/u/state error']);
	await recorder.settled(30_000);
});

record.run();
