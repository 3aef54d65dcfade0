import type { AlarmBody } from '../protocol/alarm.js';
import type { Event } from '../protocol/events.js';
import { messageId } from '../protocol/fields.js';
import type { Gap } from '../protocol/gap.js';
import type { StationState } from '../protocol/states.js';
import { VERDICTS } from '../protocol/verdict.js';
import { openSearch } from '../sqlite/search.js';
import { type Command, choiceOption, numberOption, textOption } from './terminal/command.js';
import { journalFolder, journalOptions } from './terminal/journal.js';
import { timeOption } from './terminal/time.js';

export const eventsCommand: Command = {
	name: 'events',
	summary: 'Says what happened: reads the journal, also while the daemon writes it. The newest come last.',
	positionals: [],
	options: {
		...journalOptions,
		station: { value: 'NAME', summary: 'of this station alone' },
		since: {
			value: 'TIME',
			summary: 'from then on: 2026-11-25, 2026-11-25T06:00 (UTC, or with a zone), or 15m, 2h, 3d ago',
		},
		verdict: { value: 'NAME', summary: `${VERDICTS.join(', ')}: verdicts like this alone` },
		part: { value: 'ID', summary: 'what was decided on this part' },
		limit: { value: 'N', summary: 'the newest so many', fallback: '100' },
		json: { summary: 'print each as one line of JSON' },
	},
	run: async (args, context) => {
		const query = {
			station: textOption(args, 'station'),
			sinceMs: timeOption(args, 'since', Date.now()),
			verdict: choiceOption(args, 'verdict', VERDICTS),
			part: textOption(args, 'part'),
			limit: numberOption(args, 'limit', { lowest: 1, highest: 10_000_000 }),
		};
		using search = openSearch(await journalFolder(args, context.env));
		for (const event of search.find(query)) {
			context.signal.throwIfAborted();
			context.print(args.options.json ? told(event, search.series) : eventLine(event));
		}
	},
};

const isoOf = (ms: number): string => new Date(ms).toISOString();

/** An event as others read it: times in UTC. */
function told({ id, atMs, recordedMs, origin, body, ...rest }: Event, series: string): object {
	const times = { at: isoOf(atMs), recorded: isoOf(recordedMs) };
	return { id: messageId(series, id), ...times, ...rest, ...origin, ...body };
}

/** One line an event: time, of whom, what, and what there is to say of it. */
export function eventLine({ kind, station, sequence, atMs, verdict, score, part, body }: Event): string {
	type Said = { readonly message?: string } | null;
	const words = body as {
		readonly state?: string;
		readonly error?: Said;
		readonly degraded?: Said;
		readonly drift?: StationState['drift'];
	};
	const { from, to, reason } = body as Partial<Gap>;
	const { changes = [], comment = null } = body as Partial<AlarmBody>;
	return [
		isoOf(atMs),
		station ?? '–',
		...(sequence === null ? [] : [`#${sequence}`]),
		verdict ?? kind,
		...(score === null ? [] : [score.toFixed(4)]),
		...(part === null ? [] : [part]),
		...(kind === 'gap' ? [`#${from} to #${to}: ${reason}`] : []),
		...(kind === 'alarm' ? changes.map(({ alarm, change }) => `${alarm} ${change}`) : []),
		...(kind === 'alarm' && comment !== null ? [comment] : []),
		...((kind === 'state' || kind === 'lesson' || kind === 'engine') && words.state !== undefined
			? [words.state]
			: []),
		...(words.error?.message === undefined ? [] : [words.error.message]),
		...(words.drift ?? []).map(
			({ measure, deviations }) => `drift of ${measure} by ${deviations} deviations`,
		),
		...(words.degraded?.message === undefined ? [] : [`degraded: ${words.degraded.message}`]),
	].join('  ');
}
