import { Failure } from '../../base/failure.js';
import { sha256Of } from '../../base/hash.js';
import { timeLimit } from '../../base/retry.js';
import { instantOf } from '../../protocol/fields.js';
import type { PictureWanted, StationPicture } from '../../protocol/picture-messages.js';
import { type Asker, type Handler, Refusal, unknownName } from '../answer.js';

export type SnapshotWorld = {
	readonly stations: () => readonly string[];
	/** @throws Failure why there is none; the signal's reason */
	readonly picture: (station: string, wanted: PictureWanted, signal: AbortSignal) => Promise<StationPicture>;
	/** Brings it to who asked, and resolves when it is there. @throws Failure, Refusal */
	readonly bring: (
		station: string,
		picture: StationPicture,
		by: Asker,
		signal: AbortSignal,
	) => Promise<{ readonly topic: string | null; readonly file: string | null }>;
};

/** A camera that gives nothing for so long gives nothing. */
const PATIENCE_MS = 10_000;

export function snapshotRequest({ stations, picture, bring }: SnapshotWorld): Handler<'snapshot'> {
	const inWork = new Set<string>();
	return async ({ station, longestSide, quality }, { by, signal }) => {
		if (!stations().includes(station)) throw unknownName('station', 'station', station, stations());
		if (inWork.has(station)) throw new Refusal('busy', `A picture of station "${station}" is being taken`);
		inWork.add(station);
		try {
			using limit = timeLimit(PATIENCE_MS, signal);
			const wanted = { of: 'now', longestSide, quality } as const;
			const taken = await picture(station, wanted, limit.signal).catch((thrown) => {
				signal.throwIfAborted();
				if (!limit.signal.aborted) throw thrown;
				const state = `no frame came within ${PATIENCE_MS / 1000} s`;
				throw new Failure('station-silent', `Cannot get a picture of station "${station}": ${state}`);
			});
			const { bytes, width, height, takenMs } = taken;
			const place = await bring(station, taken, by, signal);
			const about = { station, taken: instantOf(takenMs), width, height, bytes: bytes.length };
			return {
				text: `A picture of ${width}x${height}, ${bytes.length} bytes: ${place.file ?? place.topic}`,
				result: { ...about, sha256: sha256Of(bytes), ...place },
			};
		} finally {
			inWork.delete(station);
		}
	};
}
