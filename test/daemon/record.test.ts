import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRecorder } from '../../src/daemon/record.js';
import type { BrokerLink } from '../../src/mqtt/link.js';
import { noCounts, type StationState, stationState } from '../../src/protocol/states.js';
import { errorVerdict, type Origin } from '../../src/protocol/verdict.js';

const record = suite('what is recorded');

const origin: Origin = {
	box: 't',
	station: 's',
	recipe: 'r',
	boot: null,
	run: 'run',
	model: null,
	threshold: 0.5,
	revision: null,
	isSimulated: false,
};

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
		},
		{ box: 't', station, recipe: 'r' },
		noCounts,
		0,
	);

/** A link of functions: what is retained, as `topic state`. */
function linkOf() {
	const retained: string[] = [];
	let woken = 0;
	const link: BrokerLink = {
		name: 'mqtt',
		connected: true,
		connections: 1,
		troubles: { refused: [], lacks: [] },
		wake: () => {
			woken += 1;
		},
		tell: () => {},
		retain: (topic, payload) => {
			retained.push(`${topic} ${JSON.parse(new TextDecoder().decode(payload)).state}`);
		},
		[Symbol.asyncDispose]: async () => {},
	};
	return { link, retained, woken: () => woken };
}

record('numbers verdicts by station without a hole, whoever says them', () => {
	const recorder = createRecorder([]);
	const { link, woken } = linkOf();
	recorder.speakThrough(link, 'x/y');
	const first = recorder.verdict(verdictOf(1), []);
	recorder.speakThrough(undefined, 'x/y');
	const other = recorder.verdict(verdictOf(1, 'x', 'u'), []);
	const second = recorder.verdict(verdictOf(1), []);
	assert.equal(
		[first, second, other].map(({ station, sequence }) => [station, sequence]),
		[
			['s', 1],
			['s', 2],
			['u', 1],
		],
	);
	assert.is(new Set([first, second, other].map(({ id }) => id)).size, 3);
	assert.is(recorder.waiting.length, 3);
	assert.is(recorder.waiting.next()?.topic, 'x/y/t/s/verdict');
	assert.is(woken(), 2);
});

record('shows no secret in a verdict or a state, also none that is learnt later', () => {
	const secrets: string[] = [];
	const recorder = createRecorder(secrets);
	secrets.push('geheim7');
	const said = recorder.verdict(verdictOf(1, 'no answer from geheim7'), []);
	assert.not.match(JSON.stringify(said), /geheim/);
	assert.not.match(new TextDecoder().decode(recorder.waiting.next()!.payload), /geheim/);
	assert.not.match(JSON.stringify(recorder.state(stateOf('error', 'no answer from geheim7'))), /geheim/);
});

record('says the last state of every station again through another link, below its root', () => {
	const recorder = createRecorder([]);
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
	assert.is(next.woken(), 1);
});

record.run();
