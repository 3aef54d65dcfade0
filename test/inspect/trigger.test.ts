import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { type Random, randomFrom } from '../../src/base/random.js';
import type { Pace } from '../../src/base/retry.js';
import { type Exposure, partsOf } from '../../src/inspect/parts.js';
import { createDueQueue, inspectDue, seenIn } from '../../src/inspect/trigger.js';
import type { DuePart } from '../../src/protocol/station-messages.js';
import { type StationVerdict, VERDICTS } from '../../src/protocol/verdict.js';
import { type Camera, FrameFailure } from '../../src/vision/frame.js';
import { greyFrame, inspectionWith, recipeWith } from './inspection.js';

const triggers = suite('parts that signals make due');

const due = (runSequence: number, atMs: number, more: Partial<DuePart> = {}): DuePart => ({
	run: 'daemon',
	runSequence,
	part: `P-${runSequence}`,
	trigger: { at: '2026-01-01T00:00:00.000Z', deadlineMs: 1000, metadata: {} },
	atMs,
	fromMs: atMs,
	untilMs: Number.POSITIVE_INFINITY,
	...more,
});

const seen: readonly (readonly [
	what: string,
	waiting: readonly DuePart[],
	exposed: Exposure,
	shows: number | undefined,
	missed: readonly number[],
])[] = [
	['nothing when nothing waits', [], { sinceMs: 0, byMs: 1 }, undefined, []],
	['the part that is in view', [due(1, 0)], { sinceMs: 0, byMs: 40 }, 1, []],
	['nothing when it may be older than the signal', [due(1, 10)], { sinceMs: 9, byMs: 40 }, undefined, []],
	['the first of two', [due(1, 0), due(2, 50)], { sinceMs: 5, byMs: 45 }, 1, []],
	['perhaps either', [due(1, 0), due(2, 50)], { sinceMs: 40, byMs: 60 }, undefined, [1]],
	['the second, and the first has gone by', [due(1, 0), due(2, 50)], { sinceMs: 50, byMs: 90 }, 2, [1]],
	['the last of three', [due(1, 0), due(2, 10), due(3, 20)], { sinceMs: 30, byMs: 70 }, 3, [1, 2]],
	['a part that is gone', [due(1, 0, { untilMs: 30 })], { sinceMs: 5, byMs: 31 }, undefined, [1]],
	['a part at the end of its view', [due(1, 0, { untilMs: 30 })], { sinceMs: 5, byMs: 30 }, 1, []],
	[
		'of a part whose delay was cut by an edit, the one that came into view',
		[due(1, 0, { fromMs: 100 }), due(2, 20)],
		{ sinceMs: 30, byMs: 60 },
		2,
		[1],
	],
];

for (const [what, waiting, exposed, shows, missed] of seen) {
	triggers(`see in a frame ${what}`, () => {
		const found = seenIn(waiting, exposed);
		assert.is(found.shows?.runSequence, shows);
		assert.equal(
			found.missed.map(({ runSequence }) => runSequence),
			missed,
		);
	});
}

type Timed = { readonly atMs: number; readonly act: () => void };

/** A world whose time passes when all that runs waits: timers ring in order. */
function simulation() {
	let nowMs = 0;
	const timers: (Timed & { readonly id: number })[] = [];
	let ids = 0;
	const at = (atMs: number, act: () => void): (() => void) => {
		const id = ids++;
		timers.push({ atMs, act, id });
		return () => void timers.splice(0, timers.length, ...timers.filter((one) => one.id !== id));
	};
	const pace: Pace = {
		now: () => nowMs,
		chance: () => 0,
		pause: (ms, signal) =>
			new Promise((resolve) => {
				if (signal.aborted) return resolve();
				const off = at(nowMs + ms, resolve);
				signal.addEventListener('abort', () => {
					off();
					resolve();
				});
			}),
	};
	return {
		pace,
		at,
		/** The thread is blocked. */
		block: (ms: number) => {
			nowMs += ms;
		},
		/** Runs until nothing is left to come, or `untilMs`. */
		run: async (untilMs: number): Promise<void> => {
			for (;;) {
				for (let i = 0; i < 8; i += 1) await new Promise((resolve) => setImmediate(resolve));
				const next = timers.sort((a, b) => a.atMs - b.atMs || a.id - b.id)[0];
				if (!next || next.atMs > untilMs) return;
				timers.shift();
				nowMs = Math.max(nowMs, next.atMs);
				next.act();
			}
		},
	};
}

