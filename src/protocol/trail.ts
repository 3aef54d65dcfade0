export type TrailBreak = {
	readonly kind: 'missing' | 'changed' | 'inserted';
	/** Numbers, both included. */
	readonly from: number;
	readonly to: number;
};

/** Whether the trail is what was written. */
export type TrailReport = {
	/** That are whole. */
	readonly entries: number;
	/** The number of the oldest one that is kept. */
	readonly first: number;
	/** The last one: kept elsewhere, it shows later whether all was written anew. */
	readonly end: { readonly number: number; readonly hash: string };
	readonly breaks: readonly TrailBreak[];
};

/** `entries 3 to 5 are missing`. */
export function breakLine({ kind, from, to }: TrailBreak): string {
	const what = {
		missing: 'missing',
		changed: 'not what was written',
		inserted: 'none that was written',
	}[kind];
	return from === to ? `entry ${from} is ${what}` : `entries ${from} to ${to} are ${what}`;
}
