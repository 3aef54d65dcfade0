import { reasonOf } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { masked } from '../base/secrets.js';
import { countOf } from '../base/words.js';
import type { Denied } from '../control/answer.js';
import type { Editing, Outcome } from '../control/edit.js';
import { type AuditEntry, auditEntry } from '../protocol/audit.js';
import type { Journal } from '../sqlite/journal.js';

/** Who changed what of the box, or tried to, goes into its trail here. */
export type Auditor = {
	/** How an edit ended. */
	edited(outcome: Outcome): void;
	/** Somebody asked for a change who may not; what is too often is only counted. */
	denied(denied: Denied): void;
	/** The revision that stands at the start: where the trail does not end with it, its file was changed meanwhile, or the box went down. */
	found(rev: string): void;
};

export type AuditorWorld = {
	readonly journal: Pick<Journal, 'audit' | 'trail'>;
	/** What nobody may read in it; the list may grow. */
	readonly secrets: readonly string[];
	readonly now: () => number;
	readonly wallClock: () => number;
	readonly log: Log;
};

/** Of what is denied, so much is told at once and in the long run: whoever asks must not fill the trail. */
const DENIED_BURST = 20;
const DENIED_EACH_MS = 60_000;

/** Entries that are looked through for the last revision. */
const MOST_LOOKED = 1000;

export function createAuditor({ journal, secrets, now, wallClock, log }: AuditorWorld): Auditor {
	const spent = { many: 0, atMs: now(), untold: 0 };
	/** In order: the trail is looked at before anything is added. */
	let noted: Promise<void> = Promise.resolve();
	const note = (said: Omit<AuditEntry, 'atMs'>): Promise<void> =>
		journal.audit(auditEntry({ ...said, atMs: wallClock() }, (text) => masked(text, secrets)));
	const unnoted = (thrown: unknown) =>
		log('error', 'trail', `cannot note an edit: ${reasonOf(thrown)}`, 'trail.failed');
	const audit = (said: Omit<AuditEntry, 'atMs'>): void => {
		noted = noted.then(() => note(said)).catch(unnoted);
	};
	return {
		edited: ({ by, changed, ...outcome }) => audit({ ...outcome, by: personOf(by), changes: changed }),
		denied: ({ name, by, text }) => {
			const nowMs = now();
			spent.many = Math.max(0, spent.many - (nowMs - spent.atMs) / DENIED_EACH_MS);
			spent.atMs = nowMs;
			if (spent.many + 1 > DENIED_BURST) {
				spent.untold += 1;
				return;
			}
			spent.many += 1;
			const more =
				spent.untold === 0 ? '' : ` (${countOf(spent.untold, 'denied request')} before it not told)`;
			spent.untold = 0;
			const nothing = { changes: [], before: null, rev: null };
			audit({
				by: personOf(by),
				what: `request "${name}"`,
				code: 'denied',
				text: `${text}${more}`,
				...nothing,
			});
		},
		found: (rev) => {
			noted = noted
				.then(async () => {
					const known = await journal.trail({ limit: MOST_LOOKED });
					const before = known.findLast((entry) => entry.rev !== null)?.rev ?? null;
					if (before === rev) return;
					const what = before === null ? 'the first revision of this trail' : 'found at the start';
					const by = { role: null, place: 'file', key: null };
					await note({ by, what, changes: [], code: 'ok', text: '', before, rev });
				})
				.catch(unnoted);
		},
	};
}

function personOf(by: Editing): AuditEntry['by'] {
	if (!('role' in by)) return { role: null, place: by.place, key: null };
	return { role: by.role, place: by.place, key: by.key ?? null };
}
