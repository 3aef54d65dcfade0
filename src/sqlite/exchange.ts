import type { Level, LogEvent } from '../base/log.js';
import type { Range, Ranges } from '../base/ranges.js';
import type { Audited } from '../protocol/audit.js';
import type { Due, Event, EventKind, Picture } from '../protocol/events.js';
import type { Trouble } from './database.js';

/** What an outlet delivers: events, or pictures. */
export type Stream = 'events' | 'pictures';

/** An entry as it goes to the writer: what becomes JSON is JSON. */
export type Row = Omit<Event, 'id' | 'sequence' | 'recordedMs' | 'origin' | 'body'> & {
	readonly origin: string;
	readonly body: string;
	readonly settles: string | null;
};

/** Refused for good by an outlet. */
export type DeadLetter = {
	readonly outlet: string;
	readonly event: number;
	readonly reason: string;
	readonly atMs: number;
};

/** Who asked, and under which id: no two requests have the same. */
export type RequestKey = { readonly requester: string; readonly request: string };

/** A request that was taken on; `print`: tells whether it is the same one again; `claim`: what is needed to answer it. */
export type Claim = RequestKey & { readonly print: string; readonly claim: string; readonly atMs: number };

/** What is kept of a request. */
export type Kept = Claim & { readonly isAnswered: boolean; readonly isSaid: boolean };

export type Undelivered = {
	readonly outlet: string;
	readonly stream: Stream;
	readonly ranges: Ranges;
};

/** A signature that was used: never again, nor one that is older than all that are remembered. */
export type Nonce = { readonly key: string; readonly nonce: string; readonly atMs: number };

/** What one transaction writes, in order. */
export type Write =
	| { readonly kind: 'events'; readonly rows: readonly Row[]; readonly recordedMs: number }
	| { readonly kind: 'pictures'; readonly rows: readonly Omit<Picture, 'id'>[] }
	| {
			readonly kind: 'due';
			readonly due: Omit<Due, 'body'> & { readonly body: string };
			/** The signals of its station that were taken and may still lie there, as JSON. */
			readonly taken?: string;
	  }
	| ({ readonly kind: 'undelivered' } & Undelivered)
	| ({ readonly kind: 'dead-letter' } & DeadLetter)
	/** They are to be sent again, or nobody wants them. */
	| { readonly kind: 'letters-done'; readonly outlet: string; readonly events: readonly number[] }
	| ({ readonly kind: 'claim' } & Claim)
	/** Nothing came of it. */
	| ({ readonly kind: 'release' } & RequestKey)
	| ({ readonly kind: 'answer'; readonly answer: string } & RequestKey)
	/** Who asked has the answer. */
	| ({ readonly kind: 'said' } & RequestKey)
	/** Without numbers: it was used before. */
	| ({ readonly kind: 'nonce' } & Nonce)
	/** An entry of the trail; `body`: JSON. */
	| { readonly kind: 'audit'; readonly atMs: number; readonly body: string }
	/** Verdicts that memory could not hold while the disk took nothing: they are numbered, and a gap says which. */
	| {
			readonly kind: 'lost';
			readonly station: string;
			readonly count: number;
			readonly settles: readonly string[];
	  };

/** The numbers that a write was given. */
export type Numbers = { readonly id: number; readonly sequence: number | null };

/** What is looked for in the trail: so many of the newest. */
export type TrailQuery = { readonly sinceMs?: number | undefined; readonly limit: number };

/** How much a journal may hold, and how much room it leaves on its disk. */
export type Bounds = {
	/** Database and pictures together. */
	readonly mostBytes: number;
	readonly mostAgeDays: number;
	readonly leastFreeBytes: number;
};

/** How the journal stands on its disk. */
export type Extent = {
	/** What stands in it, and damaged ones that are kept; the log and free pages come on top. */
	readonly databaseBytes: number;
	readonly pictureBytes: number;
	readonly events: number;
	readonly pictures: number;
	readonly oldestMs: number | null;
	/** On its disk, for this user. */
	readonly freeBytes: number;
	/** What has to go first, where there is more than may be. */
	readonly excess: 'pictures' | 'events' | null;
	/** The reserve for a full disk is in use: pictures have to wait. */
	readonly isTight: boolean;
};

export type Committed = {
	/** For each write the numbers of its rows. */
	readonly numbers: readonly (readonly Numbers[])[];
	readonly extent: Extent;
};

/** What stands when the writer has opened the journal. */
export type Opened = {
	readonly series: string;
	readonly owed: readonly Due[];
	readonly taken: readonly (readonly [station: string, signals: readonly string[]])[];
	readonly newest: readonly Event[];
	readonly lastEvent: number;
	readonly lastPicture: number;
	readonly undelivered: readonly Undelivered[];
	readonly extent: Extent;
};

/** What the writer can be asked for. */
export type Asks = {
	open: {
		readonly ask: {
			readonly folder: string;
			readonly box: string;
			readonly nowMs: number;
			readonly bounds: Bounds;
		};
		readonly answer: Opened;
	};
	commit: {
		readonly ask: { readonly writes: readonly Write[]; readonly nowMs: number };
		readonly answer: Committed;
	};
	/** One step towards the bounds. */
	tidy: {
		/** `ageMs`: how late it is for the age of events. `bounds`: as they are from now on. */
		readonly ask: { readonly nowMs: number; readonly ageMs: number; readonly bounds: Bounds };
		/** Pictures that no row names any more; whether there is more to do. */
		readonly answer: {
			readonly hashes: readonly string[];
			readonly isMore: boolean;
			readonly extent: Extent;
		};
	};
	/** One step of giving back what nothing uses, also where the disk has room. */
	vacuum: { readonly ask: null; readonly answer: { readonly isMore: boolean } };
	/** Which of these pictures no row names. */
	unnamed: { readonly ask: { readonly hashes: readonly string[] }; readonly answer: readonly string[] };
	events: {
		readonly ask: {
			readonly range: Range;
			readonly limit: number;
			readonly kinds: readonly EventKind[] | null;
		};
		readonly answer: readonly Event[];
	};
	pictures: {
		readonly ask: { readonly range: Range; readonly limit: number };
		readonly answer: readonly Picture[];
	};
	deadLetters: { readonly ask: null; readonly answer: readonly (DeadLetter & { readonly id: number })[] };
	/** All that is kept of requests, in the order in which they were taken on. */
	kept: { readonly ask: null; readonly answer: readonly Kept[] };
	answerTo: { readonly ask: RequestKey; readonly answer: string | null };
	trail: { readonly ask: TrailQuery; readonly answer: readonly Audited[] };
	/** `isWhole`: nothing that was handed over is unwritten, so no part is owed a verdict. */
	close: { readonly ask: { readonly isWhole: boolean }; readonly answer: null };
};

export type Ask = {
	[K in keyof Asks]: { readonly id: number; readonly kind: K; readonly ask: Asks[K]['ask'] };
}[keyof Asks];

/** What happened beside what was asked for. */
export type News = {
	/** Events that the writer added, in order; they were committed before those of the answer. */
	readonly events: readonly Event[];
	readonly lines: readonly (readonly [level: Level, line: string, event: LogEvent])[];
};

/** The writer's word on an ask: an answer, a failure of the world, or a fault of ours. */
export type Answer = {
	readonly id: number;
	readonly news: News | null;
	readonly answer?: unknown;
	readonly failure?: {
		readonly trouble: Trouble | null;
		readonly code: string | null;
		readonly message: string;
		readonly advice: string | null;
		readonly stack: string | null;
	};
};
