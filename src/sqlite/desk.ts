import { Failure } from '../base/failure.js';
import { troubleOf } from './database.js';
import type { Answer, Ask } from './exchange.js';
import { Writer } from './writer.js';

/** Where the journal's writer is asked: what is asked has been written, or refused, when its answer comes. */
export type Desk = {
	answer(ask: Ask): Answer;
	/** As when the process dies. */
	abandon(): void;
};

export function openDesk(): Desk {
	let writer: Writer | undefined;
	const answerTo = (ask: Ask): unknown => {
		if (ask.kind === 'open') {
			writer = new Writer(ask.ask);
			return writer.opened();
		}
		if (!writer) throw new Error('the journal is not open');
		switch (ask.kind) {
			case 'commit':
				return writer.commit(ask.ask);
			case 'tidy':
				return writer.tidy(ask.ask);
			case 'vacuum':
				return writer.vacuum();
			case 'unnamed':
				return writer.unnamed(ask.ask);
			case 'events':
				return writer.events(ask.ask);
			case 'pictures':
				return writer.pictures(ask.ask);
			case 'deadLetters':
				return writer.deadLetters();
			case 'kept':
				return writer.kept();
			case 'answerTo':
				return writer.answerTo(ask.ask);
			case 'trail':
				return writer.trail(ask.ask);
			case 'close':
				writer.close(ask.ask);
				writer = undefined;
				return null;
		}
	};
	const tried = (ask: Ask): Pick<Answer, 'answer' | 'failure'> => {
		try {
			return { answer: answerTo(ask) };
		} catch (thrown) {
			const { message, stack = null } = thrown as Error;
			const { code = null, advice = null } = thrown instanceof Failure ? thrown : {};
			return { failure: { trouble: troubleOf(thrown) ?? null, code, message, advice, stack } };
		}
	};
	return {
		answer: (ask) => ({ id: ask.id, ...tried(ask), news: writer?.news() ?? null }),
		abandon: () => writer?.abandon(),
	};
}
