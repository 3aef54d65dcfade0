import { Failure } from '../../base/failure.js';
import { countOf } from '../../base/words.js';
import { type Handler, unknownName } from '../answer.js';

export type SelfcheckWorld = {
	readonly stations: () => readonly string[];
	/** Resolves when a station has scored its golden vectors. @throws Failure why it has not, or not as they should be */
	readonly check: (station: string, signal: AbortSignal) => Promise<void>;
};

export function selfcheckRequest({ stations, check }: SelfcheckWorld): Handler<'selfcheck'> {
	return async ({ station: wanted }, { signal, progress }) => {
		const all = stations();
		if (wanted !== undefined && !all.includes(wanted)) throw unknownName('station', 'station', wanted, all);
		const chosen = wanted === undefined ? all : [wanted];
		let done = 0;
		const results = await Promise.all(
			chosen.map(async (station) => {
				const message = await check(station, signal).then(
					() => null,
					(thrown) => {
						if (thrown instanceof Failure) return thrown.message;
						throw thrown;
					},
				);
				done += 1;
				progress(done, chosen.length, `${station} ${message === null ? 'passed' : `failed: ${message}`}`);
				return { station, passed: message === null, message };
			}),
		);
		const failed = results.filter(({ passed }) => !passed).map(({ station }) => station);
		const passed = countOf(results.length - failed.length, 'station');
		const text = failed.length > 0 ? `${passed} passed, not ${failed.join(', ')}` : `${passed} passed`;
		return { text, result: { stations: results } };
	};
}