/** A camera of `intervalMs` that looks at a line: what a frame shows stands in its name. */
function lineCamera(
	{ pace, at }: ReturnType<typeof simulation>,
	intervalMs: number,
	inView: (ms: number) => string,
	frozenFromMs = Number.POSITIVE_INFINITY,
): Camera {
	const asked = new Set<() => void>();
	let held: { name: string; takenMs: number; hereMs: number; unchangedSinceMs: number } | undefined;
	let unchangedSinceMs = 0;
	let begunMs = 0;
	let closed = false;
	const tick = (exposedMs: number): void => {
		at(exposedMs + intervalMs / 4, () => {
			if (closed) return;
			const hereMs = pace.now();
			if (exposedMs < frozenFromMs) unchangedSinceMs = begunMs;
			held = { name: inView(Math.min(exposedMs, frozenFromMs)), takenMs: begunMs, hereMs, unchangedSinceMs };
			begunMs = hereMs;
			for (const wake of asked) wake();
			tick(Math.max(exposedMs + intervalMs, hereMs));
		});
	};
	tick(intervalMs);
	return {
		live: true,
		dropped: 0,
		read: async ({ after, signal }) => {
			while (!held || held.takenMs < after) {
				await new Promise<void>((resolve, reject) => {
					const interrupted = () => reject(signal.reason);
					const wake = () => {
						asked.delete(wake);
						signal.removeEventListener('abort', interrupted);
						resolve();
					};
					asked.add(wake);
					signal.addEventListener('abort', interrupted);
				});
			}
			const { name, takenMs, hereMs, unchangedSinceMs } = held;
			held = undefined;
			return { ...greyFrame(name, takenMs), hereMs, unchangedSinceMs };
		},
		close: async () => {
			closed = true;
		},
	};
}

/** Inspects what is told in a simulated world; scoring blocks the thread. */
async function inspecting(
	camera: (world: ReturnType<typeof simulation>) => Camera,
	told: readonly (DuePart & { readonly heardMs?: number })[],
	untilMs: number,
	scoreMs: () => number = () => 30,
	goldenEveryMs = 600_000,
) {
	const world = simulation();
	const queue = createDueQueue();
	const stop = new AbortController();
	const proven: { readonly atMs: number; readonly waiting: number }[] = [];
	const verdicts: {
		readonly verdict: StationVerdict;
		readonly exposed: Exposure | null;
		readonly atMs: number;
	}[] = [];
	const inspection = inspectionWith([], {
		now: world.pace.now,
		more: { recipe: recipeWith({ goldenEveryMs }) },
	});
	const slow = {
		...inspection,
		scorer: {
			...inspection.scorer,
			score: async () => {
				world.block(scoreMs());
				return { map: new Float32Array(64).fill(0.1), score: 0.1 };
			},
			prove: async () => {
				proven.push({ atMs: world.pace.now(), waiting: queue.waiting.length });
				world.block(scoreMs());
			},
		},
	};
	const parts = partsOf({
		inspection: () => slow,
		begin: async () => assert.unreachable('a part that was told is announced already'),
		emit: async ({ verdict }, exposed) => void verdicts.push({ verdict, exposed, atMs: world.pace.now() }),
		keep: async () => {},
		report: () => {},
		wallClock: () => 0,
	});
	for (const one of told) world.at(one.heardMs ?? one.atMs, () => queue.add(one));
	let ended: unknown;
	const running = inspectDue(camera(world), parts, {
		inspection: () => slow,
		due: queue,
		pace: world.pace,
		signal: stop.signal,
	}).then((end) => {
		ended = end;
	});
	await world.run(untilMs);
	const atEnd = ended;
	stop.abort(new Failure('interrupted', 'Interrupted'));
	await world.run(untilMs);
	await running.catch(() => {});
	return { verdicts, ended: atEnd, left: queue.waiting, proven };
}

