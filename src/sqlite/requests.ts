import { type Database, type Prepare, preparing } from './database.js';
import type { Claim, Kept, Nonce, Numbers, RequestKey, Write } from './exchange.js';
import { Facts } from './facts.js';
import { restored, stored, type Value } from './row.js';

const HOUR_MS = 3_600_000;

/** Requests that are kept, in all and of one who asks, with as many bytes of answers, for so long: the oldest go. */
const MOST_KEPT = 1000;
const MOST_OF_ONE = 500;
const MOST_KEPT_MS = 30 * 24 * HOUR_MS;
const MOST_ANSWER_BYTES = 16e6;

/** Signatures that are remembered. */
const MOST_NONCES = 10_000;

type RequestWrite = Extract<Write, { kind: 'claim' | 'release' | 'answer' | 'said' | 'nonce' }>;

/** Which requests were taken on, what they were answered, and which signatures were used. Knows no transaction or clock. */
export class Requests {
	readonly #prepared: Prepare;
	readonly #facts: Facts;

	constructor(database: Database) {
		this.#prepared = preparing(database);
		this.#facts = new Facts(database);
	}

	/** @returns a number for a signature that was not used before, else none */
	write(write: RequestWrite): Numbers[] {
		switch (write.kind) {
			case 'claim':
				this.#claim(write);
				return [];
			case 'release':
				this.#run(
					'DELETE FROM answers WHERE requester = ? AND request = ? AND answer IS NULL',
					stored(write.requester),
					stored(write.request),
				);
				return [];
			case 'answer':
				this.#run(
					'UPDATE answers SET answer = ?1, bytes = length(?1) WHERE requester = ?2 AND request = ?3 AND answer IS NULL',
					write.answer,
					stored(write.requester),
					stored(write.request),
				);
				this.#bound();
				return [];
			case 'said':
				this.#run(
					'UPDATE answers SET said = 1 WHERE requester = ? AND request = ?',
					stored(write.requester),
					stored(write.request),
				);
				return [];
			case 'nonce':
				return this.#use(write) ? [{ id: 0, sequence: null }] : [];
		}
	}

	/** In the order in which they were taken on. @throws Damage */
	kept(): Kept[] {
		return this.#rows(
			'SELECT requester, request, print, claim, at_ms, answer IS NOT NULL, said FROM answers ORDER BY id',
		).map((row) => {
			const [requester, request, print, claim, atMs, answered, said] = row as [
				...[string, string, string, string],
				...[number, number, number],
			];
			return {
				requester: restored(requester),
				request: restored(request),
				print: restored(print),
				claim: restored(claim),
				atMs,
				isAnswered: answered === 1,
				isSaid: said === 1,
			};
		});
	}

	answerTo({ requester, request }: RequestKey): string | null {
		const [row] = this.#rows(
			'SELECT answer FROM answers WHERE requester = ? AND request = ?',
			stored(requester),
			stored(request),
		);
		return (row?.[0] as string | null | undefined) ?? null;
	}

	#claim({ requester, request, print, claim, atMs }: Claim): void {
		this.#run(
			`INSERT INTO answers (requester, request, print, claim, at_ms, bytes, said) VALUES (?, ?, ?, ?, ?, 0, 0)
			ON CONFLICT DO NOTHING`,
			stored(requester),
			stored(request),
			stored(print),
			stored(claim),
			atMs,
		);
		this.#run('DELETE FROM answers WHERE answer IS NOT NULL AND at_ms < ?', atMs - MOST_KEPT_MS);
	}

	/** Those that are not answered stay: they are few, and owed an answer. */
	#bound(): void {
		this.#run(
			`DELETE FROM answers WHERE answer IS NOT NULL AND id NOT IN (
				SELECT id FROM (
					SELECT id, sum(bytes) OVER (ORDER BY id DESC) AS bytes FROM (
						SELECT id, bytes, row_number() OVER (PARTITION BY requester ORDER BY id DESC) AS nth FROM answers
					) WHERE nth <= ? ORDER BY id DESC LIMIT ?
				) WHERE bytes <= ?
			)`,
			MOST_OF_ONE,
			MOST_KEPT,
			MOST_ANSWER_BYTES,
		);
	}

	/** The newest are remembered; what is older than all of those is refused, whatever the clock says. */
	#use({ key, nonce, atMs }: Nonce): boolean {
		if (atMs <= Number(this.#facts.of('nonces_after') ?? Number.NEGATIVE_INFINITY)) return false;
		const isNew = this.#run(
			'INSERT INTO nonces VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
			stored(key),
			stored(nonce),
			atMs,
		);
		if (isNew === 0) return false;
		const [[last] = []] = this.#rows(
			'SELECT at_ms FROM nonces ORDER BY at_ms DESC LIMIT 1 OFFSET ?',
			MOST_NONCES,
		);
		if (typeof last === 'number') {
			this.#run('DELETE FROM nonces WHERE at_ms <= ?', last);
			this.#facts.note('nonces_after', last);
		}
		return true;
	}

	#run(sql: string, ...values: readonly Value[]): number {
		return this.#prepared(sql).run(...values).changes;
	}

	#rows(sql: string, ...values: readonly Value[]): Value[][] {
		return this.#prepared(sql).all(...values) as Value[][];
	}
}
