import { countOf } from '../../base/words.js';
import type { Event } from '../../protocol/events.js';
import { instantOf } from '../../protocol/fields.js';
import type { Handler } from '../answer.js';

export type LettersWorld = {
	/** The oldest first. */
	readonly letters: () => Promise<
		readonly {
			readonly id: number;
			readonly outlet: string;
			readonly event: number;
			readonly reason: string;
			readonly atMs: number;
		}[]
	>;
	/** Undefined where it stands no more. */
	readonly event: (id: number) => Promise<Event | undefined>;
};

export function lettersRequest({ letters, event }: LettersWorld): Handler<'letters'> {
	return async ({ limit }) => {
		const all = await letters();
		const told = await Promise.all(
			all.slice(-limit).map(async ({ id, outlet, reason, atMs, event: of }) => {
				const { station = null, sequence = null } = (await event(of)) ?? {};
				return { letter: id, outlet, station, sequence, reason, at: instantOf(atMs) };
			}),
		);
		const text = all.length === 0 ? 'the broker refused nothing' : countOf(all.length, 'dead letter');
		return { text, result: { letters: told, all: all.length } };
	};
}