const said = ({ verdicts }: Awaited<ReturnType<typeof inspecting>>) =>
	verdicts.map(({ verdict: { part, verdict, error, frame } }) => [part, error?.code ?? verdict, frame]);

triggers('are inspected on a frame of their own, under the numbers that they were told with', async () => {
	const inView = (ms: number) => `part ${Math.floor(ms / 300)}`;
	const found = await inspecting((world) => lineCamera(world, 40, inView), [due(1, 310), due(2, 610)], 2000);
	assert.equal(said(found), [
		['P-1', 'accept', 'part 1'],
		['P-2', 'accept', 'part 2'],
	]);
	const [{ verdict, exposed }] = found.verdicts as [(typeof found.verdicts)[0]];
	assert.equal([verdict.origin.run, verdict.runSequence], ['daemon', 1]);
	assert.equal(verdict.trigger!.deadlineMs, 1000);
	assert.ok(exposed!.sinceMs >= 310 && exposed!.byMs < 610);
});

triggers('come into view after a delay', async () => {
	const inView = (ms: number) => (ms >= 500 ? 'part' : 'nothing');
	const found = await inspecting(
		(world) => lineCamera(world, 40, inView),
		[due(1, 100, { fromMs: 500 })],
		2000,
	);
	assert.equal(said(found), [['P-1', 'accept', 'part']]);
});

triggers('that pass while the thread is blocked are errors, and the last one is inspected', async () => {
	const told = [due(1, 100), due(2, 300), due(3, 340), due(4, 380)];
	const found = await inspecting(
		(world) => lineCamera(world, 40, () => 'x'),
		told.map((one) => ({ ...one, heardMs: one.runSequence === 1 ? 100 : 600 })),
		3000,
		() => 450,
	);
	assert.equal(
		said(found).map(([part, is]) => [part, is]),
		[
			['P-1', 'accept'],
			['P-2', 'part-missed'],
			['P-3', 'part-missed'],
			['P-4', 'accept'],
		],
	);
	assert.match(found.verdicts[1]!.verdict.error!.message, /before the next part came into view/);
});

triggers(
	'are never judged on a picture that was there before them: a camera that froze shows none of them',
	async () => {
		const inView = (ms: number) => `part ${Math.floor(ms / 300)}`;
		const told = [due(1, 310), due(2, 610), due(3, 910), due(4, 1210)];
		// Just after the frame of the first.
		const found = await inspecting((world) => lineCamera(world, 40, inView, 400), told, 4000);
		assert.equal(said(found)[0], ['P-1', 'accept', 'part 1']);
		assert.equal(found.verdicts.length, 4);
		for (const { verdict } of found.verdicts.slice(1)) {
			assert.is(verdict.verdict, 'error');
			assert.ok(['part-missed', 'frame-frozen'].includes(verdict.error!.code), verdict.error!.code);
		}
		assert.is(found.verdicts.at(-1)!.verdict.error!.code, 'frame-frozen');
	},
);

triggers('wait for no golden vector: one is proven when none is due, and after each only once', async () => {
	const told = Array.from({ length: 12 }, (_, i) => due(i + 1, 100 + 60 * i));
	const found = await inspecting(
		(world) => lineCamera(world, 20, () => 'x'),
		told,
		5000,
		() => 25,
		200,
	);
	assert.equal(new Set(said(found).map(([, is]) => is)), new Set(['accept']));
	assert.ok(found.proven.length >= 1);
	assert.ok(found.proven.every(({ waiting }) => waiting === 0));
	// Nothing is inspected any more.
	assert.ok(found.proven.filter(({ atMs }) => atMs > 1000).length <= 1);
});

triggers('whose view was too short are errors', async () => {
	const found = await inspecting(
		(world) => lineCamera(world, 200, () => 'x'),
		[due(1, 110, { untilMs: 180 })],
		2000,
	);
	assert.equal(said(found), [['P-1', 'part-missed', null]]);
	assert.match(found.verdicts[0]!.verdict.error!.message, /while it was in view/);
});

