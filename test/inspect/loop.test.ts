import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { inspectionLoop, type LoopWorld } from '../../src/inspect/loop.js';
import { createDueQueue } from '../../src/inspect/trigger.js';
import type { Watch } from '../../src/inspect/watch.js';
import { type Part, reasonFor, type StationVerdict } from '../../src/protocol/verdict.js';
import { type Camera, FrameFailure } from '../../src/vision/frame.js';
import { clock, greyFrame, inspectionWith, recipeWith } from './inspection.js';

const loop = suite('the inspection loop');

/** What a camera does when it is asked: a frame of that name, a failure, or nothing more. */
type Step = string | Failure | undefined;

const silent = new Failure('camera-silent', 'Cannot read camera "c": nothing came');
const unreadable = new FrameFailure('b.png', new Failure('image-unreadable', 'Cannot read "b.png": damaged'));
const broken = new Failure('model-failed', 'Cannot run the model');

type Happened = {
	readonly events: string[];
	readonly verdicts: StationVerdict[];
	readonly begun: Part[];
	readonly opened: () => number;
	readonly released: () => number;
	readonly thrown: unknown;
	readonly dropped: readonly number[];
	readonly waits: readonly number[];
	/** Number, frame, and how many were released before. */
	readonly kept: readonly (readonly [number, string | undefined, number])[];
	/** Whose turn it was, and after how many verdicts. */
	readonly proven: readonly (readonly [number | undefined, number])[];
};

const constant =
	<T>(value: T) =>
	() =>
		value;

/** Runs the loop over cameras (one array each time it is opened) until they are used up, then stops it. */
async function through(
	cameras: readonly (readonly Step[] | Failure)[],
	scores: readonly (number | Error)[] = [],
	more: {
		readonly everyMs?: number;
		readonly droppedEach?: number;
		readonly frameMs?: number;
		readonly watch?: Watch;
		readonly goldenEveryMs?: number;
		/** No driver lets go of a camera that is closed. */
		readonly isHeld?: boolean;
		readonly live?: boolean;
		readonly silentMs?: number;
		/** So many frames are read, and then it rests once. */
		readonly restsAfter?: number;
		/** Whose turn it is → what its proof comes to. */
		readonly proof?: (turn: number | undefined) => Failure | undefined;
	} = {},
): Promise<Happened> {
	const { now, wait } = clock();
	const events: string[] = [];
	const verdicts: StationVerdict[] = [];
	const begun: Part[] = [];
	const dropped: number[] = [];
	const waits: number[] = [];
	const kept: (readonly [number, string | undefined, number])[] = [];
	const proven: (readonly [number | undefined, number])[] = [];
	let opened = 0;
	let released = 0;
	let read = 0;
	let hasRested = false;
	const stop = new AbortController();
	const camera = (steps: readonly Step[]): Camera => {
		const left = [...steps];
		let passed = 0;
		return {
			live: more.live ?? false,
			get dropped() {
				return passed;
			},
			read: async () => {
				const step = left.shift();
				passed += more.droppedEach ?? 0;
				wait(more.frameMs ?? 1);
				read += 1;
				if (step instanceof Failure) throw step;
				if (step === undefined) return undefined;
				return greyFrame(step, now(), () => {
					released += 1;
				});
			},
			close: async () => {
				events.push('closed');
				if (more.isHeld) await new Promise(() => {});
			},
		};
	};
	const inspection = inspectionWith(scores, {
		now,
		more: {
			recipe: recipeWith({
				trigger: { everyMs: more.everyMs ?? 0 },
				goldenEveryMs: more.goldenEveryMs ?? 600_000,
			}),
			...(more.watch && { watch: more.watch }),
		},
	});
	const prove = async (turn?: number) => {
		proven.push([turn, verdicts.length]);
		const failure = more.proof?.(turn);
		if (failure) throw failure;
	};
	const world: LoopWorld = {
		inspection: constant({ ...inspection, scorer: { ...inspection.scorer, prove } }),
		openCamera: async () => {
			const next = cameras[opened];
			opened += 1;
			if (next === undefined) {
				stop.abort();
				throw silent;
			}
			if (next instanceof Failure) throw next;
			return camera(next);
		},
		begin: async (part) => void begun.push(part),
		emit: async ({ verdict }) => void verdicts.push(verdict),
		keep: async (frame, { runSequence }) => void kept.push([runSequence, frame.name, released]),
		report: (state, failure) => void events.push(failure ? `${state} ${failure.code}` : state),
		due: createDueQueue(),
		rest: {
			get isOn() {
				return !hasRested && more.restsAfter === read;
			},
			over: async () => {
				hasRested = true;
				wait(8 * 3_600_000);
			},
		},
		silentMs: more.silentMs ?? 0,
		onDropped: (frames) => void dropped.push(frames),
		wallClock: () => 1_700_000_000_000,
		pace: {
			now,
			chance: () => 0,
			pause: async (ms) => {
				waits.push(ms);
				wait(ms);
			},
		},
		signal: stop.signal,
	};
	const thrown = await inspectionLoop(world).then(
		() => undefined,
		(failure) => failure,
	);
	return {
		events,
		verdicts,
		begun,
		opened: () => opened,
		released: () => released,
		thrown,
		dropped,
		waits,
		kept,
		proven,
	};
}

