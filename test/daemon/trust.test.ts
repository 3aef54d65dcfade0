import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Expected, type Shown, trustIn } from '../../src/daemon/trust.js';

const trusts = suite('whether a station that has begun does its work');

const ENGINE = 'ab'.repeat(32);
const NEVER = Number.NEGATIVE_INFINITY;

const fresh: Shown = {
	state: 'running',
	error: null,
	degraded: null,
	engine: null,
	judged: 0,
	errors: 0,
	lastError: null,
	restarts: 0,
	begunMs: 100,
	runningMs: 100,
	judgedMs: NEVER,
};
const unplugged = { code: 'camera-unavailable', message: 'it is gone' };
const misfit = { code: 'frame-mismatch', message: 'it is too small' };
const late = { code: 'deadline', message: 'it is late' };
const dead = { code: 'child-died', message: 'it died' };

const cases: readonly (readonly [
	what: string,
	shown: Partial<Shown>,
	expected: Partial<Expected>,
	trust: true | string | undefined,
])[] = [
	[
		'is to be seen while it opens its model, however long',
		{ state: 'starting', begunMs: NEVER, runningMs: NEVER },
		{},
		undefined,
	],
	['is to be seen until a part was judged', { runningMs: 9000, begunMs: 9000 }, {}, undefined],
	['is to be seen for a while after that', { judged: 9, judgedMs: 1999 }, {}, undefined],
	['is so when it has judged parts for a while', { judged: 9, judgedMs: 2000 }, {}, true],
	['is so with one part, where the next comes later', { judged: 1, judgedMs: 2000 }, {}, true],
	['is so when its source has ended', { state: 'finished', judged: 2 }, {}, true],
	['is so when its source has ended without a part', { state: 'finished' }, {}, true],
	[
		'is not when its source had only errors',
		{ state: 'finished', errors: 2, lastError: misfit },
		{},
		'frame-mismatch',
	],
	['is so where nobody knows when parts come', { runningMs: 2000 }, { partsCome: false }, true],
	['is to be seen there for a while', { runningMs: 1999 }, { partsCome: false }, undefined],
	['is not when part after part is an error', { errors: 5, lastError: late }, {}, 'deadline'],
	['is not there either', { errors: 5, lastError: late, runningMs: 1000 }, { partsCome: false }, 'deadline'],
	['is to be seen after few errors', { errors: 4, lastError: misfit }, {}, undefined],
	[
		'is so when some parts are errors',
		{ judged: 20, errors: 20, lastError: misfit, judgedMs: 2000 },
		{},
		true,
	],
	['is not when most are', { judged: 5, errors: 20, lastError: late, judgedMs: 2000 }, {}, 'deadline'],
	[
		'is so when they were before',
		{ judged: 5, errors: 20, lastError: late, judgedMs: 2000 },
		{ failingBefore: 'deadline' },
		true,
	],
	[
		'is to be seen while its camera cannot be opened',
		{ state: 'error', error: unplugged, runningMs: NEVER },
		{},
		undefined,
	],
	[
		'is not when that stays so',
		{ state: 'error', error: unplugged, runningMs: NEVER, begunMs: 20_000 },
		{},
		'camera-unavailable',
	],
	[
		'is so when that was so before',
		{ state: 'error', error: unplugged, runningMs: NEVER },
		{ failingBefore: 'camera-unavailable' },
		true,
	],
	[
		'is not when it was ill of something else',
		{ errors: 5, lastError: misfit, state: 'error', error: misfit },
		{ failingBefore: 'camera-unavailable' },
		'frame-mismatch',
	],
	['is not when it dies', { restarts: 1, state: 'error', error: dead }, {}, 'child-died'],
	['is to be seen when it starts again', { restarts: 1, state: 'starting' }, {}, undefined],
	['is not when no frame comes for long', { begunMs: 20_000, runningMs: 20_000 }, {}, 'camera-silent'],
	[
		'is so with the engine that it is moved to',
		{ judged: 9, judgedMs: 2000, engine: ENGINE },
		{ engine: ENGINE },
		true,
	],
	[
		'is to be seen while that is opened',
		{ state: 'starting', runningMs: NEVER },
		{ engine: ENGINE },
		undefined,
	],
	['is not when it computes without it', { judged: 9, judgedMs: 2000 }, { engine: ENGINE }, 'engine-failed'],
	[
		'is not when it computes with another',
		{ judged: 9, judgedMs: 2000, engine: 'cd' },
		{ engine: ENGINE },
		'engine-failed',
	],
	['is so without one where none is wanted', { judged: 9, judgedMs: 2000, engine: 'cd' }, {}, true],
	['is not when its only part was an error', { begunMs: 20_000, errors: 1, lastError: late }, {}, 'deadline'],
];

for (const [what, shown, expected, trust] of cases)
	trusts(what, () => {
		const usual = {
			partsCome: true,
			failingBefore: undefined,
			engine: undefined,
			steadyMs: 2000,
			patienceMs: 20_000,
		};
		const found = trustIn({ ...fresh, ...shown }, { ...usual, ...expected });
		assert.is(found instanceof Error ? found.code : found, trust);
	});

trusts.run();
