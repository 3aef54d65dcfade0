import { setImmediate as breathe } from 'node:timers/promises';
import { Failure, reasonOf } from '../base/failure.js';
import type { PictureDown, PictureUp, PictureWanted, StationPicture } from '../protocol/picture-messages.js';
import type { StationVerdict } from '../protocol/verdict.js';
import { type Camera, type Frame, readBy } from '../vision/frame.js';
import type { Image } from '../vision/image.js';

export type PicturesWorld = {
	readonly send: (message: PictureUp) => Promise<void>;
	readonly encodeJpeg: (image: Image, quality: number) => Uint8Array;
	/** Beside this thread. */
	readonly encodePng: (image: Image) => Promise<Uint8Array>;
	/** Milliseconds of the clock that frames are stamped with. */
	readonly now: () => number;
};

/** Pictures that are made beside inspecting: no part is due for them, and none loses its frame to them. */
export type Pictures = {
	ask(asked: PictureDown): void;
	/** Opens the camera and looks on: the picture of now is that of a frame that passes, or of one that nobody else waits for. */
	opened(open: () => Promise<Camera>): Promise<Camera>;
	/** A part was judged, its verdict is on its way, and its frame is there still. */
	judged(frame: Frame, verdict: Pick<StationVerdict, 'verdict' | 'score'>): void;
};

type Asked = { readonly id: number; readonly askedMs: number };
type Look = Asked & { readonly wanted: Extract<PictureWanted, { of: 'now' }> };

const NOT_OPEN = new Failure('camera-unavailable', 'the camera is not open');
const ENDED = new Failure('camera-unavailable', 'its source has ended');

/** Of a picture of now: more would fill the line. */
const MOST_BYTES = 4_000_000;

/** Frames of parts that are asked for at a time; what was asked before that is forgotten. */
const MOST_PARTS = 4;

/**
 * A live camera is read for the picture of now only while nobody else reads it; whoever comes meanwhile reads at once, and the picture
 * is of that frame. Of all other sources a read would swallow a part: there the next part's frame is shown.
 */
export function createPictures({ send, encodeJpeg, encodePng, now }: PicturesWorld): Pictures {
	let look: Look | undefined;
	let parts: readonly Asked[] = [];
	let encoded: Promise<unknown> = Promise.resolve();
	let showing: { look(): void } | undefined;
	let absence = NOT_OPEN;

	const refuse = (id: number, { code, message }: Failure): void =>
		void send({ kind: 'no-picture', id, code, message });
	const failed = (failure: Failure): void => {
		if (look) refuse(look.id, failure);
		look = undefined;
	};
	/** A picture that cannot be made is no reason not to inspect. */
	const give = async (id: number, draw: () => Promise<StationPicture>): Promise<void> => {
		const drawn = await draw().catch(failureOf);
		if (drawn instanceof Failure) refuse(id, drawn);
		else await send({ kind: 'picture', id, picture: drawn });
	};
	const imageOf = (frame: Frame, longestSide: number): Image =>
		frame.crop({ x: 0, y: 0, width: frame.width, height: frame.height }, longestSide);
	/** Shows a frame to whoever looks, if it was taken after that was asked. */
	const seen = (frame: Frame): void => {
		if (!look || frame.taken.monotonicMs < look.askedMs) return;
		const { id, wanted } = look;
		look = undefined;
		void give(id, async () => {
			const image = imageOf(frame, wanted.longestSide);
			const bytes = encodeJpeg(image, wanted.quality);
			if (bytes.length > MOST_BYTES)
				throw new Failure(
					'image-unreadable',
					`it has ${bytes.length} bytes, at most ${MOST_BYTES} are sent: ask for a smaller one`,
				);
			const { width, height } = image;
			return { bytes, width, height, takenMs: frame.taken.wallMs, score: null };
		});
	};

	const shown = (camera: Camera): Camera => {
		let isClosed = false;
		let isRead = false;
		/** A read for a look alone. */
		let own: AbortController | undefined;
		const lookNow = (): void => {
			if (!look || !camera.live || isRead || own || isClosed) return;
			const reading = new AbortController();
			own = reading;
			const over = () => {
				if (own === reading) own = undefined;
			};
			camera.read({ after: look.askedMs, signal: reading.signal }).then(
				(frame) => {
					over();
					if (!frame) return;
					seen(frame);
					frame.release();
				},
				(thrown) => {
					over();
					if (!reading.signal.aborted) failed(failureOf(thrown));
				},
			);
		};
		showing = { look: lookNow };
		return readBy(
			camera,
			async (wanted) => {
				isRead = true;
				try {
					if (own) {
						own.abort();
						own = undefined;
						// A camera is read by one at a time: whoever looked lets go first.
						await breathe();
					}
					const frame = await camera.read(wanted);
					if (!frame) {
						failed(ENDED);
						return undefined;
					}
					return {
						...frame,
						// The part's verdict comes first.
						release: () => {
							seen(frame);
							frame.release();
							lookNow();
						},
					};
				} finally {
					isRead = false;
				}
			},
			async () => {
				isClosed = true;
				own?.abort();
				showing = undefined;
				failed(NOT_OPEN);
				await camera.close();
			},
		);
	};

	return {
		ask: ({ id, wanted }) => {
			const asked = { id, askedMs: now() };
			if (wanted.of === 'part') {
				parts = [...parts, asked].slice(-MOST_PARTS);
				return;
			}
			look = { ...asked, wanted };
			if (showing) showing.look();
			else failed(absence);
		},
		opened: async (open) => {
			try {
				const camera = await open();
				absence = NOT_OPEN;
				return shown(camera);
			} catch (thrown) {
				if (thrown instanceof Failure) absence = thrown;
				throw thrown;
			}
		},
		judged: (frame, { verdict, score }) => {
			const [asked, ...others] = parts;
			if (!asked || verdict === 'error') return;
			parts = others;
			const { width, height, taken } = frame;
			void give(asked.id, async () => {
				const image = imageOf(frame, Math.max(width, height));
				// One at a time: cameras are read by the same few threads.
				const encoding = encoded.then(() => encodePng(image));
				encoded = encoding.catch(() => {});
				const bytes = await encoding;
				return { bytes, width, height, takenMs: taken.wallMs, score };
			});
		},
	};
}

function failureOf(thrown: unknown): Failure {
	return thrown instanceof Failure ? thrown : new Failure('image-unreadable', reasonOf(thrown));
}
