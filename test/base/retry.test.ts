import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import {
	eitherOf,
	keepConnected,
	type Pace,
	type Persistence,
	pause,
	realPace,
	timeLimit,
} from '../../src/base/retry.js';

const retry = suite('connecting again and again');

/** A world whose time passes only when somebody waits. */
function world(chance: () => number = () => 0): Pace & { readonly waits: number[]; pass(ms: number): void } {
	let now = 1000;
	const waits: number[] = [];
	return {
		waits,
		now: () => now,
		chance,
		pass: (ms) => {
			now += ms;
		},
		pause: async (ms) => {
			waits.push(ms);
			now += ms;
		},
	};
}

const persistence: Persistence = { firstMs: 100, mostMs: 1000, lastedMs: 5000 };

/** How long each connection stood; undefined: it did not open, which took 10 s. */
type Spells = readonly (number | undefined)[];

async function waitsAfter(spells: Spells, chance?: () => number): Promise<number[]> {
	const pace = world(chance);
	let next = 0;
	await keepConnected(
		async ({ opened }) => {
			const spell = spells[next++];
			if (spell !== undefined) opened();
			pace.pass(spell ?? 10_000);
			return next === spells.length ? 'done' : 'again';
		},
		persistence,
		new AbortController().signal,
		pace,
	);
	return pace.waits;
}

const tables: readonly (readonly [what: string, spells: Spells, waits: readonly number[]])[] = [
	[
		'grow while nothing opens, however long that takes',
		[undefined, undefined, undefined, undefined, undefined, undefined, 0],
		[100, 200, 400, 800, 1000, 1000],
	],
	['grow while connections open and end at once', [0, 10, 4999, 0, 100, 0], [100, 200, 400, 800, 1000]],
	['start over after a connection that lasted', [0, 0, 0, 5000, 0, 0], [100, 200, 400, 100, 200]],
	['start over each time', [9000, 9000, 9000], [100, 100]],
	['end with an attempt that is done', [0], []],
];

for (const [what, spells, waits] of tables)
	retry(`waits ${what}`, async () => assert.equal(await waitsAfter(spells), waits));

retry('never knocks more often than half of its waits allow, whatever the broker does', async () => {
	for (let seed = 1; seed <= 50; seed += 1) {
		const random = randomFrom(seed);
		const spells = Array.from({ length: 30 }, () =>
			random.uniform() < 0.3 ? undefined : random.uniform() * 6000,
		);
		const waits = await waitsAfter(spells, random.uniform);
		let full = 0;
		waits.forEach((wait, i) => {
			full = (spells[i] ?? 0) >= persistence.lastedMs || i === 0 ? 100 : Math.min(1000, full * 2);
			assert.ok(wait >= full / 2 && wait <= full, `seed ${seed}: ${wait} ms of ${full} after ${spells[i]}`);
		});
	}
});

retry('tells an attempt how many before it failed', async () => {
	const told: number[] = [];
	await keepConnected(
		async ({ failed }) => (told.push(failed) === 4 ? 'done' : 'again'),
		persistence,
		new AbortController().signal,
		world(),
	);
	assert.equal(told, [0, 1, 2, 3]);
});

retry('ends when it is told to, in an attempt and in a wait, and leaves no listener behind', async () => {
	const ending = new AbortController();
	let attempts = 0;
	const loop = keepConnected(
		async ({ opened }) => {
			opened();
			attempts += 1;
			if (attempts === 20) setTimeout(() => ending.abort(), 5);
			assert.is(getEventListeners(ending.signal, 'abort').length, 0);
			return 'again';
		},
		{ firstMs: 0, mostMs: 0, lastedMs: 1000 },
		ending.signal,
		{ ...realPace, pause: (ms, signal) => pause(attempts < 20 ? ms : 60_000, signal) },
	);
	await loop;
	assert.is(attempts, 20);
	assert.is(getEventListeners(ending.signal, 'abort').length, 0);
	await keepConnected(() => assert.unreachable() as never, persistence, ending.signal, world());
});

retry('lets a fault of ours through', async () => {
	await keepConnected(
		() => Promise.reject(new TypeError('ours')),
		persistence,
		new AbortController().signal,
		world(),
	).then(
		() => assert.unreachable(),
		(error: Error) => assert.instance(error, TypeError),
	);
});

retry('in a limited time ends in time, whatever is forgotten meanwhile', async () => {
	setFlagsFromString('--expose-gc');
	const forget = runInNewContext('gc') as () => void;
	const ended = (limit: { readonly signal: AbortSignal }) =>
		new Promise<string>((resolve) =>
			limit.signal.addEventListener('abort', () => resolve((limit.signal.reason as Error).message)),
		);
	const never = new AbortController();
	const late = ended(timeLimit(200, never.signal));
	const timer = setInterval(forget, 20);
	assert.is(await late, 'The time is over');
	clearInterval(timer);
	const other = new AbortController();
	using limit = timeLimit(60_000, other.signal);
	const early = ended(limit);
	other.abort(new Error('enough'));
	assert.is(await early, 'enough');
});

retry('waits for either of two signals, and leaves nothing behind at one that lives on', () => {
	const [living, other] = [new AbortController(), new AbortController()];
	for (let i = 0; i < 3; i += 1) {
		using either = eitherOf(living.signal, other.signal);
		assert.not(either.signal.aborted);
		assert.is(getEventListeners(living.signal, 'abort').length, 1);
	}
	assert.is(getEventListeners(living.signal, 'abort').length, 0);
	const dependants = Object.getOwnPropertySymbols(living.signal).find((symbol) =>
		String(symbol).includes('Dependant'),
	);
	const held =
		dependants && (living.signal as unknown as Record<symbol, Set<unknown> | undefined>)[dependants];
	assert.is(held?.size ?? 0, 0);
	using either = eitherOf(living.signal, other.signal);
	other.abort(new Error('enough'));
	assert.is((either.signal.reason as Error).message, 'enough');
	using begun = eitherOf(living.signal, other.signal);
	assert.ok(begun.signal.aborted, 'also of one that is aborted already');
});

retry.run();
