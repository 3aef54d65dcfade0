import type { Result } from '../../protocol/requests.js';
import type { Handler } from '../answer.js';

export type StateWorld = { readonly state: () => Result<'state'> };

export function stateRequest({ state }: StateWorld): Handler<'state'> {
	return async () => {
		const result = state();
		const each = result.stations.map(({ station, state: told }) => `${station} ${told}`);
		const standing = result.alarms.flatMap(({ station, alarms }) =>
			alarms.flatMap(({ alarm, state }) => (state === 'normal' ? [] : `${station}: ${alarm} ${state}`)),
		);
		return { text: [each.join(', '), ...standing].join('; '), result };
	};
}
