import { setImmediate as breathe } from 'node:timers/promises';
import type { Session } from '../graph/session.js';
import { median, quantile } from '../measure/statistics.js';
import type { Manifest } from '../model/manifest.js';
import { scoreWith } from '../model/scored.js';
import type { Size } from '../vision/image.js';
import type { TeachWorld } from './lesson.js';

/** Two counts take turns so many times, after one run each that does not count. */
const ROUNDS = 7;

/** More threads must save this share of the time, or fewer are kept: others may need the cores. */
const LEAST_GAIN = 0.05;

/** Where the middle half of the rounds spreads further, they say nothing: the upper quartile of one count's share of the other's time over the lower. */
const WIDEST = 1.25;

/** Share of the whole processor that others may work meanwhile. */
const MOST_OTHERS = 0.1;

/** Powers of two, and all cores: 1, 2, 4, 6. */
export function countsFor(cores: number): number[] {
	const counts: number[] = [];
	for (let n = 1; n < cores; n *= 2) counts.push(n);
	return [...counts, cores];
}

/** Pictures that the measuring runs a model on. */
export function threadRuns(cores: number): number {
	return (countsFor(cores).length - 1) * 2 * (ROUNDS + 1);
}

/**
 * Which number of threads inside an operator scores a picture in the least time on this processor: each count is measured against the
 * best so far, in turns, so that no more than two models are in memory. Nothing is kept, and that is said, where others work or times
 * spread.
 * @returns for a manifest
 */
export async function measureThreads(
	model: Uint8Array,
	{ input, size }: { readonly input: Uint8Array; readonly size: Size },
	{ openSession, report, signal, now, processor, watchOthers }: TeachWorld,
): Promise<Manifest['threads']> {
	const { name, cores } = await processor();
	const counts = countsFor(cores);
	if (counts.length === 1) {
		report({ phase: 'threads', threads: 1, reason: null });
		return {};
	}
	const medianMs: Record<string, number> = {};
	const othersWorked = await watchOthers();
	const open = async (threads: number) => ({ threads, session: await openSession(model, { threads }) });
	const timed = async (session: Session): Promise<number> => {
		signal.throwIfAborted();
		const begun = now();
		await scoreWith(session, input, size);
		const took = now() - begun;
		await breathe();
		return took;
	};
	const untold = (reason: string): Manifest['threads'] => {
		report({ phase: 'threads', threads: null, reason });
		return {};
	};
	let best = await open(counts[0]!);
	try {
		for (const count of counts.slice(1)) {
			const next = await open(count);
			let isFaster = false;
			try {
				const [own, others]: [number[], number[]] = [[], []];
				for (let round = 0; round <= ROUNDS; round += 1) {
					const isTurned = round % 2 === 1;
					const first = await timed(isTurned ? next.session : best.session);
					const second = await timed(isTurned ? best.session : next.session);
					if (round === 0) continue;
					own.push(isTurned ? first : second);
					others.push(isTurned ? second : first);
				}
				const shares = own.map((ms, i) => ms / others[i]!);
				if (!(quantile(shares, 0.75) <= WIDEST * quantile(shares, 0.25)))
					return untold(`times with ${best.threads} and ${count} threads spread too far`);
				medianMs[best.threads] = median(others);
				medianMs[count] = median(own);
				isFaster = median(shares) <= 1 - LEAST_GAIN && quantile(shares, 0.75) < 1;
			} finally {
				await (isFaster ? best : next).session.close();
				if (isFaster) best = next;
			}
		}
		const others = await othersWorked();
		if (others === null || others > MOST_OTHERS) {
			const share =
				others === null ? 'nobody tells how much' : `${Math.round(100 * others)} % of the processor`;
			return untold(`others work beside the lesson (${share})`);
		}
		report({ phase: 'threads', threads: best.threads, reason: null });
		return { [name]: { cores, threads: best.threads, medianMs } };
	} finally {
		await best.session.close();
	}
}
