import type { Random } from '../../src/base/random.js';

/** What passes a camera. */
export type Thing = { readonly name: string; readonly isGood: boolean };

/** A part that a signal announces; in view between two moments of the machine's clock. */
export type Coming = Thing & { readonly fromMs: number; readonly untilMs: number };

/** From one frame to the next, and from its exposure until it is here. */
export const FRAME_MS = 40;
const WAY_MS = 8;

/** Of ten parts one is bad. */
const BAD = 0.1;

export const DELAY_MS = 50;
export const WITHIN_MS = 350;

/** Parts that are remembered as in view: more than any view overlaps. */
const MOST_COMING = 64;

/** What really lies below a camera at each moment, which nobody in the box is told. */
export function createBelt(station: string, random: Random) {
	let coming: Coming[] = [];
	let count = 0;
	return {
		/** Another part comes into view soon. */
		bring: (atMs: number): Coming => {
			count += 1;
			const part: Coming = {
				name: `${station}-${count}`,
				isGood: random.uniform() >= BAD,
				fromMs: atMs + DELAY_MS,
				untilMs: atMs + DELAY_MS + WITHIN_MS,
			};
			coming = [...coming, part].slice(-MOST_COMING);
			return part;
		},
		/** What a frame that is exposed then shows: one that comes soon takes the place of the one before, and between parts nothing, which is not good. */
		seenAt: (atMs: number): Thing =>
			coming.findLast(({ fromMs, untilMs }) => atMs >= fromMs && atMs < untilMs) ?? {
				name: `${station}-nothing`,
				isGood: false,
			},
	};
}

export type Belt = ReturnType<typeof createBelt>;

/** Where every frame is a part of its own: whether it is good follows from its number, in no order that frames are taken in. */
export function frameThing(station: string, frame: number): Thing {
	let mixed = Math.imul(frame ^ (frame >>> 16), 0x45d9f3b);
	mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
	return {
		name: `${station}-frame-${frame}`,
		isGood: ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32 >= BAD,
	};
}

/** The same of a name; undefined for one that is no frame's. */
export function isGoodFrame(name: string): boolean | undefined {
	const [, station, frame] = /^(\w+)-frame-(\d+)$/.exec(name) ?? [];
	return station === undefined ? undefined : frameThing(station, Number(frame)).isGood;
}

/** When the frame of this name was exposed; undefined for one that is no frame's. */
export function exposedMsOf(name: string): number | undefined {
	const [, frame] = /-frame-(\d+)$/.exec(name) ?? [];
	return frame === undefined ? undefined : exposedMs(Number(frame));
}

/** The frame that is here at this moment, by number. */
export function frameHere(nowMs: number): number {
	return Math.floor((nowMs - WAY_MS) / FRAME_MS);
}

export function exposedMs(frame: number): number {
	return frame * FRAME_MS;
}

export function hereMs(frame: number): number {
	return frame * FRAME_MS + WAY_MS;
}
