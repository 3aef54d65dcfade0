import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readRequest } from '../../src/protocol/envelope.js';
import { demandOf, type RequestName } from '../../src/protocol/requests.js';

const requests = suite('requests');

requests('may be asked by whom their row says, and by others where something changes', () => {
	assert.equal(demandOf({ role: 'viewer', changes: false }, {}), {
		role: 'viewer',
		changes: false,
		what: null,
	});
	assert.equal(demandOf({ role: 'operator', changes: true }, {}), {
		role: 'operator',
		changes: true,
		what: null,
	});
	const changes = {
		role: 'engineer',
		when: ({ apply }: { readonly apply?: unknown }) => apply !== undefined,
		what: 'apply one',
	} as const;
	assert.equal(demandOf({ role: 'viewer', changes }, {}), { role: 'viewer', changes: false, what: null });
	assert.equal(demandOf({ role: 'viewer', changes }, { apply: 0.7 }), {
		role: 'engineer',
		changes: true,
		what: 'apply one',
	});
});

const faultsOf = (name: RequestName, asked: unknown) => {
	const read = readRequest(name, Buffer.from(typeof asked === 'string' ? asked : JSON.stringify(asked)));
	return 'refused' in read ? read.refused.faults.map(({ path, message }) => `${path}: ${message}`) : [];
};

requests('say which time is none', () => {
	assert.equal(faultsOf('events', { since: '2026-99-99T00:00:00.000Z' }), ['since: there is no such time']);
	assert.equal(faultsOf('state', { before: '2026-13-01T00:00:00.000Z' }), ['before: there is no such time']);
	assert.match(faultsOf('events', { since: 'yesterday' })[0]!, /must be a time in UTC/);
});

const mistakes: readonly (readonly [name: RequestName, asked: unknown, fault: string])[] = [
	['events', { statoin: 's' }, 'statoin: unknown key, did you mean "station"?'],
	['state', { colour: 1 }, 'colour: unknown key: there are id, client, before, signature'],
	['events', { limit: '5' }, 'limit: expected number, received string; read was "5": write 5 without quotes'],
	[
		'events',
		{ limit: '0,7' },
		'limit: expected number, received string; read was "0,7": write 0.7 without quotes',
	],
	['events', { limit: 0 }, 'limit: Too small: expected number to be >=1; read was 0'],
	['events', { limit: 500 }, 'limit: Too big: expected number to be <=100; read was 500'],
	['events', { limit: null }, 'limit: expected number, received null; read was null'],
	['events', { limit: [5] }, 'limit: expected number, received array; read was a list'],
	[
		'events',
		{ station: 5 },
		'station: expected string, received number; read was 5, which JSON takes for a number: quote it: "5"',
	],
	[
		'events',
		{ verdict: 'rejects' },
		'verdict: expected one of "accept"|"reject"|"error"; read was "rejects", did you mean "reject"?',
	],
	['redeliver', { letters: [1, 'x'] }, 'letters.1: expected number, received string; read was "x"'],
	['state', [1], ': expected object, received array; read was a list'],
	['state', null, ': expected object, received null; read was null'],
	['state', { id: 'a b' }, 'id: must be 1 to 64 printable characters without spaces; read was "a b"'],
	[
		'state',
		{ client: 'd\u00e9sk/7' },
		'client: must be letters, digits, "-", "_" or ".", at most 64, and start with a letter or digit; read was "d\u00e9sk/7"',
	],
	[
		'events',
		{ station: 'x'.repeat(100) },
		`station: Too big: expected string to have <=64 characters; read was "${'x'.repeat(63)}\u2026"`,
	],
];

for (const [name, asked, fault] of mistakes)
	requests(`say what was read and what was meant: ${JSON.stringify(asked).slice(0, 40)}`, () => {
		assert.equal(faultsOf(name, asked), [fault]);
	});

requests('take no number that is none', () => {
	assert.is(faultsOf('events', '{"limit":1e400}').length, 1);
	assert.is(faultsOf('events', '{"limit":-0.5}').length, 1);
	assert.match(faultsOf('events', '{"limit":NaN}')[0]!, /JSON/);
});

requests.run();
