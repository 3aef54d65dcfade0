import { permutation, randomFrom } from '../base/random.js';
import type { Backbone } from '../model/architecture.js';
import { COMMONS, departures } from '../model/departure.js';
import type { Tiling } from '../model/tiling.js';
import type { Weights } from '../model/weights.js';
import type { Geometry } from '../protocol/teach-messages.js';
import type { Image, Size } from '../vision/image.js';
import { SPOILS, spoiledCopies } from '../vision/spoils.js';
import { bestOf, type Effort, effortFor, FEWEST_TO_JUDGE, type Judged, passing } from './geometry.js';
import type { TeachWorld } from './lesson.js';
import { openSight, type Sight } from './sight.js';

/** Good parts at their own resolution. */
export type Parts = {
	readonly count: number;
	/** What is learnt of a picture, as RGB, shrunk so that no side is longer than `longestSide`. @throws Failure image-unreadable */
	picture(index: number, longestSide: number): Promise<Image>;
	/** As a model whose input is of `size` sees it: [height, width, 3]. */
	prepared(picture: Image, size: Size): Uint8Array;
};

type Teacher = { readonly backbone: Backbone; readonly weights: Weights };

export type JudgeSettings = {
	readonly seed: number;
	readonly threads: number;
	/** What costs more milliseconds a part is not chosen. */
	readonly msPerPart?: number | undefined;
};

type World = Pick<TeachWorld, 'openSession' | 'report' | 'signal' | 'now'> & {
	/** Milliseconds that a part takes which is seen so. */
	readonly partMs: (tiling: Tiling) => Promise<number>;
};

type Timed = { readonly tiling: Tiling; readonly ms: number };

type Copy = { readonly of: number; readonly map: Float32Array };

/** A part that is judged is looked at itself, and once a spoiled copy. */
const LOOKS = 1 + SPOILS.length;

/** The smallest defects, in pixels of the picture, and the weakest: what nobody sees says nothing of how to look. */
const FINEST_PX = 4;
const LEAST_STRENGTH = 0.3;

/** Pictures are looked at no larger than this, or than twice the largest geometry. */
const LEAST_LONGEST = 1024;

/**
 * Which geometry sees the most of defects that are made into good parts, within the time that a part may take. It is judged by how far the
 * teacher's features are from those of other good parts, for which nobody needs to learn anything; defects are made once, at the
 * picture's own resolution.
 * @param candidates as `geometriesFor` gives them @throws Failure image-unreadable, model-failed, the signal's reason
 */
export async function chooseGeometry(
	candidates: readonly Tiling[],
	parts: Parts,
	teacher: Teacher,
	settings: JudgeSettings,
	world: World,
): Promise<Geometry> {
	if (candidates.length === 1) return { tiling: candidates[0]!, compared: [] };
	const timed: Timed[] = [];
	for (const tiling of candidates) timed.push({ tiling, ms: await world.partMs(tiling) });
	const { msPerPart = Number.POSITIVE_INFINITY } = settings;
	const cheapest = timed.reduce((a, b) => (b.ms < a.ms ? b : a));
	if (cheapest.ms > msPerPart) {
		const message = `a part takes ${cheapest.ms.toFixed(1)} ms here at least, more than the ${msPerPart} that it may take`;
		world.report({ phase: 'warning', message });
	}
	const swift = timed.filter((one) => one.ms <= msPerPart || one === cheapest);
	const judged = swift.length > 1 ? await judge(swift, parts, teacher, settings, world) : [];
	const { tiling } = judged.length > 0 ? bestOf(judged) : swift[0]!;
	const passOf = (one: Timed): number | null => {
		const found = judged.find((other) => other.tiling === one.tiling);
		return found ? passing(found) : null;
	};
	return { tiling, compared: timed.map((one) => ({ ...one, pass: passOf(one) })) };
}

/** Those that the time is enough for; none, where good parts are too few to tell. */
async function judge(
	timed: readonly Timed[],
	parts: Parts,
	teacher: Teacher,
	{ seed, threads }: JudgeSettings,
	world: World,
): Promise<Judged[]> {
	const { report, now } = world;
	const costs = timed.map(() => 0);
	let effort: Effort | undefined = effortFor(costs, parts.count, LOOKS);
	if (!effort) {
		const message = `${parts.count} good pictures are too few to compare ways to look at them: ${FEWEST_TO_JUDGE} are needed`;
		report({ phase: 'warning', message });
		return [];
	}
	const random = randomFrom(seed + 3);
	const order = permutation(parts.count, random);
	const longest = timed.map(({ tiling }) => 2 * Math.max(tiling.width, tiling.height));
	const picture = (i: number) => parts.picture(order[i]!, Math.max(LEAST_LONGEST, ...longest));
	const looks = () => effort!.usual + effort!.judged * LOOKS;
	let done = 0;
	const tell = (): void => {
		done += 1;
		report({ phase: 'trying', done, of: looks() });
	};
	const opened: (Timed & {
		readonly sight: Sight;
		readonly good: Float32Array[];
		readonly copies: Copy[];
	})[] = [];
	try {
		for (const { tiling, ms } of timed) {
			const sight = await openSight(tiling, teacher, { threads }, world);
			opened.push({ tiling, ms, sight, good: [], copies: [] });
		}
		let seen = opened;
		for (let i = 0; i < effort.usual; i += 1) {
			const image = await picture(i);
			for (const [k, { tiling, sight }] of seen.entries()) {
				const begun = now();
				await sight.learn(parts.prepared(image, tiling));
				costs[k] = now() - begun;
			}
			// The first one touches memory, the second tells how much time there is.
			if (i === 1) {
				effort = effortFor(costs, parts.count, LOOKS)!;
				if (effort.kept.length < 2) {
					report({
						phase: 'warning',
						message: 'to compare ways to look at the pictures would take too long here',
					});
					return [];
				}
				seen = effort.kept.map((k) => opened[k]!);
			}
			tell();
		}
		for (let of = 0; of < effort.judged; of += 1) {
			const image = await picture(effort.usual + of);
			const smallest = FINEST_PX / Math.min(image.width, image.height);
			const least = { smallest, leastStrength: LEAST_STRENGTH };
			const spoiled = spoiledCopies(image.data, image, random, least);
			for (const { tiling, sight, good } of seen) good.push(await sight.mapOf(parts.prepared(image, tiling)));
			tell();
			for (const { picture: data } of spoiled) {
				for (const { tiling, sight, copies } of seen) {
					copies.push({ of, map: await sight.mapOf(parts.prepared({ ...image, data }, tiling)) });
				}
				tell();
			}
		}
		return seen.map(({ tiling, ms, sight, good, copies }) => {
			const ways = COMMONS.map((common): Judged => {
				const found = departures(good, copies, sight.groups, common);
				const spoiled = copies.map(({ of }, i) => ({ of, score: found.copies[i]! }));
				return { tiling, ms, good: found.good, spoiled };
			});
			// The lesson will choose how it scores, too.
			return ways.reduce((a, b) => (passing(b) < passing(a) ? b : a));
		});
	} finally {
		for (const { sight } of opened) await sight.close();
	}
}