const said = ({ verdicts }: Happened) =>
	verdicts.map(({ runSequence, verdict, frame }) => [runSequence, verdict, frame]);

loop('gives each frame one number and one verdict, and ends with its source', async () => {
	const happened = await through([['a', 'b', 'c', undefined]], [0.1, 0.9, 0.2]);
	assert.equal(said(happened), [
		[1, 'accept', 'a'],
		[2, 'reject', 'b'],
		[3, 'accept', 'c'],
	]);
	assert.equal(happened.events, ['running', 'finished', 'closed']);
	assert.is(happened.released(), 3);
	// What is kept is looked for after the verdict, while the frame is still there.
	assert.equal(happened.kept, [
		[1, 'a', 0],
		[2, 'b', 1],
		[3, 'c', 2],
	]);
});

loop('tells that a part is due before it is scored', async () => {
	const happened = await through([['a', 'b', undefined]]);
	assert.equal(
		happened.begun.map(({ runSequence, frame }) => [runSequence, frame]),
		[
			[1, 'a'],
			[2, 'b'],
		],
	);
});

loop('numbers without a hole when frames cannot be inspected, and keeps their names', async () => {
	const happened = await through([['a', 'b', 'c', 'd', undefined]], [broken, 0.1, broken, 0.1]);
	assert.equal(said(happened), [
		[1, 'error', 'a'],
		[2, 'accept', 'b'],
		[3, 'error', 'c'],
		[4, 'accept', 'd'],
	]);
	assert.is(happened.verdicts[0]!.error!.code, 'model-failed');
	assert.is(happened.released(), 4);
});

loop('keeps the camera open when the model fails, and says the state in between', async () => {
	const happened = await through([['a', 'b', undefined]], [broken, 0.1]);
	assert.is(happened.opened(), 1);
	assert.equal(happened.events, ['running', 'error model-failed', 'running', 'finished', 'closed']);
});

loop(
	'judges no picture in which the watch finds a fault: an error with its reason, and a state until it is gone',
	async () => {
		const dark = new Failure('picture-dark', 'Cannot inspect a frame: it is too dark');
		const look: Watch['look'] = (_, { name }) => ({
			measures: null,
			failure: name?.startsWith('dark') ? dark : undefined,
		});
		const frames = ['a', ...Array.from({ length: 9 }, (_, i) => `dark ${i}`), 'b', undefined];
		const happened = await through([frames], [0.1, 0.2], { watch: { look } });
		assert.equal(
			happened.verdicts.map(({ verdict, score, error }) => [verdict, score, error?.code]),
			[
				['accept', 0.1, undefined],
				...Array(9).fill(['error', null, 'picture-dark']),
				// The model has scored none of them.
				['accept', 0.2, undefined],
			],
		);
		assert.equal(happened.verdicts.slice(1, 2).map(reasonFor), ['picture-dark']);
		assert.equal(happened.events, [
			'running',
			...Array(9).fill('error picture-dark'),
			'running',
			'finished',
			'closed',
		]);
	},
);

loop(
	'proves a golden vector between two parts when it is time, and none for a station that inspects nothing',
	async () => {
		const frames = Array.from({ length: 10 }, (_, i) => `${i}`);
		const happened = await through([frames], [], { frameMs: 10, goldenEveryMs: 30 });
		assert.equal(happened.proven, [
			[0, 3],
			[1, 6],
			[2, 9],
		]);
		assert.equal((await through([frames], [], { frameMs: 10, goldenEveryMs: 0 })).proven, []);
		const unread = Array.from({ length: 10 }, () => unreadable);
		assert.equal((await through([unread], [], { frameMs: 10, goldenEveryMs: 30 })).proven, []);
	},
);

