import { setImmediate as turn } from 'node:timers/promises';
import type { Pace, Timers } from '../../src/base/retry.js';

/** Who waits in simulated time: what it waits for comes only while it lives, and is put off while it is stopped. */
export type Being = Pace &
	Timers & {
		readonly alive: boolean;
		/** As SIGSTOP and SIGCONT do. */
		stop(): void;
		resume(): void;
		/** As SIGKILL does: nothing that it waits for comes any more. */
		kill(): void;
	};

/** `isSilent`: nobody waits for it any more. */
type Moment = { readonly atMs: number; readonly order: number; readonly ring: () => void; isSilent: boolean };

/** Between two moments all that can go on without time does: promises, and what lets others have their turn once. */
const TURNS = 2;

/** A machine's time: it stands still while anybody computes, and jumps to the next moment that somebody waits for. */
export function createTime(chance: () => number) {
	let nowMs = 0;
	let order = 0;
	const heap: Moment[] = [];
	const isBefore = (a: Moment, b: Moment) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
	const put = (moment: Moment): void => {
		let i = heap.push(moment) - 1;
		while (i > 0) {
			const parent = (i - 1) >> 1;
			if (!isBefore(heap[i]!, heap[parent]!)) return;
			[heap[i], heap[parent]] = [heap[parent]!, heap[i]!];
			i = parent;
		}
	};
	const take = (): Moment | undefined => {
		const first = heap[0];
		const last = heap.pop();
		if (!first || !last || heap.length === 0) return first;
		heap[0] = last;
		for (let i = 0; ; ) {
			const left = 2 * i + 1;
			const child = left + 1 < heap.length && isBefore(heap[left + 1]!, heap[left]!) ? left + 1 : left;
			if (child >= heap.length || !isBefore(heap[child]!, heap[i]!)) return first;
			[heap[i], heap[child]] = [heap[child]!, heap[i]!];
			i = child;
		}
	};
	const at = (atMs: number, ring: () => void): Moment => {
		order += 1;
		const moment = { atMs, order, ring, isSilent: false };
		put(moment);
		return moment;
	};
	/** The first that somebody waits for. */
	const first = (): Moment | undefined => {
		while (heap[0]?.isSilent) take();
		return heap[0];
	};

	const createBeing = (): Being => {
		let state: 'alive' | 'stopped' | 'dead' = 'alive';
		let putOff: (() => void)[] = [];
		const reach = (ring: () => void): void => {
			if (state === 'alive') ring();
			else if (state === 'stopped') putOff.push(ring);
		};
		const later = (ms: number, ring: () => void): (() => void) => {
			const moment = at(nowMs + Math.max(0, ms), () => reach(() => moment.isSilent || ring()));
			return () => {
				moment.isSilent = true;
			};
		};
		return {
			now: () => nowMs,
			chance,
			later,
			every: (ms, ring) => {
				let silence = () => {};
				const again = () => {
					silence = later(ms, () => {
						again();
						ring();
					});
				};
				again();
				return () => silence();
			},
			pause: (ms, signal) =>
				new Promise((resolve) => {
					if (signal.aborted) return resolve();
					const over = () => {
						signal.removeEventListener('abort', over);
						silence();
						resolve();
					};
					const silence = later(ms, over);
					signal.addEventListener('abort', over);
				}),
			get alive() {
				return state !== 'dead';
			},
			stop: () => {
				if (state === 'alive') state = 'stopped';
			},
			resume: () => {
				if (state !== 'stopped') return;
				state = 'alive';
				const rings = putOff;
				putOff = [];
				for (const ring of rings) at(nowMs, () => reach(ring));
			},
			kill: () => {
				state = 'dead';
				putOff = [];
			},
		};
	};

	return {
		now: () => nowMs,
		createBeing,
		/** Lets time pass until then, or until `isOver`. `look` is called after each moment. */
		pass: async (untilMs: number, look: () => void, isOver: () => boolean = () => false): Promise<void> => {
			for (let turns = 0; turns < TURNS; turns += 1) await turn();
			while (!isOver() && (first()?.atMs ?? Number.POSITIVE_INFINITY) <= untilMs) {
				nowMs = Math.max(nowMs, first()!.atMs);
				// Those of one moment in their order, each with what it sets off at once; what takes longer comes when all have come.
				const last = order;
				while (!isOver() && (first()?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs && first()!.order <= last) {
					take()!.ring();
					await undefined;
				}
				for (let turns = 0; turns < TURNS; turns += 1) await turn();
				look();
			}
			if (!isOver()) nowMs = Math.max(nowMs, untilMs);
		},
	};
}

export type Time = ReturnType<typeof createTime>;
