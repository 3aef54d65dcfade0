import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Backlog } from '../../src/sqlite/backlog.js';
import { rowOf } from '../../src/sqlite/entry.js';
import type { Write } from '../../src/sqlite/exchange.js';
import { state, verdict } from './journals.js';

const backlogs = suite('what waits for the disk');

const events = (...entries: Parameters<typeof rowOf>[0][]): Write => ({
	kind: 'events',
	rows: entries.map((entry) => rowOf(entry, 0)),
	recordedMs: 0,
});

const due = (station: string, key: string): Write => ({ kind: 'due', due: { station, key, body: '{}' } });

const letter: Write = { kind: 'dead-letter', outlet: 'broker', event: 1, reason: '', atMs: 0 };

/** What stands in it: `a` a verdict of station a, `s` a state, `3a` three lost verdicts of station a, `+k` and `-k` a part that is due and owed no more. */
const shown = (backlog: Backlog): string =>
	backlog
		.take(1000)
		.map(({ write }) => {
			if (write.kind === 'events')
				return write.rows.map(({ kind, station }) => (kind === 'state' ? 's' : station)).join('');
			if (write.kind === 'lost')
				return `${write.count}${write.station}${write.settles.map((key) => `-${key}`).join('')}`;
			return write.kind === 'due' ? `+${write.due.key}` : 'l';
		})
		.join(' ');

function put(backlog: Backlog, ...writes: Write[]): number[] {
	return writes.map((write) => {
		const gone: number[] = [];
		backlog.put({
			write,
			done: (numbers) => {
				gone.push(numbers.length);
				return [];
			},
		});
		return gone.length;
	});
}

const a = events(verdict('a'));
const b = events(verdict('b'));
const s = events(state('a'));

for (const [what, room, writes, left, dropped] of [
	['all while there is room', 10, [a, s, b, letter], 'a s b l', {}],
	['no states when there is none for all', 3, [a, s, b, s, a], 'a b a', { state: 2 }],
	['no dead letters either', 2, [letter, a, b], 'a b', { deadLetter: 1 }],
	['the newest verdicts, and the numbers of the others', 3, [a, a, a, a, a], '3a a a', { verdict: 3 }],
	['numbers by station', 4, [a, b, a, b, a, b], '2a 2b a b', { verdict: 4 }],
	[
		'what is to be owed no more',
		3,
		[events(verdict('a', { settles: 'k' })), a, a, a],
		'2a-k a a',
		{ verdict: 2 },
	],
	[
		'no word of a part that nobody heard of',
		3,
		[due('a', 'k'), events(verdict('a', { settles: 'k' })), a, a],
		'1a a a',
		{ verdict: 1 },
	],
] as const) {
	backlogs(`is ${what}`, () => {
		const size = new Backlog(Number.POSITIVE_INFINITY);
		put(size, a);
		const backlog = new Backlog(room * size.bytes);
		put(backlog, ...writes);
		assert.is(shown(backlog), left);
		assert.equal(
			Object.fromEntries(Object.entries(backlog.dropped).filter(([, count]) => count > 0)),
			dropped,
		);
	});
}

backlogs('keeps what is being written, whatever comes', () => {
	const backlog = new Backlog(1000);
	put(backlog, a, a);
	assert.is(backlog.take(10).length, 2);
	put(backlog, b, b, b, b);
	backlog.written();
	assert.is(shown(backlog), '4b');
	backlog.written();
	assert.equal([backlog.length, backlog.bytes], [0, 0]);
});

backlogs('counts its bytes down to none', () => {
	const backlog = new Backlog(5000);
	for (let i = 0; i < 100; i += 1)
		put(backlog, due('a', String(i)), events(verdict('a', { settles: String(i) }), state('b')), s);
	assert.ok(backlog.bytes <= 5000, `${backlog.bytes}`);
	while (backlog.length > 0) {
		backlog.take(7);
		backlog.written();
	}
	assert.is(backlog.bytes, 0);
});

backlogs.run();
