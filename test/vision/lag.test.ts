import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ageIn, lagClock, stampIn } from '../../src/vision/lag.js';

const lag = suite('how late frames are');

type Frame = readonly [stampMs: number, hereMs: number, lagMs: number];
const cases: Readonly<Record<string, { readonly stepMs?: number; readonly frames: readonly Frame[] }>> = {
	'is nothing while they come as fast as ever': {
		frames: [
			[1e12, 100, 0],
			[1e12 + 40, 140, 0],
			[1e12 + 80, 180, 0],
		],
	},
	'is nothing while what was buffered is caught up with': {
		frames: [
			[0, 2000, 0],
			[40, 2001, 0],
			[2000, 2040, 0],
		],
	},
	'grows with a backlog, and goes with it': {
		frames: [
			[0, 0, 0],
			[1000, 1500, 500],
			[2000, 3000, 1000],
			[4000, 4000, 0],
		],
	},
	'is not told from a clock that goes a thousandth slower': {
		frames: [
			[0, 0, 0],
			[3_596_400, 3_600_000, 0],
		],
	},
	'says nothing when a clock was set, forward or far back': {
		frames: [
			[1e12, 0, 0],
			[2e12, 40, 0],
			[1e12, 80, 0],
			[1e12 + 40, 620, 500],
		],
	},
	'says nothing when a clock stands still': {
		frames: [
			[7, 0, 0],
			[7, 5000, 0],
		],
	},
	'of whole seconds is known from the next second on': {
		stepMs: 1000,
		frames: [
			[0, 0, 0],
			[0, 960, 0],
			[1000, 3000, 1000],
		],
	},
};
for (const [title, { stepMs = 0, frames }] of Object.entries(cases)) {
	lag(title, () => {
		const lagOf = lagClock();
		for (const [ms, hereMs, expected] of frames)
			assert.ok(Math.abs(lagOf({ ms, stepMs }, hereMs) - expected) <= 5, `${ms} at ${hereMs}`);
	});
}

for (const [headers, expected] of [
	['Content-Type: image/jpeg\r\nX-Timestamp: 1796070000.25', { ms: 1796070000250, stepMs: 0 }],
	['x-timestamp:1796070000250', { ms: 1796070000250, stepMs: 0 }],
	['Date: Mon, 30 Nov 2026 20:20:00 GMT', { ms: 1796070000000, stepMs: 1000 }],
	['Last-Modified: Mon, 30 Nov 2026 20:20:00 GMT\r\nDate: x', { ms: 1796070000000, stepMs: 1000 }],
	['X-Timestamp: 0', undefined],
	['Content-Type: image/jpeg', undefined],
] as const) {
	lag(`reads ${JSON.stringify(headers)}`, () => assert.equal(stampIn(headers), expected));
}

const at = (second: number) => `Mon, 30 Nov 2026 20:20:0${second} GMT`;
for (const [headers, expected] of [
	[{}, 0],
	[{ date: at(5), 'last-modified': at(5) }, 0],
	[{ date: at(6), 'last-modified': at(5) }, 0],
	[{ date: at(9), 'last-modified': at(2) }, 6000],
	[{ date: at(1), 'last-modified': at(2) }, 0],
	[{ age: '4' }, 4000],
	[{ age: 'x', 'last-modified': 'y', date: at(1) }, 0],
] as const) {
	lag(`of an answer with ${JSON.stringify(headers)} is ${expected} ms`, () =>
		assert.is(ageIn(new Headers(headers)), expected),
	);
}

lag.run();
