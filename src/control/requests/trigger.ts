import { instantOf } from '../../protocol/fields.js';
import type { Result } from '../../protocol/requests.js';
import type { Signal } from '../../protocol/signal.js';
import { type Handler, Refusal, unknownName } from '../answer.js';

type Verdict = NonNullable<Result<'trigger'>['verdict']>;

export type TriggerWorld = {
	readonly stations: () => readonly string[];
	/** What makes parts of a station due. */
	readonly modeOf: (station: string) => string;
	/** A part is due there, unless the signal is none. `atMs`: wall clock. The verdict is undefined where the journal could not hold it. */
	readonly signal: (
		station: string,
		signal: Signal,
	) =>
		| { readonly dropped: keyof typeof DROPPED }
		| { readonly atMs: number; readonly waiting: number; readonly verdict: Promise<Verdict | undefined> };
};

/** Why a signal makes no part. */
const DROPPED = {
	bounced: 'it came too soon after another signal, and belongs to that one (`trigger.debounceMs`)',
	'too-soon': 'it came too soon after another part (`trigger.leastMs`)',
	full: 'as many parts wait for their verdict as may (`trigger.queue`)',
	closed: 'it is not inspecting now',
} as const;

export function triggerRequest({ stations, modeOf, signal }: TriggerWorld): Handler<'trigger'> {
	return async ({ station, part = null, metadata = {}, wait }) => {
		const all = stations();
		if (!all.includes(station)) throw unknownName('station', 'station', station, all);
		const mode = modeOf(station);
		if (mode !== 'request')
			throw new Refusal(
				'conflict',
				`Station "${station}" waits for no request: its trigger has mode "${mode}"`,
			);
		const signalled = signal(station, { part, metadata });
		if ('dropped' in signalled) {
			const { dropped } = signalled;
			const text = `The signal makes no part at station "${station}": ${DROPPED[dropped]}`;
			throw new Refusal(dropped === 'closed' ? 'conflict' : 'busy', text);
		}
		const { atMs, waiting } = signalled;
		const result = { station, at: instantOf(atMs), waiting, verdict: null };
		if (!wait) return { text: waiting === 1 ? 'it waits' : `it waits, one of ${waiting}`, result };
		const verdict = await signalled.verdict;
		if (!verdict)
			throw new Refusal('failed', 'It has a verdict, which the journal could not hold: a gap tells of it');
		return { text: verdict.reason ?? verdict.verdict, result: { ...result, verdict } };
	};
}
