import { type Database, type Prepare, preparing } from './database.js';
import type { Claim, Kept, Nonce, Numbers, RequestKey, Write } from './exchange.js';
import { Facts } from './facts.js';
import { restored, stored, type Value } from './row.js';

/** Requests that are kept, in all and of one who asks, with as many bytes of answers: the oldest go. None grows too old: what a clock that leaps made forget would be done again. */
const MOST_KEPT = 1000;
const MOST_OF_ONE = 500;
const MOST_ANSWER_BYTES = 16e6;

/** Signatures that are remembered. */
const MOST_NONCES = 10_000;

type RequestWrite = Extract<Write, { kind: 'claim' | 'release' | 'answer' | 'said' | 'nonce' }>;

/** What bounds look at of a request that is kept. */
type Held = {
	readonly id: number;
	readonly key: RequestKey;
	bytes: number;
	isAnswered: boolean;
};

/** Which requests were taken on, what they were answered, and which signatures were used. Knows no transaction or clock. */
export class Requests {
	readonly #prepared: Prepare;
	readonly #facts: Facts;
	/** In the order in which they were taken on; undefined until somebody looks. */
	#held: Held[] | undefined;

	constructor(database: Database) {
		this.#prepared = preparing(database);
		this.#facts = new Facts(database);
	}

	/** After a transaction that did not happen, what is remembered is read again. */
	forget(): void {
		this.#held = undefined;
	}

	/** @returns a number for a signature that was not used before, else none */
	write(write: RequestWrite): Numbers[] {
		switch (write.kind) {
			case 'claim':
				this.#claim(write);
				return [];
			case 'release':
				this.#take(({ key, isAnswered }) => !isAnswered && isSame(key, write));
				return [];
			case 'answer':
				this.#answer(write);
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
		const held = this.#all();
		const { changes, lastInsertRowid } = this.#prepared(
			`INSERT INTO answers (requester, request, print, claim, at_ms, bytes, said) VALUES (?, ?, ?, ?, ?, 0, 0)
			ON CONFLICT DO NOTHING`,
		).run(stored(requester), stored(request), stored(print), stored(claim), atMs);
		if (changes > 0)
			held.push({
				id: Number(lastInsertRowid),
				key: { requester, request },
				bytes: 0,
				isAnswered: false,
			});
	}

	#answer({ requester, request, answer }: Extract<Write, { kind: 'answer' }>): void {
		const asked = this.#all().findLast(({ key }) => isSame(key, { requester, request }));
		if (!asked || asked.isAnswered) return;
		asked.bytes = Buffer.byteLength(answer);
		asked.isAnswered = true;
		this.#run('UPDATE answers SET answer = ?, bytes = ? WHERE id = ?', answer, asked.bytes, asked.id);
	}

	/** Those that are not answered stay: they are few, and owed an answer. */
	#bound(): void {
		const of = new Map<string, number>();
		const kept = new Set<Held>();
		let bytes = 0;
		for (const one of this.#all().toReversed()) {
			const nth = (of.get(one.key.requester) ?? 0) + 1;
			of.set(one.key.requester, nth);
			if (nth > MOST_OF_ONE || kept.size === MOST_KEPT) continue;
			bytes += one.bytes;
			if (bytes > MOST_ANSWER_BYTES) break;
			kept.add(one);
		}
		this.#take((one) => one.isAnswered && !kept.has(one));
	}

	#take(isMeant: (one: Held) => boolean): void {
		const held = this.#all();
		const taken = held.filter(isMeant);
		if (taken.length === 0) return;
		for (const { id } of taken) this.#run('DELETE FROM answers WHERE id = ?', id);
		this.#held = held.filter((one) => !taken.includes(one));
	}

	#all(): Held[] {
		this.#held ??= this.#rows(
			'SELECT id, requester, request, bytes, answer IS NOT NULL FROM answers ORDER BY id',
		).map((row) => {
			const [id, requester, request, bytes, answered] = row as [number, string, string, ...number[]];
			const key = { requester: restored(requester), request: restored(request) };
			return { id, key, bytes: bytes!, isAnswered: answered === 1 };
		});
		return this.#held;
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

const isSame = (a: RequestKey, b: RequestKey): boolean =>
	a.requester === b.requester && a.request === b.request;
