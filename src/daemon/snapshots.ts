import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Asker, Refusal } from '../control/answer.js';
import type { SnapshotWorld } from '../control/requests/snapshot.js';
import { writeRecent } from '../disk/recent.js';
import type { StationPicture } from '../protocol/picture-messages.js';
import type { BrokerService } from './broker.js';

/** Where local answers go. */
export const LOCAL = 'local';

/** In the folder of the journal. */
const FOLDER = 'snapshots';

const MOST_KEPT = 20;

export type BringWorld = {
	/** Of the journal. */
	readonly folder: string;
	readonly broker: () => Pick<BrokerService, 'show'> | undefined;
};

/** Who asks on the box gets a file, whoever asks over the broker gets a message there. */
export function bringer({ folder, broker }: BringWorld): SnapshotWorld['bring'] {
	return async (station: string, { bytes, takenMs }: StationPicture, { place }: Asker, signal) => {
		if (place === LOCAL) {
			const at = new Date(takenMs).toISOString().replaceAll(/[-:]/g, '');
			const name = `${at}-${station}-${randomBytes(2).toString('hex')}.jpg`;
			return { topic: null, file: await writeRecent(join(folder, FOLDER), name, bytes, MOST_KEPT) };
		}
		const speaking = broker();
		if (!speaking)
			throw new Refusal('busy', 'The connection to the broker is being changed: ask again later');
		return { topic: await speaking.show(station, bytes, signal), file: null };
	};
}
