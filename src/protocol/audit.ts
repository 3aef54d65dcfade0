import { redacted } from '../config/redact.js';
import type { Code } from './answer.js';
import type { Role } from './roles.js';

/** One line of the trail: who changed what, or tried to. Nothing in it is secret. */
export type AuditEntry = {
	/** Wall clock, in milliseconds. */
	readonly atMs: number;
	/** `place`: where the answer goes, or "local", "file", "box"; `key`: who signed. */
	readonly by: { readonly role: Role | null; readonly place: string; readonly key: string | null };
	/** In one line. */
	readonly what: string;
	readonly changes: readonly Changed[];
	/** How it was answered; `reverted`: it was undone later. */
	readonly code: Code | 'reverted';
	/** Why. */
	readonly text: string;
	/** The revisions that stood before and after it; null where nothing came of it. */
	readonly before: string | null;
	readonly rev: string | null;
};

/** A setting that differs. */
export type Changed = { readonly path: string; readonly before: unknown; readonly after: unknown };

/** An entry as it stands; `hash` is over the one before it and itself. */
export type Audited = AuditEntry & { readonly number: number; readonly hash: string };

/** Of an entry: settings that are named, characters of each value, and of each text. */
const MOST_CHANGES = 100;
const LONGEST_VALUE = 200;
const LONGEST_TEXT = 1000;

/** An entry rid of secrets, and no longer than it may be; `openly` masks what is secret in a text. */
export function auditEntry(said: AuditEntry, openly: (text: string) => string): AuditEntry {
	const { by, what, changes, text } = said;
	const told = (one: string) => cut(openly(one), LONGEST_TEXT);
	return {
		...said,
		by: { ...by, place: cut(by.place, LONGEST_VALUE) },
		what: told(what),
		changes: changes.slice(0, MOST_CHANGES).map(({ path, before, after }) => ({
			path: cut(path, LONGEST_VALUE),
			before: short(before),
			after: short(after),
		})),
		text: told(text),
	};
}

function short(value: unknown): unknown {
	const open = redacted(value) ?? null;
	const text = JSON.stringify(open);
	return text.length > LONGEST_VALUE ? cut(text, LONGEST_VALUE) : open;
}

function cut(text: string, most: number): string {
	return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
