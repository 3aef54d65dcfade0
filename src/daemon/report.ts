import { reportEntry, reportMessage } from '../protocol/report.js';
import { encodePayload, topicOf } from '../protocol/topics.js';
import type { Counts } from '../sqlite/counts.js';
import type { Recorder } from './record.js';

export type ReportWorld = {
	readonly box: string;
	/** Those that run. */
	readonly stations: () => readonly string[];
	/** What was judged since the report before. @throws Failure file-unreadable; the signal's reason */
	readonly counts: (signal: AbortSignal) => Promise<Counts>;
	readonly record: Pick<Recorder, 'note' | 'retain'>;
	readonly wallClock: () => number;
};

/** Notes what was judged since the report before, and says it. @returns it in words @throws Failure file-unreadable; the signal's reason */
export async function report(world: ReportWorld, signal: AbortSignal): Promise<string> {
	const { box, record, wallClock } = world;
	const atMs = wallClock();
	const { fromMs, through, stations } = await world.counts(signal);
	const idle = world.stations().filter((name) => !stations.some(({ station }) => station === name));
	const all = [...stations, ...idle.map((station) => ({ station, accept: 0, reject: 0, error: 0 }))];
	const told = all.map(({ station, accept, reject, error }) => ({
		station,
		parts: accept + reject + error,
		accepted: accept,
		rejected: reject,
		errors: error,
	}));
	const message = reportMessage({ box, fromMs, stations: told }, atMs);
	await record.note(reportEntry(message, through));
	record.retain((root) => topicOf('report', { root, box }), encodePayload('report', message));
	return told
		.map(
			({ station, parts, rejected, errors }) =>
				`${station}: ${parts} parts, ${rejected} rejected, ${errors} errors`,
		)
		.join('; ');
}
