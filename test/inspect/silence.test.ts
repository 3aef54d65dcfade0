import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { inspectionLoop } from '../../src/inspect/loop.js';
import { createDueQueue } from '../../src/inspect/trigger.js';
import { type Camera, FrameFailure, RefusedFailure } from '../../src/vision/frame.js';
import { simulatedPace } from '../simulated-pace.js';
import { greyFrame, inspectionWith, recipeWith } from './inspection.js';

const silence = suite('a camera that falls silent');

const TIMEOUT_MS = 5000;
const SILENT_MS = 1500;

/** When a camera's frames come: each of these moments, and what it then gives, a frame where nothing else is said. */
type Frames = {
	readonly everyMs: number;
	/** It gives nothing from then on, until then. */
	readonly gone?: readonly [fromMs: number, toMs: number];
	/** Then a frame comes that was taken so long before. */
	readonly old?: readonly [atMs: number, agoMs: number];
	/** Until then it cannot be opened, because of this. */
	readonly refuses?: readonly [toMs: number, why: Failure];
	/** Pictures that are there and cannot be read, from then until then. */
	readonly damaged?: readonly [fromMs: number, toMs: number];
	readonly isAsked?: boolean;
	readonly scoreMs?: number;
};

const EVERY = {};
const TIMED = { everyMs: 10_000 };
const SIGNAL = { mode: 'request' };
const MODES = { every: EVERY, timed: TIMED, signal: SIGNAL };

/** What a station says, and when, within `untilMs`. */
async function told(
	trigger: Readonly<Record<string, unknown>>,
	{ everyMs, gone = [0, 0], old, refuses, damaged = [0, 0], isAsked = false, scoreMs = 0 }: Frames,
	untilMs: number,
	silentMs = SILENT_MS,
) {
	const { now, pause, during, block } = simulatedPace(4);
	const said: { readonly atMs: number; readonly what: string }[] = [];
	const verdicts: string[] = [];
	const tries: number[] = [];
	const dropped: number[] = [];
	let reads = 0;
	const isThere = (ms: number) => ms < gone[0] || ms >= gone[1];
	const nextAfter = (ms: number): number => {
		const next = (Math.floor(ms / everyMs) + 1) * everyMs;
		if (old && ms < old[0] && (next > old[0] || !isThere(next))) return old[0];
		return isThere(next) ? next : nextAfter(next);
	};
	const lastBefore = (ms: number): number => {
		const last = Math.floor(ms / everyMs) * everyMs;
		return isThere(last) ? last : lastBefore(last - 1);
	};
	let gaveMs = 0;
	const camera = (): Camera => ({
		live: true,
		isAsked,
		get heardMs() {
			return isAsked ? undefined : lastBefore(now());
		},
		dropped: 0,
		read: async ({ after, signal }) => {
			reads += 1;
			const untilMs = now() + TIMEOUT_MS;
			for (let ms = nextAfter(Math.max(gaveMs, isAsked ? now() : 0)); ; ms = nextAfter(ms)) {
				await pause(Math.min(ms, untilMs) - now(), signal);
				signal.throwIfAborted();
				if (ms > untilMs) throw new Failure('camera-silent', 'no frame came');
				const takenMs = old?.[0] === ms ? ms - old[1] : ms;
				if (takenMs < after && old?.[0] !== ms) continue;
				gaveMs = ms;
				if (ms >= damaged[0] && ms < damaged[1])
					throw new FrameFailure('x', new Failure('image-unreadable', 'it is damaged'));
				return greyFrame(undefined, takenMs);
			}
		},
		close: async () => {},
	});
	const stop = new AbortController();
	const by = inspectionWith([], { now, more: { recipe: recipeWith({ trigger }) } });
	const score = async () => {
		block(scoreMs);
		return { map: new Float32Array(64).fill(0.1), score: 0.1 };
	};
	const running = inspectionLoop({
		inspection: () => ({ ...by, scorer: { ...by.scorer, score } }),
		openCamera: async () => {
			tries.push(now());
			if (refuses && now() < refuses[0]) throw refuses[1];
			return camera();
		},
		begin: async () => {},
		emit: async ({ verdict }) => void verdicts.push(verdict.verdict),
		keep: async () => {},
		report: (state, failure) => said.push({ atMs: now(), what: failure?.code ?? state }),
		due: createDueQueue(),
		rest: { isOn: false, over: async () => {} },
		silentMs,
		onDropped: (frames) => void dropped.push(frames),
		wallClock: () => 1_700_000_000_000 + now(),
		pace: { now, chance: () => 0, pause },
		signal: stop.signal,
	});
	await during(Promise.race([running, pause(untilMs, stop.signal)]));
	stop.abort(new Failure('interrupted', 'Interrupted'));
	await during(running);
	const changes = said.filter(({ what }, i) => what !== said[i - 1]?.what);
	return { said: changes, whats: changes.map(({ what }) => what), verdicts, tries, dropped, reads };
}

