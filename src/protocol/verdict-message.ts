import type { Entry, Event } from './events.js';
import { instantOf, messageId, SCHEMA } from './fields.js';
import { topicOf } from './topics.js';
import {
	type Body,
	type Clock,
	EVALUATIONS,
	type Origin,
	reasonFor,
	type StationVerdict,
	type VerdictMessage,
} from './verdict.js';

/** What a verdict's event has in common with others. */
export type VerdictOrigin = Origin & { readonly clock: Clock };

/** What only the one who publishes knows. Wall clock times in milliseconds. */
export type Publishing = {
	/** Of the journal: its events' ids count in it. */
	readonly series: string;
	/** Of the topics. */
	readonly root: string;
	readonly publishedMs: number;
	readonly late: boolean;
	/** Durations of one clock, while somebody remembers them. */
	readonly recordMs?: number | null;
	readonly publishMs?: number | null;
};

/** The key of a part that is due, and that its verdict settles. */
export function partKey({ run }: Pick<Origin, 'run'>, { runSequence }: Pick<Body, 'runSequence'>): string {
	return `${run}-${runSequence}`;
}

/** A station's verdict for the journal; `clock` is that of now. */
export function verdictEntry({ origin, ...body }: StationVerdict, clock: Clock): Entry {
	const common: VerdictOrigin = { ...origin, clock };
	return {
		kind: 'verdict',
		station: origin.station,
		atMs: body.takenMs,
		verdict: body.verdict,
		score: body.score,
		part: body.part,
		origin: common,
		body,
		settles: partKey(origin, body),
	};
}

/** What a station found of a part so long after its deadline: for information, and never a verdict. */
export function lateEntry({ origin, verdict, ...body }: StationVerdict, byMs: number, clock: Clock): Entry {
	const common: VerdictOrigin = { ...origin, clock };
	return {
		kind: 'late',
		station: origin.station,
		atMs: body.takenMs,
		verdict: null,
		score: body.score,
		part: body.part,
		origin: common,
		body: { ...body, found: verdict, byMs: Math.round(byMs) },
	};
}

/** A verdict as it is published, from its event in the journal. */
export function verdictMessage(event: Event, told: Publishing): VerdictMessage {
	const { series, root, publishedMs, late, recordMs = null, publishMs = null } = told;
	const origin = event.origin as VerdictOrigin;
	const body = event.body as Body;
	const { box, station, threshold } = origin;
	const { verdict, error, score, latency, takenMs } = body;
	const id = messageId(series, event.id);
	const { waitMs = null, prepareMs = null, modelMs = null, decideMs = null, drawMs = null } = latency ?? {};
	return {
		schema: SCHEMA,
		id,
		box,
		station,
		recipe: origin.recipe,
		sequence: event.sequence!,
		part: body.part,
		trigger: body.trigger,
		verdict,
		resultEvaluation: EVALUATIONS[verdict],
		reason: reasonFor(body),
		error: error && { code: error.code, message: error.message },
		score,
		threshold,
		margin: score === null || threshold === null ? null : score - threshold,
		regions: body.regions,
		heatmaps: body.heatmaps.map((drawn, index) => ({
			topic: topicOf('heatmap', { root, box, station, id, index: String(index) }),
			...drawn,
		})),
		frame: body.frame,
		isSimulated: origin.isSimulated,
		late,
		times: {
			captured: instantOf(takenMs),
			scored: latency && instantOf(takenMs + latency.waitMs + latency.prepareMs + latency.modelMs),
			recorded: instantOf(event.recordedMs),
			published: instantOf(publishedMs),
		},
		latency: { waitMs, prepareMs, modelMs, decideMs, drawMs, recordMs, publishMs },
		monotonicMs: body.monotonicMs,
		clock: origin.clock,
		// What older programs wrote knows no engines.
		model: origin.model && {
			...origin.model,
			fingerprint: origin.model.fingerprint ?? null,
			engine: origin.model.engine ?? null,
		},
		revision: origin.revision,
		boot: origin.boot,
		run: origin.run,
		runSequence: body.runSequence,
	};
}
