import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { holdStation } from '../../src/daemon/held.js';
import type { Child, Ended } from '../../src/process/child.js';
import type { Degraded } from '../../src/protocol/states.js';
import type { StationDown, StationUp } from '../../src/protocol/station-messages.js';
import type { ModelTold } from '../../src/protocol/verdict.js';
import { failureOf } from '../failure-of.js';
import { recipeWith } from '../inspect/inspection.js';
import { cameraWith, startMessage } from '../start-message.js';

const held = suite('a station that is held');

const [ENGINE, OTHER] = ['ab'.repeat(32), 'cd'.repeat(32)];
const start = startMessage(recipeWith(), cameraWith({ source: '0', timeoutMs: 1000 }));

/** A process of functions that is ready at once, and computes with this engine. */
function readyChild(engine: string | null, degraded: Degraded | null) {
	const stops: number[] = [];
	let end: (ended: Ended) => void = () => {};
	const ended = new Promise<Ended>((resolve) => {
		end = resolve;
	});
	const model: ModelTold = {
		name: 'm',
		bundle: 'm@1',
		sha256: ENGINE,
		provider: engine ? 'tensorrt' : 'cpu',
		precision: 'fp32',
		fingerprint: null,
		engine,
	};
	const child: Child<StationDown, StationUp> = {
		pid: 1,
		send: async () => {},
		onMessage: (hear) => hear({ kind: 'ready', message: 'proven', model, degraded }),
		ended,
		stop: async (graceMs) => {
			stops.push(graceMs);
			end({ code: null, signal: 'SIGKILL', stderrTail: '' });
			return ended;
		},
	};
	return { child, stops };
}

const missing: Degraded = { code: 'engine-invalid', message: 'the engine is damaged' };
const signal = new AbortController().signal;

held('takes whatever engine lies there where none is demanded', async () => {
	for (const engine of [null, ENGINE]) {
		const { child, stops } = readyChild(engine, null);
		await using one = await holdStation(start, () => child, signal);
		assert.is(one.message, 'proven');
		assert.equal(stops, []);
	}
});

held('computes with the engine that it is moved to', async () => {
	await using one = await holdStation(start, () => readyChild(ENGINE, null).child, signal, {
		engine: ENGINE,
	});
	assert.is(one.message, 'proven');
});

for (const [what, engine, degraded, message] of [
	['fell back', null, missing, /engine abababab: the engine is damaged$/],
	['computes without one', null, null, /it computes without it$/],
	['found another', OTHER, null, /engine abababab/],
] as const) {
	held(`is ended when it ${what}, and what served goes on`, async () => {
		const { child, stops } = readyChild(engine, degraded);
		const failure = await failureOf(holdStation(start, () => child, signal, { engine: ENGINE }));
		assert.instance(failure, Failure);
		assert.is(failure.code, 'engine-failed');
		assert.match(failure.message, message);
		assert.equal(stops, [0]);
	});
}

held.run();
