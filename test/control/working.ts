import * as assert from 'uvu/assert';
import { Refusal, type Work } from '../../src/control/answer.js';

/** What a request is given while it is worked on. */
export const work: Work = {
	signal: new AbortController().signal,
	by: { role: 'engineer', place: 'test' },
	progress: () => {},
};

/** Why it was refused. */
export const refusalOf = (answered: Promise<unknown>): Promise<Refusal> =>
	answered.then(
		() => assert.unreachable('it was done') as never,
		(thrown) => {
			assert.instance(thrown, Refusal);
			return thrown as Refusal;
		},
	);
