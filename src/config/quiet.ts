/** Hours of every day, as "22:00", of the clock of a time zone. Where `to` is before `from` they end on the next day. */
export type Quiet = { readonly from: string; readonly to: string };

/**
 * Whether a moment of the wall clock is in quiet hours. It looks at nothing but the time that a clock there shows, so it is right
 * whenever it is asked: after a jump, in both of the hours that come twice, and on a day that lacks one. Without `zone`: the process's own.
 */
export function isQuiet({ from, to }: Quiet, atMs: number, zone?: string): boolean {
	const clock = new Intl.DateTimeFormat('en-GB', {
		timeZone: zone,
		hour: '2-digit',
		minute: '2-digit',
		hourCycle: 'h23',
	});
	const now = clock.format(atMs);
	return from < to ? from <= now && now < to : from <= now || now < to;
}
