import type { Verdict } from './verdict.js';

/** What can happen; the journal keeps the code. A code is never given to another kind. */
export const EVENTS = {
	verdict: { code: 1, isNumbered: true, summary: 'What was decided on a part.' },
	gap: {
		code: 2,
		isNumbered: false,
		summary: 'Verdicts that nobody will hear of: which numbers, and why.',
	},
	state: { code: 3, isNumbered: false, summary: 'What a station or the box does now.' },
	late: {
		code: 4,
		isNumbered: false,
		summary: 'What a station found of a part after its deadline, when it had been an error already.',
	},
	alarm: {
		code: 5,
		isNumbered: false,
		summary: 'Alarms of a station: what changed, and how all of them are since.',
	},
	lesson: { code: 7, isNumbered: false, summary: 'What the lesson does now that somebody asked for.' },
	engine: { code: 8, isNumbered: false, summary: 'What becomes of an engine of TensorRT.' },
	report: { code: 9, isNumbered: false, summary: 'What was judged since the report before.' },
} as const satisfies Readonly<
	Record<string, { readonly code: number; readonly isNumbered: boolean; readonly summary: string }>
>;

export type EventKind = keyof typeof EVENTS;

/** What is handed to the journal. */
export type Entry = {
	readonly kind: EventKind;
	/** Null: of the box. */
	readonly station: string | null;
	/** Wall clock, in milliseconds: of the frame for a verdict. */
	readonly atMs: number;
	/** What is searched for. */
	readonly verdict: Verdict | null;
	readonly score: number | null;
	readonly part: string | null;
	/** What many events have in common (bundle, provider, threshold, boot): kept once. */
	readonly origin: object;
	/** What is the event's own. */
	readonly body: object;
	/** The part that was announced under this key is owed no verdict any more. */
	readonly settles?: string;
};

/** What stands in the journal. */
export type Event = Omit<Entry, 'settles'> & {
	/** Counts all events of a journal, in the order in which they were recorded; never given twice. */
	readonly id: number;
	/** Counts a station's verdicts from 1 without a hole, over all restarts; null for kinds that are not numbered. */
	readonly sequence: number | null;
	/** Wall clock, in milliseconds. */
	readonly recordedMs: number;
};

/** A part that is due: should the daemon die, the next one owes it a verdict. */
export type Due = { readonly station: string; readonly key: string; readonly body: object };

export type PictureRole = 'heatmap' | 'frame';

/** A picture of a verdict, handed over after it. */
export type NewPicture = {
	/** The verdict's event. */
	readonly event: number;
	readonly role: PictureRole;
	/** Place among the verdict's pictures of this role, from 0. */
	readonly index: number;
	readonly jpeg: Uint8Array;
};

/** A picture in the journal: a file that is named by its content. */
export type Picture = Omit<NewPicture, 'jpeg'> & {
	/** Counts all pictures of a journal; never given twice. */
	readonly id: number;
	/** SHA-256, in hexadecimal. */
	readonly hash: string;
	readonly bytes: number;
};
