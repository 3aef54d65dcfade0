import type { StationVerdict } from '../protocol/verdict.js';
import type { Frame } from '../vision/frame.js';

/** What a part passes, in this order, and what each is. */
export const STAGES = {
	grab: 'until the camera gives the next picture',
	prepare: 'region, resize',
	model: 'inference',
	decide: 'the verdict',
	draw: 'heatmaps of a reject, as JPEG',
	record: 'until it is safe on disk',
	publish: 'until the broker has acknowledged it',
} as const;

export type Stage = keyof typeof STAGES;

export const stageNames = Object.keys(STAGES) as Stage[];

/** How long one part took: milliseconds. `whole` is measured by itself, from asking for the picture to the broker's word. */
export type Passage = Readonly<Record<Stage, number>> & {
	readonly whole: number;
	readonly verdict: StationVerdict['verdict'];
};

/** The station's own stages, and a clock. */
export type StagesWorld<Inspected extends { readonly verdict: StationVerdict }> = {
	/** Undefined at the end of the source. */
	grab(): Promise<Frame | undefined>;
	/** Does not release the frame. */
	inspect(frame: Frame): Promise<Inspected>;
	/** Resolves when it is on disk, with what the broker will acknowledge. */
	record(inspected: Inspected): Promise<number>;
	published(event: number): Promise<void>;
	/** Milliseconds of a clock that does not jump. */
	now(): number;
	readonly signal: AbortSignal;
};

export type StagesPlan = {
	/** Before anything counts: so long, and so many parts at least. */
	readonly warmMs: number;
	readonly warmParts: number;
	readonly measureMs: number;
	readonly leastParts: number;
};

/**
 * Passes one part after the other through all stages, each when the one before it is with the broker, and tells how long each took
 * once all is warm. @throws what a stage throws; the signal's reason
 */
export async function passThroughStages<Inspected extends { readonly verdict: StationVerdict }>(
	world: StagesWorld<Inspected>,
	{ warmMs, warmParts, measureMs, leastParts }: StagesPlan,
	onPassed: (share: number) => void = () => {},
): Promise<Passage[]> {
	const { now, signal } = world;
	const until = async (ms: number, least: number): Promise<Passage[]> => {
		const passages: Passage[] = [];
		const begunMs = now();
		while (passages.length < least || now() - begunMs < ms) {
			signal.throwIfAborted();
			passages.push(await pass(world));
			onPassed(Math.min(1, (now() - begunMs) / ms));
		}
		return passages;
	};
	await until(warmMs, warmParts);
	return until(measureMs, leastParts);
}

async function pass<Inspected extends { readonly verdict: StationVerdict }>(
	world: StagesWorld<Inspected>,
): Promise<Passage> {
	const { now } = world;
	const begunMs = now();
	const frame = await world.grab();
	if (!frame) throw new Error('a source that goes on and on has ended');
	const grabbedMs = now();
	let inspected: Inspected;
	try {
		inspected = await world.inspect(frame);
	} finally {
		frame.release();
	}
	const inspectedMs = now();
	const event = await world.record(inspected);
	const recordedMs = now();
	await world.published(event);
	const publishedMs = now();
	const { verdict, latency } = inspected.verdict;
	if (!latency) throw new Error('a part that was inspected has no times');
	return {
		grab: grabbedMs - begunMs,
		prepare: latency.prepareMs,
		model: latency.modelMs,
		decide: latency.decideMs,
		draw: latency.drawMs,
		record: recordedMs - inspectedMs,
		publish: publishedMs - recordedMs,
		whole: publishedMs - begunMs,
		verdict,
	};
}
