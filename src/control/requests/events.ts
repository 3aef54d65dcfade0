import { countOf } from '../../base/words.js';
import type { Event } from '../../protocol/events.js';
import { instantOf, messageId } from '../../protocol/fields.js';
import type { Result } from '../../protocol/requests.js';
import type { Verdict } from '../../protocol/verdict.js';
import type { Handler } from '../answer.js';

export type EventsWorld = {
	readonly series: () => string;
	/** In order of ids. @throws Failure */
	readonly find: (
		query: {
			readonly station?: string | undefined;
			readonly sinceMs?: number | undefined;
			readonly verdict?: Verdict | undefined;
			readonly part?: string | undefined;
			readonly limit: number;
		},
		signal: AbortSignal,
	) => Promise<readonly Event[]>;
};

/** Of all events of an answer, as JSON. */
const MOST_CHARACTERS = 150_000;

export function eventsRequest({ series, find }: EventsWorld): Handler<'events'> {
	return async ({ since, ...query }, { signal }) => {
		const sinceMs = since === undefined ? undefined : Date.parse(since);
		const found = await find({ ...query, sinceMs }, signal);
		const told = found.map((event) => eventTold(event, series()));
		let characters = 0;
		const first = told.findLastIndex((event) => {
			characters += JSON.stringify(event).length;
			return characters > MOST_CHARACTERS;
		});
		const events = told.slice(first + 1);
		return { text: countOf(events.length, 'event'), result: { events, isMore: first >= 0 } };
	};
}

/** An event as others read it: times in UTC. */
function eventTold({ id, atMs, recordedMs, origin, body, ...rest }: Event, series: string): Told {
	return {
		id: messageId(series, id),
		at: instantOf(atMs),
		recorded: instantOf(recordedMs),
		...rest,
		origin: { ...origin },
		body: { ...body },
	};
}

type Told = Result<'events'>['events'][number];
