import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { type Ranges, within } from '../../src/base/ranges.js';
import { type Cursor, type CursorSettings, createCursor } from '../../src/mqtt/cursor.js';
import type { Outgoing } from '../../src/mqtt/outlet.js';

const cursor = suite('a cursor in the journal');

type Item = { readonly id: number };
const OPEN = Number.POSITIVE_INFINITY;
const anything = () => false;

/** A journal whose items are there or were taken by retention, and a clock that is told. */
function world(
	settings: Partial<CursorSettings> & {
		readonly undelivered?: Ranges;
		readonly readTurns?: () => number;
	} = {},
) {
	const { undelivered = [{ from: 1, to: OPEN }], last = 0, readTurns = () => 0 } = settings;
	const taken = new Set<number>();
	const refused: [number, string][] = [];
	const state = { nowMs: 0, newest: last, left: undelivered, reads: 0 };
	/** The first of them are gaps. */
	const kindOf = ({ id }: Item) => (id < 9 ? 'gap' : 'verdict');
	const of = (id: number, late: boolean): Outgoing => ({
		topic: 't',
		payload: Buffer.from(JSON.stringify({ id, late })),
		kind: kindOf({ id }),
	});
	const made: Cursor = createCursor<Item>(
		undelivered,
		{
			read: async ({ from, to }, limit) => {
				state.reads += 1;
				for (let turns = readTurns(); turns > 0; turns -= 1) await settled();
				const items: Item[] = [];
				for (let id = from; id <= Math.min(to, state.newest) && items.length < limit; id += 1)
					if (!taken.has(id)) items.push({ id });
				return { items, upTo: items.length < limit ? to : items.at(-1)!.id };
			},
			kindOf,
			message: ({ id }, late) => of(id, late),
			receiptOf: ({ id }) => String(id),
			left: (ranges) => {
				state.left = ranges;
			},
			refused: ({ id }, why) => refused.push([id, why]),
			wake: () => {},
			now: () => state.nowMs,
		},
		{ last, freshMs: 5000, ahead: 64, ...settings },
	);
	return {
		cursor: made,
		state,
		taken,
		refused,
		arrive: (count = 1) => {
			state.newest += count;
			made.arrived(state.newest);
		},
		/** Ids that are still to be delivered, up to the newest. */
		left: () =>
			within(state.left, { from: 1, to: state.newest }).flatMap(({ from, to }) =>
				Array.from({ length: to - from + 1 }, (_, i) => from + i),
			),
	};
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const read = ({ payload }: Outgoing) =>
	JSON.parse(Buffer.from(payload).toString()) as { readonly id: number; readonly late: boolean };

cursor(
	'says everything at least once, whatever is acknowledged, put off, refused or cut off in which order',
	async () => {
		for (let seed = 1; seed <= 60; seed += 1) {
			const random = randomFrom(seed);
			const before = random.below(300);
			const {
				cursor: source,
				state,
				taken,
				refused,
				arrive,
				left,
			} = world({
				last: before,
				ahead: 8,
				freshMs: 300,
				readTurns: () => random.below(6),
			});
			let flight: Outgoing[] = [];
			const delivered = new Set<number>();
			for (let step = 0; step < 1500; step += 1) {
				state.nowMs += random.below(100);
				if (state.newest < 900 && random.below(3) === 0) arrive(1 + random.below(3));
				if (random.below(400) === 0) for (let id = 1; id < 40; id += 1) taken.add(id);
				const isSlow = step % 500 > 250 && random.below(4) > 0;
				const message = flight.length < 64 && !isSlow ? source.next(anything) : undefined;
				if (message) flight.push(message);
				else await settled();
				const chosen = flight[random.below(flight.length + 1)];
				if (!chosen) continue;
				const deed = random.below(20);
				if (deed < 14) {
					source.acknowledge(chosen);
					delivered.add(read(chosen).id);
				} else if (deed < 17) source.postpone(chosen);
				else if (deed < 18) source.refuse(chosen, 'no');
				else source.recall();
				flight = deed < 18 ? flight.filter((other) => other !== chosen) : [];
				const accounted = (id: number) =>
					delivered.has(id) || taken.has(id) || refused.some(([n]) => n === id);
				const open = new Set(left());
				for (let id = 1; id <= state.newest; id += 1)
					assert.ok(open.has(id) || accounted(id), `seed ${seed}: ${id} is neither delivered nor left`);
			}
			source.recall();
			for (let idle = 0; idle < 20; ) {
				const message = source.next(anything);
				if (!message) {
					idle += 1;
					await settled();
					continue;
				}
				idle = 0;
				source.acknowledge(message);
				assert.not.ok(taken.has(read(message).id) && read(message).id > 40);
			}
			assert.equal(left(), [], `seed ${seed}`);
			assert.is(source.depth, 0);
			assert.ok(source.settled);
		}
	},
);

cursor('says what is fresh first, and gives the backlog each fourth turn', async () => {
	const { cursor: source, arrive } = world({ last: 1000 });
	arrive(40);
	await settled();
	const said = Array.from({ length: 40 }, () => read(source.next(anything)!));
	assert.is(said.filter(({ id }) => id > 1000).length, 30);
	assert.equal(
		said.filter(({ id }) => id <= 1000).map(({ id }) => id),
		[1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
	);
	for (const { id, late } of said) assert.is(late, id <= 1000);
});

cursor('marks as late what could not be said in time, and lets what came since go before it', async () => {
	const { cursor: source, state, arrive } = world();
	arrive(500);
	await settled();
	assert.equal(read(source.next(anything)!), { id: 1, late: false });
	state.nowMs += 6000;
	arrive(3);
	await settled();
	const said: ReturnType<typeof read>[] = [];
	for (let i = 0; i < 200; i += 1) {
		const message = source.next(anything);
		if (message) said.push(read(message));
		else await settled();
	}
	const fresh = said.map(({ id }, at) => ({ id, at })).filter(({ id }) => id > 500);
	assert.is(fresh.length, 3);
	assert.ok(fresh.every(({ at }) => at < 8));
	for (const { id, late } of said) assert.is(late, id <= 500);
});

cursor('reads ahead a little and never all', async () => {
	const { cursor: source, state } = world({ last: 100_000 });
	source.next(anything);
	await settled();
	assert.is(state.reads, 1);
	for (let i = 0; i < 100; i += 1) {
		source.next(anything);
		await settled();
	}
	assert.ok(state.reads < 10, `${state.reads} reads`);
	assert.is(source.depth, 100_000);
	assert.is(source.oldest, 1);
});

cursor('holds little in memory, however slowly things go out', async () => {
	const { cursor: source, state, arrive } = world({ ahead: 4 });
	const said: number[] = [];
	for (let i = 0; i < 2000; i += 1) {
		state.nowMs += 200;
		arrive();
		await settled();
		const message = i % 20 === 0 ? source.next(anything) : undefined;
		if (message) {
			said.push(read(message).id);
			source.acknowledge(message);
		}
		assert.ok(source.held <= 12, `${source.held} held`);
	}
	assert.is(source.depth, 1900);
	for (let i = 0; i < 4000; i += 1) {
		const message = source.next(anything);
		if (message) {
			said.push(read(message).id);
			source.acknowledge(message);
		} else await settled();
	}
	assert.equal(
		[...said].sort((a, b) => a - b),
		Array.from({ length: 2000 }, (_, i) => i + 1),
	);
});

cursor('keeps an item until its receipt comes, and says it again without one', async () => {
	const { cursor: source, state, arrive, left } = world({ receiptMs: 60_000 });
	arrive(3);
	await settled();
	const [first, second, third] = [1, 2, 3].map(() => source.next(anything)!);
	for (const message of [first!, second!]) source.acknowledge(message);
	assert.equal(left(), [1, 2, 3]);
	source.received('2');
	// A receipt may overtake the broker's own word.
	source.received('3');
	source.acknowledge(third!);
	assert.equal(left(), [1]);
	assert.is(source.next(anything), undefined);
	state.nowMs += 60_001;
	assert.equal(read(source.next(anything)!), { id: 1, late: true });
	for (const name of ['1', '1', '77', '']) source.received(name);
	assert.equal(left(), []);
});

cursor('says nothing more when too many receipts are missing', async () => {
	const { cursor: source, arrive } = world({ receiptMs: 60_000 });
	arrive(3000);
	let said = 0;
	for (let i = 0; i < 5000; i += 1) {
		const message = source.next(anything);
		if (message) {
			said += 1;
			source.acknowledge(message);
		} else await settled();
	}
	assert.is(said, 1000);
	assert.is(source.depth, 3000);
});

cursor('passes over what the caller skips, and takes up where the last one ended', async () => {
	const { cursor: source, left } = world({
		last: 20,
		undelivered: [
			{ from: 3, to: 4 },
			{ from: 9, to: 9 },
			{ from: 20, to: OPEN },
		],
	});
	source.next(anything);
	await settled();
	const skipped = ({ kind }: Outgoing) => kind === 'gap';
	assert.is(read(source.next(skipped)!).id, 9);
	for (let i = 0; i < 3; i += 1) await settled();
	const rest: number[] = [];
	for (let i = 0; i < 10; i += 1) {
		const message = source.next(anything);
		if (message) rest.push(read(message).id);
		else await settled();
	}
	assert.equal(rest, [3, 4, 20]);
	assert.equal(left(), [3, 4, 9, 20]);
});

cursor.run();
