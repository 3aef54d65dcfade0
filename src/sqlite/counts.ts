import { EVENTS, type Event } from '../protocol/events.js';
import { VERDICTS, type Verdict } from '../protocol/verdict.js';
import type { Database } from './database.js';
import { codeOf, restored } from './row.js';
import type { Store } from './store.js';

/** How many verdicts of each kind a station has. */
export type StationCounts = { readonly station: string } & Readonly<Record<Verdict, number>>;

/** Since the newest report, or since the oldest event; `fromMs`: when that was recorded, null of none. `through`: the last event that was looked at. */
export type Counts = {
	readonly fromMs: number | null;
	readonly through: number | null;
	readonly stations: readonly StationCounts[];
};

/** Events that are looked at in one statement: a reader that takes its time must not keep the writer from its log. */
const WINDOW = 20_000;

/** What the newest report did not count, from the newest event backwards. `store`: of the same database. */
export function countsIn(database: Database, store: Pick<Store, 'eventsOf'>): Counts {
	const one = (sql: string, ...values: number[]) =>
		database.prepare(sql).get(...values) as Readonly<Record<string, number | null>>;
	const { oldest, newest } = one('SELECT min(id) AS oldest, max(id) AS newest FROM events');
	if (oldest == null || newest == null) return { fromMs: null, through: null, stations: [] };
	const found = new Map<string, Record<Verdict, number>>();
	const grouped = database.prepare(
		`SELECT name, verdict, count(*) AS count FROM events JOIN stations ON stations.id = events.station
		WHERE events.id > ? AND events.id <= ? AND verdict IS NOT NULL GROUP BY name, verdict`,
	);
	let report: number | null = null;
	/** The last one that is counted already: others came while that report was made. */
	let before = oldest - 1;
	for (let to = newest; to > before; to -= WINDOW) {
		if (report === null) {
			({ report = null } = one(
				`SELECT max(id) AS report FROM events WHERE id > ? AND id <= ? AND kind = ${EVENTS.report.code}`,
				to - WINDOW,
				to,
			));
			if (report !== null) before = Math.max(before, throughOf(store.eventsOf([report])[0]) ?? report);
		}
		for (const row of grouped.all(Math.max(before, to - WINDOW), to) as Row[]) {
			const station = restored(row.name);
			const counts = found.get(station) ?? { accept: 0, reject: 0, error: 0 };
			found.set(station, counts);
			const verdict = VERDICTS.find((word) => codeOf(word) === row.verdict);
			if (verdict) counts[verdict] += row.count;
		}
	}
	const { at } = one('SELECT at_ms + after_ms AS at FROM events WHERE id = ?', report ?? oldest);
	const stations = [...found].map(([station, counts]) => ({ station, ...counts }));
	return {
		fromMs: at ?? null,
		through: newest,
		stations: stations.sort((a, b) => (a.station < b.station ? -1 : 1)),
	};
}

/** A report of an older program counts what was there before it. */
function throughOf(report: Event | undefined): number | undefined {
	const { through } = (report?.body ?? {}) as { readonly through?: unknown };
	return typeof through === 'number' ? through : undefined;
}

type Row = { readonly name: string; readonly verdict: number; readonly count: number };
