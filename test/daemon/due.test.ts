import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { createDueParts, type DueParts, type Exposed, type Settled } from '../../src/daemon/due.js';
import { recipeWith } from '../inspect/inspection.js';

const dues = suite('parts that are due');

const signal = { part: null, metadata: {} };

const by = (trigger: object = {}, deadlineMs = 1000) => recipeWith({ trigger, deadlineMs });

/** Signals that come at these moments: the numbers of their parts, or why they make none. */
function arriving(parts: DueParts, moments: readonly number[], recipe = by()): readonly unknown[] {
	return moments.map((ms) => {
		const arrived = parts.arrive(signal, ms, recipe);
		return 'due' in arrived ? arrived.due.number : arrived.dropped;
	});
}

const signals: readonly (readonly [
	trigger: object,
	moments: readonly number[],
	becomes: readonly unknown[],
])[] = [
	[{}, [0, 0, 1], [1, 2, 3]],
	[{ queue: 2 }, [0, 1, 2, 3], [1, 2, 'full', 'full']],
	[{ debounceMs: 10 }, [0, 9, 10, 18, 27, 38], [1, 'bounced', 'bounced', 'bounced', 'bounced', 2]],
	[{ debounceMs: 10 }, [0, 10], [1, 2]],
	[{ leastMs: 10 }, [0, 9, 10, 19, 20], [1, 'too-soon', 2, 'too-soon', 3]],
	[{ debounceMs: 5, leastMs: 20 }, [0, 3, 10, 20], [1, 'bounced', 'too-soon', 2]],
	// What found no place was a part nevertheless: the next one is not nearer to the one before.
	[{ leastMs: 10, queue: 1 }, [0, 12, 21], [1, 'full', 'too-soon']],
];

for (const [trigger, moments, becomes] of signals) {
	dues(`makes of signals at ${moments} by ${JSON.stringify(trigger)}: ${becomes}`, () => {
		const parts = createDueParts();
		assert.equal(arriving(parts, moments, by(trigger)), becomes);
		assert.is(parts.dropped, becomes.filter((one) => typeof one === 'string').length);
	});
}

const frames: readonly (readonly [
	what: string,
	trigger: object,
	moments: readonly number[],
	exposed: Exposed,
	is: Settled['is'],
])[] = [
	['after its signal', {}, [100], { sinceMs: 100, byMs: 140 }, 'verdict'],
	['perhaps before its signal', {}, [100], { sinceMs: 99.9, byMs: 140 }, 'missed'],
	['perhaps before it is in view', { delayMs: 50 }, [100], { sinceMs: 149, byMs: 160 }, 'missed'],
	['when it is in view', { delayMs: 50 }, [100], { sinceMs: 150, byMs: 160 }, 'verdict'],
	['before the next part', {}, [100, 200], { sinceMs: 150, byMs: 199.9 }, 'verdict'],
	['perhaps with the next part', {}, [100, 200], { sinceMs: 150, byMs: 200 }, 'missed'],
	['before the next part is in view', { delayMs: 50 }, [100, 200], { sinceMs: 200, byMs: 249 }, 'verdict'],
	['with a part that found no place', { queue: 1 }, [100, 200], { sinceMs: 190, byMs: 210 }, 'missed'],
	['after a signal that bounced', { debounceMs: 150 }, [100, 200], { sinceMs: 190, byMs: 210 }, 'verdict'],
	['with a part that came too soon', { leastMs: 150 }, [100, 200], { sinceMs: 190, byMs: 210 }, 'verdict'],
	['as long as it is in view', { withinMs: 40 }, [100], { sinceMs: 110, byMs: 140 }, 'verdict'],
	['perhaps when it was gone', { withinMs: 40 }, [100], { sinceMs: 110, byMs: 141 }, 'missed'],
	['by a source without a time', {}, [100, 200], null, 'verdict'],
];

for (const [what, trigger, moments, exposed, is] of frames) {
	dues(`lets a frame that was exposed ${what} be ${is === 'verdict' ? 'its verdict' : 'none'}`, () => {
		const parts = createDueParts();
		arriving(parts, moments, by(trigger));
		assert.is(parts.settle(1, 300, exposed).is, is);
		assert.is(parts.settle(1, 300, exposed).is, 'unknown');
	});
}

dues('are over at their deadlines, each by the settings of its signal', () => {
	const parts = createDueParts();
	arriving(parts, [0], by({}, 500));
	arriving(parts, [10], by({}, 100));
	assert.is(parts.nextMs, 110);
	assert.equal(parts.expire(109), []);
	assert.equal(
		parts.expire(110).map(({ number }) => number),
		[2],
	);
	assert.is(parts.nextMs, 500);
	assert.equal(
		parts.expire(10_000).map(({ number }) => number),
		[1],
	);
	assert.is(parts.nextMs, Number.POSITIVE_INFINITY);
	assert.is(parts.waiting, 0);
});

