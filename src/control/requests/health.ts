import type { Health } from '../../protocol/health.js';
import { type Handler, Refusal } from '../answer.js';

export type HealthWorld = {
	/** As it was told last. */
	readonly health: () => Health | undefined;
};

export function healthRequest({ health }: HealthWorld): Handler<'health'> {
	return async () => {
		const result = health();
		if (!result) throw new Refusal('busy', 'The box has just started: its health is told in a moment');
		return { text: `up for ${Math.round(result.uptimeS)} s`, result };
	};
}
