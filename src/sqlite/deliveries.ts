import type { Range } from '../base/ranges.js';
import { Damage, type Database, type Prepare, preparing } from './database.js';
import type { DeadLetter, Stream, Undelivered, Write } from './exchange.js';
import { restored, stored, type Value } from './row.js';

/** Dead letters that are kept; the oldest go. */
const MOST_DEAD_LETTERS = 10_000;

type DeliveryWrite = Extract<Write, { kind: 'undelivered' | 'dead-letter' | 'letters-done' }>;

/** What each outlet has still to deliver, and what it was refused for good. Knows no transaction. */
export class Deliveries {
	readonly #prepared: Prepare;
	/** Asked for at each commit, and seldom another. */
	#first: ReturnType<Deliveries['firstUndelivered']> | undefined;

	constructor(database: Database) {
		this.#prepared = preparing(database);
	}

	/** After a transaction that did not happen, what is remembered is read again. */
	forget(): void {
		this.#first = undefined;
	}

	write(write: DeliveryWrite): void {
		switch (write.kind) {
			case 'undelivered':
				this.put(write);
				return;
			case 'dead-letter':
				this.#run(
					'INSERT INTO dead_letters (outlet, event, reason, at_ms) VALUES (?, ?, ?, ?)',
					stored(write.outlet),
					write.event,
					stored(write.reason),
					write.atMs,
				);
				this.#run(
					'DELETE FROM dead_letters WHERE id <= (SELECT max(id) FROM dead_letters) - ?',
					MOST_DEAD_LETTERS,
				);
				return;
			case 'letters-done':
				for (const event of write.events)
					this.#run('DELETE FROM dead_letters WHERE outlet = ? AND event = ?', stored(write.outlet), event);
		}
	}

	/** In place of what stood for the outlet and stream. */
	put({ outlet, stream, ranges }: Undelivered): void {
		this.#first = undefined;
		this.#run('DELETE FROM undelivered WHERE outlet = ? AND stream = ?', stored(outlet), stream);
		for (const { from, to } of ranges)
			this.#run(
				'INSERT INTO undelivered VALUES (?, ?, ?, ?)',
				stored(outlet),
				stream,
				from,
				to === Number.POSITIVE_INFINITY ? null : to,
			);
	}

	/** Events up to one are delivered no more. */
	forgetEvents(last: number): void {
		this.#first = undefined;
		this.#run("DELETE FROM undelivered WHERE stream = 'events' AND last <= ?", last);
		this.#run("UPDATE undelivered SET first = ?1 + 1 WHERE stream = 'events' AND first <= ?1", last);
	}

	/** @throws Damage */
	undelivered(): Undelivered[] {
		const found = new Map<string, Undelivered & { readonly ranges: Range[] }>();
		for (const row of this.#rows(
			'SELECT outlet, stream, first, last FROM undelivered ORDER BY outlet, stream, first',
		)) {
			const [outlet, stream, first, last] = row as [string, Stream, number, number | null];
			const key = `${stream} ${outlet}`;
			const one = found.get(key) ?? { outlet: restored(outlet), stream, ranges: [] };
			if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last ?? 0))
				throw new Damage('what outlets have to deliver is not what was written');
			one.ranges.push({ from: first, to: last ?? Number.POSITIVE_INFINITY });
			found.set(key, one);
		}
		return [...found.values()];
	}

	/** Where what outlets have to deliver begins. @throws Damage */
	firstUndelivered(): readonly (readonly [stream: Stream, outlet: string, from: number])[] {
		this.#first ??= this.#rows(
			'SELECT stream, outlet, min(first) FROM undelivered GROUP BY outlet, stream',
		).map((row) => {
			const [stream, outlet, from] = row as [Stream, string, number];
			return [stream, restored(outlet), from] as const;
		});
		return this.#first;
	}

	/** @throws Damage */
	deadLetters(): (DeadLetter & { readonly id: number })[] {
		return this.#rows('SELECT id, outlet, event, reason, at_ms FROM dead_letters ORDER BY id').map((row) => {
			const [id, outlet, event, reason, atMs] = row as [number, string, number, string, number];
			return { id, outlet: restored(outlet), event, reason: restored(reason), atMs };
		});
	}

	#run(sql: string, ...values: readonly Value[]): void {
		this.#prepared(sql).run(...values);
	}

	#rows(sql: string, ...values: readonly Value[]): Value[][] {
		return this.#prepared(sql).all(...values) as Value[][];
	}
}
