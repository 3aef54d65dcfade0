import { Damage, type Prepare } from './database.js';
import { isSealed, parsed, sealed, type Value } from './row.js';

/** Texts that are remembered. */
const MOST_REMEMBERED = 1000;

/** Writes what events refer to once more. */
export function copy(
	original: 'stations' | 'origins' | 'shapes',
	ref: number,
	body: string,
	prepared: Prepare,
): void {
	const [last] = prepared('SELECT max(id) FROM copies').get() as [number | null];
	const row = sealed('copies', [(last ?? 0) + 1, original, ref, body]);
	prepared('INSERT INTO copies VALUES (?, ?, ?, ?, ?)').run(...row);
}

/** Texts that many rows share, each kept once under a number. */
export class Texts {
	readonly #table: 'origins' | 'shapes';
	readonly #prepared: Prepare;
	readonly #ids = new Map<string, number>();
	readonly #values = new Map<number, unknown>();

	constructor(table: 'origins' | 'shapes', prepared: Prepare) {
		this.#table = table;
		this.#prepared = prepared;
	}

	forget(): void {
		this.#ids.clear();
		this.#values.clear();
	}

	idOf(text: string): number;
	idOf(text: string, most: number): number | undefined;
	idOf(text: string, most = Number.POSITIVE_INFINITY): number | undefined {
		const known = this.#ids.get(text);
		if (known !== undefined) return known;
		const found = this.#prepared(`SELECT id FROM ${this.#table} WHERE body = ?`).get(text) as
			| [number]
			| undefined;
		let id = found?.[0];
		if (id === undefined) {
			const [last] = this.#prepared(`SELECT max(id) FROM ${this.#table}`).get() as [number | null];
			if ((last ?? 0) >= most) return undefined;
			id = (last ?? 0) + 1;
			this.#prepared(`INSERT INTO ${this.#table} VALUES (?, ?, ?)`).run(...sealed(this.#table, [id, text]));
			copy(this.#table, id, text, this.#prepared);
		}
		this.#remember(id, text);
		return id;
	}

	/** What the text says: the same object for all, which nobody changes. @throws Damage */
	parsedOf(id: number): unknown {
		const known = this.#values.get(id);
		if (known !== undefined) return known;
		const row = this.#prepared(`SELECT * FROM ${this.#table} WHERE id = ?`).get(id) as Value[] | undefined;
		if (!row || !isSealed(this.#table, row)) throw new Damage(`${this.#table} in the journal are damaged`);
		const text = row[1] as string;
		this.#remember(id, text);
		return this.#values.get(id);
	}

	#remember(id: number, text: string): void {
		if (this.#ids.size >= MOST_REMEMBERED) this.forget();
		this.#ids.set(text, id);
		this.#values.set(id, parsed(text));
	}
}
