import type { Origin } from '../protocol/verdict.js';
import type { Database } from './database.js';
import { codeOf, eventFrom, isSealed, parsed, type Value } from './row.js';

/** Parts that one model decided on by one recipe. */
export type ScoresQuery = {
	readonly recipe: string;
	/** SHA-256 of the model's bytes: scores of another one say nothing of this. */
	readonly model: string;
	/** Of this station alone. */
	readonly station?: string | undefined;
	readonly sinceMs?: number | undefined;
	/** So many of the newest. */
	readonly limit: number;
};

/** The newest first; `accepted`: 1 for a part that was accepted, 0 for one that was rejected. */
export type Scores = {
	readonly scores: Float64Array;
	readonly accepted: Uint8Array;
	/** Of the oldest and the newest; null of none. */
	readonly fromMs: number | null;
	readonly toMs: number | null;
	/** There may be older ones. */
	readonly isMore: boolean;
};

/** Events that are looked at in one statement: a reader that takes its time must not keep the writer from its log. */
const WINDOW = 2000;

/** Events that are looked at, the newest: scores of this model may be few, or long ago. */
const MOST_LOOKED = 1_000_000;

const [ACCEPT, REJECT] = [codeOf('accept'), codeOf('reject')];

/** Scores from the journal, the newest first; rows that are damaged are left out. */
export function scoresIn(database: Database, query: ScoresQuery): Scores {
	const { sinceMs = Number.NEGATIVE_INFINITY, limit } = query;
	const origins = originsOf(database, query);
	const scores = new Float64Array(limit);
	const accepted = new Uint8Array(limit);
	let [count, fromMs, toMs]: [number, number | null, number | null] = [0, null, null];
	const [oldest, newest] = arrays(database, 'SELECT min(id), max(id) FROM events').get() as (number | null)[];
	const done = (isMore: boolean): Scores => ({
		scores: scores.slice(0, count),
		accepted: accepted.slice(0, count),
		fromMs,
		toMs,
		isMore,
	});
	if (oldest == null || newest == null || origins.length === 0) return done(false);
	const window = arrays(
		database,
		`SELECT * FROM events WHERE id > ? AND id <= ? AND verdict IN (${ACCEPT}, ${REJECT}) AND score IS NOT NULL
		AND origin IN (SELECT value FROM json_each(?)) ORDER BY id DESC`,
	);
	const wanted = JSON.stringify(origins);
	for (let to = newest; to >= oldest; to -= WINDOW) {
		if (newest - to >= MOST_LOOKED) return done(true);
		for (const row of window.all(to - WINDOW, to, wanted) as Value[][]) {
			if (!isSealed('events', row)) continue;
			const { event } = eventFrom(row);
			if (event.atMs < sinceMs) continue;
			if (count === limit) return done(true);
			scores[count] = event.score!;
			accepted[count] = event.verdict === 'accept' ? 1 : 0;
			count += 1;
			fromMs = Math.min(fromMs ?? event.atMs, event.atMs);
			toMs = Math.max(toMs ?? event.atMs, event.atMs);
		}
	}
	return done(false);
}

/** What such parts have in common: a row a run, and a row each time when anything of it was another. */
function originsOf(database: Database, { recipe, model, station }: ScoresQuery): number[] {
	const ids: number[] = [];
	for (const row of arrays(database, 'SELECT * FROM origins').iterate() as Iterable<Value[]>) {
		if (!isSealed('origins', row)) continue;
		const [id, body] = row as [number, string];
		const origin = parsed(body) as Partial<Origin>;
		const isMeant = origin.recipe === recipe && origin.model?.sha256 === model;
		if (isMeant && (station === undefined || origin.station === station)) ids.push(id);
	}
	return ids;
}

function arrays(database: Database, sql: string): ReturnType<Database['prepare']> {
	const statement = database.prepare(sql);
	statement.setReturnArrays(true);
	return statement;
}