dues('that are over make what is found of them late, once, and by how much', () => {
	const parts = createDueParts();
	arriving(parts, [0]);
	assert.is(parts.toTell(4).length, 1);
	parts.expire(1000);
	const settled = parts.settle(1, 1250, null);
	assert.equal([settled.is, settled.is === 'late' && settled.byMs], ['late', 250]);
	assert.is(parts.settle(1, 1300, null).is, 'unknown');
});

dues('are told while the station owes few answers: one that hangs is not filled up', () => {
	const parts = createDueParts();
	const told = () => parts.toTell(2).map(({ number }) => number);
	arriving(parts, [0, 1, 2]);
	assert.equal(told(), [1, 2]);
	assert.equal(told(), []);
	parts.expire(5000);
	arriving(parts, [5000]);
	assert.equal(told(), []);
	parts.settle(1, 5001, null);
	assert.equal(told(), [4]);
});

dues('go with the process that was told of them, and the others wait for the next one', () => {
	const parts = createDueParts();
	arriving(parts, [0, 1]);
	parts.toTell(1);
	assert.equal(
		parts.lose().map(({ number }) => number),
		[1],
	);
	assert.equal(
		parts.toTell(4).map(({ number }) => number),
		[2],
	);
	assert.equal(
		parts.drain().map(({ number }) => number),
		[2],
	);
	assert.is(parts.waiting, 0);
});

dues('that are late three times in a row are the fault of the station, until one is in time', () => {
	const parts = createDueParts();
	const pass = (ms: number, isLate: boolean) => {
		const [number] = arriving(parts, [ms]);
		parts.toTell(4);
		if (isLate) parts.expire(ms + 1000);
		else parts.settle(number as number, ms + 10, null);
		return parts.isLate;
	};
	const late = [true, true, false, true, true, true, true, false];
	assert.equal(
		late.map((isLate, i) => pass(i * 2000, isLate)),
		[false, false, false, false, false, true, true, false],
	);
	for (const i of [0, 1, 2]) pass(20_000 + i * 2000, true);
	assert.ok(parts.isLate);
	parts.renew();
	assert.not.ok(parts.isLate, 'a new process is not to blame');
});

dues('get exactly one verdict each whatever happens, and never one on a frame that may show another', () => {
	for (let seed = 1; seed <= 300; seed += 1) {
		const { uniform } = randomFrom(seed);
		const parts = createDueParts();
		const verdicts = new Map<number, number>();
		/** Everything that passed: when it came into view. */
		const views: number[] = [];
		const viewOf = new Map<number, number>();
		const told: number[] = [];
		const give = (number: number) => verdicts.set(number, (verdicts.get(number) ?? 0) + 1);
		const recipe = by({ queue: 3, delayMs: 20, withinMs: 200 }, 150);
		let ms = 0;
		for (let step = 0; step < 200; step += 1) {
			ms += uniform() * 40;
			for (const { number } of parts.expire(ms)) give(number);
			const chance = uniform();
			if (chance < 0.45) {
				views.push(ms + 20);
				const arrived = parts.arrive(signal, ms, recipe);
				if ('due' in arrived) viewOf.set(arrived.due.number, ms + 20);
				assert.ok(parts.waiting <= 3);
			} else if (chance < 0.55) {
				for (const { number } of parts.lose()) give(number);
				told.length = 0;
			} else if (told.length > 0) {
				const [number = 0] = told.splice(Math.floor(uniform() * told.length), 1);
				const sinceMs = ms - uniform() * 150;
				const byMs = Math.min(ms, sinceMs + uniform() * 40);
				const settled = parts.settle(number, ms, { sinceMs, byMs });
				if (settled.is === 'verdict' || settled.is === 'missed') give(number);
				if (settled.is !== 'verdict') continue;
				const from = viewOf.get(number)!;
				assert.ok(sinceMs >= from, 'exposed before it was there');
				assert.equal(
					views.filter((view) => view > from && view <= byMs),
					[],
					'another part was in view',
				);
			}
			told.push(...parts.toTell(3).map(({ number }) => number));
			assert.ok(told.length <= 3 + 3);
		}
		for (const { number } of parts.drain()) give(number);
		assert.equal(
			[...verdicts.keys()].sort((a, b) => a - b),
			[...viewOf.keys()],
		);
		assert.ok([...verdicts.values()].every((count) => count === 1));
	}
});

dues.run();
