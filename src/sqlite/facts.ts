import { type Database, type Prepare, preparing } from './database.js';

/** Single values that a journal notes by name. Knows no transaction. */
export class Facts {
	readonly #prepared: Prepare;

	constructor(database: Database) {
		this.#prepared = preparing(database);
	}

	of(name: string): string | undefined {
		const row = this.#prepared('SELECT value FROM facts WHERE name = ?').get(name) as unknown as
			| [unknown]
			| undefined;
		return row === undefined ? undefined : String(row[0]);
	}

	/** Those whose name begins so: the rest of the name, and the value. */
	below(prefix: string): readonly (readonly [rest: string, value: string])[] {
		const rows = this.#prepared('SELECT name, value FROM facts WHERE substr(name, 1, ?) = ?').all(
			prefix.length,
			prefix,
		) as unknown as [unknown, unknown][];
		return rows.map(([name, value]) => [String(name).slice(prefix.length), String(value)]);
	}

	note(name: string, value: string | number): void {
		this.#prepared('INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value').run(
			name,
			value,
		);
	}
}
