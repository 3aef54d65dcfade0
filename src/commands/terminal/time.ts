import { Failure } from '../../base/failure.js';
import { type Arguments, textOption } from './command.js';

const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const AGO = /^(\d{1,9})([smhd])$/;
const TIME = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/;

/** A moment given as an option: a date or time in ISO 8601, in UTC where it names no zone, or so long before now. @throws Failure usage */
export function timeOption(args: Arguments, name: string, nowMs: number): number | undefined {
	const text = textOption(args, name);
	if (text === undefined) return undefined;
	const ago = AGO.exec(text);
	if (ago) return nowMs - Number(ago[1]) * UNITS_MS[ago[2] as keyof typeof UNITS_MS];
	const time = TIME.exec(text);
	const zoned = time && (time[1] !== undefined || text.length === 10 ? text : `${text}Z`);
	const ms = zoned ? Date.parse(zoned.replace(' ', 'T')) : Number.NaN;
	if (!Number.isNaN(ms)) return ms;
	throw new Failure(
		'usage',
		`Cannot use --${name} "${text}": it is no time`,
		'Give a date (2026-11-25), a time (2026-11-25T06:00:00Z), or how long ago it was (15m, 2h, 3d).',
	);
}