/** Gives the next picture whenever it is asked, and these failures. */
const album =
	(steps: readonly (string | Failure | undefined)[]) =>
	({ pace }: ReturnType<typeof simulation>): Camera => {
		const left = [...steps];
		return {
			live: false,
			dropped: 0,
			read: async () => {
				const step = left.shift();
				if (step instanceof Failure) throw step;
				return step === undefined ? undefined : greyFrame(step, pace.now());
			},
			close: async () => {},
		};
	};

triggers(
	'get the next picture of a source that has no time, in their order, and it is read when they are due',
	async () => {
		const told = [due(1, 10), due(2, 11), due(3, 500)];
		const unreadable = new FrameFailure('b', new Failure('image-unreadable', 'Cannot read "b"'));
		const found = await inspecting(album(['a', unreadable, 'c']), told, 2000);
		assert.equal(said(found), [
			['P-1', 'accept', 'a'],
			['P-2', 'image-unreadable', 'b'],
			['P-3', 'accept', 'c'],
		]);
		assert.ok(found.verdicts.every(({ exposed }) => exposed === null));
	},
);

triggers('that wait when the source ends stay for whoever told them', async () => {
	const found = await inspecting(album(['a', undefined]), [due(1, 10), due(2, 11)], 2000);
	assert.equal(said(found), [['P-1', 'accept', 'a']]);
	assert.is(found.ended, 'ended');
	assert.equal(
		found.left.map(({ part }) => part),
		['P-2'],
	);
});

triggers('that have a frame are inspected before a camera that fell silent is opened again', async () => {
	const silent = new Failure('camera-silent', 'Cannot read camera "c": nothing came');
	const found = await inspecting(album(['a', silent]), [due(1, 10), due(2, 11)], 2000);
	assert.equal(said(found), [['P-1', 'accept', 'a']]);
	assert.is(found.ended, silent);
});

triggers('find a live camera that is silent before they are due', async () => {
	const silent = new Failure('camera-silent', 'Cannot read camera "c": nothing came');
	const found = await inspecting(
		() => ({
			live: true,
			dropped: 0,
			read: async () => {
				throw silent;
			},
			close: async () => {},
		}),
		[],
		2000,
	);
	assert.is(found.ended, silent);
});

triggers('are never judged by a frame that shows another one, and have one verdict each', async () => {
	for (let seed = 1; seed <= 60; seed += 1) {
		const random: Random = randomFrom(seed);
		const between = (low: number, high: number) => low + random.uniform() * (high - low);
		const told: (DuePart & { heardMs: number })[] = [];
		let ms = 500;
		for (let i = 1; i <= 40; i += 1) {
			ms += random.uniform() < 0.3 ? between(5, 60) : between(80, 400);
			told.push({ ...due(i, ms, { fromMs: ms + 20 }), heardMs: ms + between(0, 10) });
		}
		const inView = (at: number) => told.findLast(({ fromMs }) => fromMs <= at)?.part ?? 'nothing';
		const intervalMs = between(8, 60);
		const found = await inspecting(
			(world) => lineCamera(world, intervalMs, inView),
			told,
			ms + 20_000,
			() => between(1, 150),
		);
		assert.equal(
			found.verdicts.map(({ verdict }) => verdict.runSequence).sort((a, b) => a - b),
			told.map(({ runSequence }) => runSequence),
			`seed ${seed}`,
		);
		for (const { verdict, exposed } of found.verdicts) {
			assert.ok(VERDICTS.includes(verdict.verdict));
			if (verdict.verdict === 'error') continue;
			// What the station could not know when it judged, whoever told it knows.
			const next = told[verdict.runSequence];
			if (next && exposed!.byMs >= next.fromMs) continue;
			assert.is(verdict.frame, verdict.part, `seed ${seed}`);
		}
		assert.ok(found.verdicts.some(({ verdict }) => verdict.verdict === 'accept'));
	}
});

triggers.run();
