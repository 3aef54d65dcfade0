import { countOf } from '../../base/words.js';
import type { Result } from '../../protocol/requests.js';
import { type Asker, type Handler, Refusal, unknownName } from '../answer.js';

/** Which alarms: of all stations and names, where one is left out. */
export type Which = { readonly station?: string | undefined; readonly alarm?: string | undefined };

export type AcknowledgeWorld = {
	readonly stations: () => readonly string[];
	/** The names of a station's alarms. */
	readonly alarmsOf: (station: string) => Promise<readonly string[]>;
	/** Resolves with those that were acknowledged when that is on disk. @throws Refusal */
	readonly acknowledge: (
		which: Which,
		by: Asker,
		comment: string | null,
	) => Promise<Result<'acknowledge'>['alarms']>;
};

export function acknowledgeRequest(world: AcknowledgeWorld): Handler<'acknowledge'> {
	const { stations, alarmsOf, acknowledge } = world;
	return async ({ station, alarm, comment = null }, { by }) => {
		const all = stations();
		if (station !== undefined && !all.includes(station))
			throw unknownName('station', 'station', station, all);
		const of = station === undefined ? all : [station];
		const names = [...new Set((await Promise.all(of.map(alarmsOf))).flat())];
		if (alarm !== undefined && !names.includes(alarm)) throw unknownName('alarm', 'alarm', alarm, names);
		const alarms = await acknowledge({ station, alarm }, by, comment);
		if (alarms.length === 0) throw new Refusal('conflict', 'There is nothing to acknowledge');
		return { text: `${countOf(alarms.length, 'alarm')} acknowledged`, result: { alarms } };
	};
}
