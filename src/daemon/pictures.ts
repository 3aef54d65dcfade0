import { Failure } from '../base/failure.js';
import type { PictureDown, PictureUp, PictureWanted, StationPicture } from '../protocol/picture-messages.js';

/** Pictures that the process of a station is asked for; it gives each when it can. */
export type PictureAsks = {
	/** Of now one at a time: what was asked before is dropped. @throws Failure why there is none; the signal's reason */
	ask(wanted: PictureWanted, signal: AbortSignal): Promise<StationPicture>;
	heard(said: PictureUp): void;
	/** The process is no more: what it owed does not come. */
	lost(failure: Failure): void;
};

type Owed = {
	readonly wanted: PictureWanted['of'];
	resolve(picture: StationPicture): void;
	reject(reason: unknown): void;
};

/** @param send hands it to the process */
export function createPictureAsks(station: string, send: (asked: PictureDown) => void): PictureAsks {
	const owed = new Map<number, Owed>();
	let last = 0;
	const none = ({ code, message }: Pick<Failure, 'code' | 'message'>): Failure =>
		new Failure(code, `Cannot get a picture of station "${station}": ${message}`);
	return {
		ask: async (wanted, signal) => {
			signal.throwIfAborted();
			for (const [id, other] of owed)
				if (wanted.of === 'now' && other.wanted === 'now') {
					owed.delete(id);
					other.reject(none({ code: 'interrupted', message: 'another one was asked for' }));
				}
			last += 1;
			const id = last;
			const picture = new Promise<StationPicture>((resolve, reject) => {
				owed.set(id, { wanted: wanted.of, resolve, reject });
			});
			const abort = () => owed.get(id)?.reject(signal.reason);
			signal.addEventListener('abort', abort, { once: true });
			try {
				send({ kind: 'picture', id, wanted });
				return await picture;
			} finally {
				signal.removeEventListener('abort', abort);
				owed.delete(id);
			}
		},
		heard: (said) => {
			const asked = owed.get(said.id);
			if (said.kind === 'picture') asked?.resolve(said.picture);
			else asked?.reject(none(said));
		},
		lost: (failure) => {
			for (const { reject } of owed.values()) reject(none(failure));
			owed.clear();
		},
	};
}
