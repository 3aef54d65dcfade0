import { countOf } from '../../base/words.js';
import { type Handler, Refusal } from '../answer.js';

export type RedeliverWorld = {
	readonly letters: () => Promise<readonly { readonly id: number; readonly event: number }[]>;
	/** Resolves when it stands on disk that these are to be said again. */
	readonly sendAgain: (events: readonly number[]) => Promise<void>;
};

export function redeliverRequest({ letters, sendAgain }: RedeliverWorld): Handler<'redeliver'> {
	return async ({ letters: wanted }) => {
		const all = await letters();
		const chosen = wanted === undefined ? all : all.filter(({ id }) => wanted.includes(id));
		const absent = (wanted ?? []).filter((id) => !all.some((letter) => letter.id === id));
		if (absent.length > 0)
			throw new Refusal('conflict', `There is no dead letter ${absent.slice(0, 10).join(', ')} any more`);
		await sendAgain(chosen.map(({ event }) => event));
		return {
			text: `${countOf(chosen.length, 'dead letter')} will be said again`,
			result: { letters: chosen.length },
		};
	};
}
