import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isQuiet } from '../../src/config/quiet.js';

const quiet = suite('quiet hours');

const NIGHT = { from: '22:00', to: '05:00' } as const;
const NOON = { from: '12:00', to: '13:30' } as const;
const LATE = { from: '02:15', to: '02:45' } as const;
const BERLIN = 'Europe/Berlin';

const TABLE: readonly (readonly [
	hours: { readonly from: string; readonly to: string },
	at: string,
	zone: string,
	expected: boolean,
])[] = [
	[NIGHT, '2026-11-30T21:59:59Z', 'UTC', false],
	[NIGHT, '2026-11-30T22:00:00Z', 'UTC', true],
	[NIGHT, '2026-12-01T00:00:00Z', 'UTC', true],
	[NIGHT, '2026-12-01T04:59:59.999Z', 'UTC', true],
	[NIGHT, '2026-12-01T05:00:00Z', 'UTC', false],
	[NOON, '2026-11-30T11:59:00Z', 'UTC', false],
	[NOON, '2026-11-30T13:29:00Z', 'UTC', true],
	[NOON, '2026-11-30T13:30:00Z', 'UTC', false],
	// The same moment, by other clocks.
	[NIGHT, '2026-11-30T21:30:00Z', BERLIN, true],
	[NIGHT, '2026-11-30T21:30:00Z', 'America/New_York', false],
	[NIGHT, '2026-11-30T16:45:00Z', 'Asia/Kolkata', true],
	// Berlin's clock goes from 01:59 to 03:00: the day has no such hours; in autumn it shows them twice.
	[LATE, '2026-03-29T00:59:00Z', BERLIN, false],
	[LATE, '2026-03-29T01:00:00Z', BERLIN, false],
	[LATE, '2026-10-25T00:30:00Z', BERLIN, true],
	[LATE, '2026-10-25T01:00:00Z', BERLIN, false],
	[LATE, '2026-10-25T01:30:00Z', BERLIN, true],
	// In summer and in winter they begin when the clock there says so.
	[NIGHT, '2026-07-01T20:00:00Z', BERLIN, true],
	[NIGHT, '2026-12-01T20:00:00Z', BERLIN, false],
	// A clock that begins in 1970.
	[NIGHT, '1970-01-01T00:00:00Z', 'UTC', true],
];

for (const [hours, at, zone, expected] of TABLE)
	quiet(`${hours.from} to ${hours.to} ${expected ? 'hold' : 'lack'} ${at} in ${zone}`, () => {
		assert.is(isQuiet(hours, Date.parse(at), zone), expected);
	});

quiet.run();