for (const [name, trigger] of Object.entries(MODES)) {
	silence(`is told within two seconds, and waited for on (${name})`, async () => {
		const { said, whats, tries } = await told(trigger, { everyMs: 40, gone: [5000, 9000] }, 12_000);
		assert.equal(whats, ['running', 'camera-silent', 'running']);
		const [running, silent, again] = said;
		assert.ok(running!.atMs <= 100, `running after ${running!.atMs} ms`);
		const silentMs = silent!.atMs - 5000;
		assert.ok(silentMs >= SILENT_MS - 40 && silentMs <= 2000, `told after ${silentMs} ms`);
		assert.ok(again!.atMs <= 9200, `running again after ${again!.atMs - 9000} ms`);
		assert.is(tries.length, 1);
	});

	silence(
		`is opened again after its time, and runs when it gives a frame, not when it opens (${name})`,
		async () => {
			const { said, whats, tries } = await told(trigger, { everyMs: 40, gone: [5000, 30_000] }, 40_000);
			assert.equal(whats, ['running', 'camera-silent', 'running']);
			assert.ok(tries.length >= 3, `${tries.length} times opened`);
			assert.ok(said[2]!.atMs >= 30_000 && said[2]!.atMs <= 35_000, `running after ${said[2]!.atMs} ms`);
		},
	);

	silence(`is none that pauses for a second, or is slow (${name})`, async () => {
		const pausing = await told(trigger, { everyMs: 40, gone: [5000, 6000] }, 12_000);
		assert.equal(pausing.whats, ['running']);
		const slow = await told(trigger, { everyMs: 2000 }, 60_000);
		assert.equal(slow.whats, ['running']);
	});

	silence(`is told at its time alone when it is to be so (${name})`, async () => {
		const { said, whats } = await told(trigger, { everyMs: 40, gone: [5000, 9000] }, 12_000, 0);
		assert.equal(whats, ['running']);
		assert.is(said[0]!.atMs, 0);
	});
}

silence('is none while a model blocks the thread', async () => {
	const { whats } = await told(EVERY, { everyMs: 40, scoreMs: 4000 }, 60_000);
	assert.equal(whats, ['running']);
});

silence('does not run by a frame from before it was told', async () => {
	const { said, whats } = await told(EVERY, { everyMs: 40, gone: [5000, 9000], old: [7100, 2000] }, 12_000);
	assert.equal(whats, ['running', 'camera-silent', 'running']);
	assert.ok(said[2]!.atMs >= 9000, `running after ${said[2]!.atMs} ms`);
});

silence('is looked at between two parts, which loses none of them', async () => {
	const { verdicts, reads, dropped } = await told(TIMED, { everyMs: 40 }, 45_000);
	assert.is(verdicts.length, 5);
	assert.ok(reads >= 40, `${reads} reads`);
	assert.ok(dropped.at(-1)! >= 35, `${dropped.at(-1)} frames looked at`);
});

silence('is not asked for pictures between two parts where each is asked for', async () => {
	const { verdicts, reads } = await told(TIMED, { everyMs: 40, isAsked: true }, 45_000);
	assert.is(verdicts.length, 5);
	assert.ok(reads <= 6, `${reads} reads`);
	const { said } = await told(SIGNAL, { everyMs: 40, isAsked: true, gone: [5000, 9000] }, 12_000);
	const silentMs = said[1]!.atMs - 5000;
	assert.ok(silentMs <= 2000, `told after ${silentMs} ms`);
});

silence('that sends what cannot be read is in error until it sends what can', async () => {
	for (const trigger of [EVERY, SIGNAL]) {
		const { whats } = await told(trigger, { everyMs: 40, damaged: [5000, 8000] }, 12_000);
		assert.equal(whats, ['running', 'image-unreadable', 'running']);
	}
});

silence('is tried every few seconds, and less often where it refused whoever asks', async () => {
	const gone = new Failure('camera-unavailable', 'nothing listens there');
	const away = await told(EVERY, { everyMs: 40, refuses: [60_000, gone] }, 60_000);
	const waits = away.tries.slice(1).map((ms, i) => ms - away.tries[i]!);
	assert.equal(waits.slice(0, 4), [500, 1000, 2000, 3000]);
	assert.is(Math.max(...waits), 3000);
	const locked = await told(EVERY, { everyMs: 40, refuses: [60_000, new RefusedFailure(gone)] }, 60_000);
	assert.ok(locked.tries.length <= 4, `${locked.tries.length} tries`);
});

silence.run();
