import type { Result } from '../../protocol/requests.js';
import type { Handler } from '../answer.js';

export type StateWorld = { readonly state: () => Result<'state'> };

export function stateRequest({ state }: StateWorld): Handler<'state'> {
	return async () => {
		const result = state();
		const each = result.stations.map(({ station, state: told }) => `${station} ${told}`);
		return { text: each.join(', '), result };
	};
}
