import { Failure } from '../base/failure.js';
import type { Audited } from '../protocol/audit.js';
import { instantOf } from '../protocol/fields.js';
import { breakLine } from '../protocol/trail.js';
import { openSearch } from '../sqlite/search.js';
import { type Arguments, type Command, numberOption, textOption } from './terminal/command.js';
import { journalFolder, journalOptions } from './terminal/journal.js';
import { timeOption } from './terminal/time.js';

export const auditCommand: Command = {
	name: 'audit',
	summary:
		'Says who changed what of a box, or tried to: reads the trail in the journal, also while the daemon writes it. `audit verify` says whether an entry was changed, removed or inserted: each holds the hash of the one before it.',
	positionals: ['[verify…]'],
	options: {
		...journalOptions,
		since: {
			value: 'TIME',
			summary: 'from then on: 2026-11-25, 2026-11-25T06:00 (UTC, or with a zone), or 15m, 2h, 3d ago',
		},
		limit: { value: 'N', summary: 'the newest so many', fallback: '100' },
		holds: {
			value: 'N:HASH',
			summary: 'verify: an entry as verify said it earlier, kept where nobody who can write here can write',
		},
		json: { summary: 'print each as one line of JSON' },
	},
	run: async (args, context) => {
		const [action, ...rest] = args.positionals;
		if ((action !== undefined && action !== 'verify') || rest.length > 0)
			throw new Failure('usage', `Cannot understand "${rest[0] ?? action}"`, 'Write audit, or audit verify.');
		const known = knownEntry(args);
		const sinceMs = timeOption(args, 'since', Date.now());
		const limit = numberOption(args, 'limit', { lowest: 1, highest: 1_000_000 });
		using search = openSearch(await journalFolder(args, context.env));
		if (action === undefined) {
			for (const entry of search.trail({ sinceMs, limit })) {
				const { atMs, ...rest } = entry;
				context.print(args.options.json ? { at: instantOf(atMs), ...rest } : auditLine(entry));
			}
			return;
		}
		const report = search.verifyTrail(known);
		const { entries, first, end, breaks } = report;
		if (args.options.json) context.print(report);
		const kept = first > 1 ? `, from ${first} on` : '';
		const untold = breaks.length - MOST_BREAKS;
		const more = untold > 0 ? ` and ${untold} more` : '';
		if (breaks.length > 0)
			throw new Failure(
				'trail-broken',
				`The trail is not what was written: ${breaks.slice(0, MOST_BREAKS).map(breakLine).join(', ')}${more}`,
				`Of its entries ${entries} fit${kept}.`,
			);
		if (!args.options.json)
			context.print(`${entries} whole${kept}; the last one is ${end.number}:${end.hash}`);
	},
};

/** Places that are told where a trail is broken. */
const MOST_BREAKS = 20;

/** @throws Failure usage */
function knownEntry(args: Arguments): { readonly id: number; readonly hash: string } | undefined {
	const text = textOption(args, 'holds');
	if (text === undefined) return undefined;
	const [, id, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
	if (hash === undefined)
		throw new Failure(
			'usage',
			`Cannot use --holds "${text}"`,
			'Give it as audit verify says it, like 12:1c947c1d….',
		);
	return { id: Number(id), hash };
}

/** One line an entry: time, number, who, what, how it ended, and why. */
function auditLine({ atMs, number, by, what, code, text, before, rev }: Audited): string {
	return [
		instantOf(atMs),
		`#${number}`,
		[by.role, by.place, by.key && `signed by ${by.key}`].filter(Boolean).join(' '),
		what,
		code,
		...(rev === null ? [] : [before === null || before === rev ? rev : `${before} → ${rev}`]),
		...(text === '' ? [] : [text]),
	].join('  ');
}