loop('ends when its scorer has changed its mind, and accepts nothing after that', async () => {
	const changed = new Failure('bundle-golden', 'Cannot trust bundle "b": golden vector 2 deviates by 1.0e+0');
	const happened = await through([['a', 'b', 'c', 'd', 'e', 'f', 'g', undefined], ['h']], [], {
		frameMs: 10,
		goldenEveryMs: 20,
		proof: (turn) => (turn === 1 ? changed : undefined),
	});
	assert.is(happened.thrown, changed);
	assert.equal(said(happened).length, 4);
	assert.is(happened.opened(), 1);
	assert.is(happened.released(), 4);
	assert.is(happened.events.at(-1), 'closed');
});

loop('ends with its failure when the model fails on end, each part with an error verdict', async () => {
	const happened = await through([['a', 'b', 'c', 'd', 'e', 'f']], Array(6).fill(broken));
	assert.is(happened.thrown, broken);
	assert.is(happened.verdicts.length, 5);
	assert.is(happened.events.at(-1), 'closed');
});

loop('goes on after a picture that cannot be read, which was a part', async () => {
	const happened = await through([['a', unreadable, 'c', undefined]]);
	assert.equal(
		happened.verdicts.map(({ verdict, frame, error }) => [verdict, frame, error?.code]),
		[
			['accept', 'a', undefined],
			['error', 'b.png', 'image-unreadable'],
			['accept', 'c', undefined],
		],
	);
	assert.equal(happened.events, ['running', 'finished', 'closed']);
});

loop(
	'says no verdict for parts that never were: a camera that does not open, or falls silent, is a state',
	async () => {
		const unavailable = new Failure('camera-unavailable', 'Cannot open camera "c"');
		const happened = await through([unavailable, ['a', silent], ['b', undefined]]);
		assert.equal(said(happened), [
			[1, 'accept', 'a'],
			[2, 'accept', 'b'],
		]);
		assert.equal(happened.events, [
			'error camera-unavailable',
			'running',
			'error camera-silent',
			'closed',
			'running',
			'finished',
			'closed',
		]);
	},
);

loop('waits longer each time for a camera that does not last, and starts over for one that has', async () => {
	const short = ['a', silent];
	const { waits } = await through([short, short, short, short]);
	assert.equal(waits.slice(0, 4), [500, 1000, 2000, 3000]);
	const long = await through([short, short, ['a', 'b', 'c', silent], short], [], { frameMs: 10_000 });
	assert.equal(long.waits.slice(0, 4), [500, 1000, 500, 1000]);
});

loop('lets a fault of ours through, with the frame released and the camera closed', async () => {
	const fault = new TypeError('ours');
	const happened = await through([['a', 'b']], [fault]);
	assert.is(happened.thrown, fault);
	assert.is(happened.released(), 1);
	assert.is(happened.events.at(-1), 'closed');
});

loop('opens no camera again whose driver holds it, and ends so that another process may', async () => {
	const happened = await through([[silent], ['a.png']], [], { isHeld: true });
	assert.instance(happened.thrown, Failure);
	assert.is((happened.thrown as Failure).code, 'camera-silent');
	assert.match((happened.thrown as Failure).message, /its driver hangs/);
	assert.is(happened.opened(), 1);
	assert.equal(happened.events, ['running', 'error camera-silent', 'closed']);
});

loop('counts dropped frames over all cameras that it opened', async () => {
	const happened = await through(
		[
			['a', 'b', silent],
			['c', undefined],
		],
		[],
		{ droppedEach: 2 },
	);
	assert.equal(happened.dropped, [2, 4, 6, 8, 10]);
});

const rests: readonly (readonly [what: string, live: boolean, after: number, events: readonly string[]])[] = [
	['a live camera is let go of', true, 1, ['running', 'closed', 'resting', 'running', 'finished', 'closed']],
	['a live camera is not opened', true, 0, ['resting', 'running', 'finished', 'closed']],
	['what would begin anew stays open', false, 1, ['running', 'resting', 'running', 'finished', 'closed']],
];

for (const [what, live, restsAfter, events] of rests) {
	loop(`rests when it is told to: ${what}`, async () => {
		const cameras = live && restsAfter > 0 ? [['a'], ['b', undefined]] : [['a', 'b', undefined]];
		const happened = await through(cameras, [], { live, restsAfter });
		assert.equal(happened.events, events);
		assert.equal(said(happened), [
			[1, 'accept', 'a'],
			[2, 'accept', 'b'],
		]);
		assert.is(happened.thrown, undefined);
	});
}

loop.run();
