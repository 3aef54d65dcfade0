import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createCalendar } from '../../src/sqlite/calendar.js';

const calendar = suite('the calendar of a journal');

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 25);

type Look = readonly [wallMs: number, monotonicMs: number, believed: number];

const cases: readonly (readonly [what: string, lastMs: number | undefined, looks: readonly Look[]])[] = [
	['a new journal believes what it finds', undefined, [[NOW, 5, NOW]]],
	[
		'a clock that runs is believed',
		NOW,
		[
			[NOW + 1000, 1000, NOW + 1000],
			[NOW + DAY, DAY, NOW + DAY],
		],
	],
	[
		'a clock that leaps is believed when it has stood for a day',
		NOW,
		[
			[NOW + 100 * DAY, 0, NOW],
			[NOW + 100.5 * DAY, DAY / 2, NOW + DAY / 2],
			[NOW + 101 * DAY, DAY, NOW + 101 * DAY],
			[NOW + 102 * DAY, 2 * DAY, NOW + 102 * DAY],
		],
	],
	[
		'a leap that is taken back has never been',
		NOW,
		[
			[NOW + 9999 * DAY, 0, NOW],
			[NOW + 1000, 1000, NOW + 1000],
			[NOW + 9999 * DAY, 2000, NOW + 2000],
		],
	],
	[
		'another leap waits anew',
		NOW,
		[
			[NOW + 100 * DAY, 0, NOW],
			[NOW + 200 * DAY, DAY * 0.9, NOW + DAY * 0.9],
			[NOW + 200.2 * DAY, DAY * 1.1, NOW + DAY * 1.1],
		],
	],
	[
		'a clock that was set back is believed',
		NOW,
		[
			[0, 10, 0],
			[1000, 1010, 1000],
		],
	],
	[
		'from a clock that was never set to one that is',
		5,
		[
			[5000, 4000, 5000],
			[NOW, 5000, 6000],
			[NOW + DAY, 5000 + DAY, NOW + DAY],
		],
	],
	['a newest event of the future changes nothing', NOW + 1e12, [[NOW, 0, NOW]]],
];

for (const [what, lastMs, looks] of cases)
	calendar(what, () => {
		const late = createCalendar(lastMs, 0, DAY);
		for (const [wallMs, monotonicMs, believed] of looks) assert.is(late(wallMs, monotonicMs), believed);
	});

calendar.run();
