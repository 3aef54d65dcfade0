import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Outcome } from '../../src/control/edit.js';
import { createAuditor } from '../../src/daemon/trail.js';
import type { AuditEntry, Audited } from '../../src/protocol/audit.js';

const trail = suite('what goes into the trail');

/** A trail that holds some entries, and a clock. */
function world(known: readonly Partial<Audited>[] = []) {
	const clock = { ms: 0 };
	const entries: AuditEntry[] = [];
	const lines: string[] = [];
	let failure: Error | undefined;
	const auditor = createAuditor({
		journal: {
			audit: async (entry) => {
				if (failure) throw failure;
				entries.push(entry);
			},
			trail: async () => known as Audited[],
		},
		secrets: ['geheim1'],
		now: () => clock.ms,
		wallClock: () => 1_800_000_000_000 + clock.ms,
		log: (level, about, line) => lines.push(`${level} ${about} ${line}`),
	});
	const settled = () => new Promise((resolve) => setImmediate(resolve));
	return {
		clock,
		entries,
		lines,
		auditor,
		settled,
		fail: (thrown: Error | undefined) => {
			failure = thrown;
		},
	};
}

const outcome: Outcome = {
	by: { role: 'engineer', place: 'inspectord/t/answer/desk', key: 'alice' },
	what: 'threshold of lid',
	before: '1-aaaaaaaa',
	rev: '2-bbbbbbbb',
	changed: [{ path: 'recipes.lid.threshold', before: 0.5, after: undefined }],
	code: 'ok',
	text: '',
};

trail('is who, when, what differed and how it ended, and nothing that is secret', async () => {
	const { auditor, entries, settled } = world();
	auditor.edited(outcome);
	auditor.edited({
		...outcome,
		by: { place: 'file' },
		what: 'the word geheim1',
		code: 'failed',
		rev: null,
		text: 'Cannot open "rtsp://u:geheim2@h/"',
		changed: [
			{ path: 'stations.s.camera.source', before: 'rtsp://u:geheim2@h/', after: 'rtsp://u:geheim3@h/' },
			{ path: 'stations.x', before: undefined, after: { camera: { source: 'http://h/?password=geheim4' } } },
			{ path: 'recipes.lid.model', before: 'x'.repeat(5000), after: null },
		],
	});
	await settled();
	const [first, second] = entries;
	assert.equal(first, {
		atMs: 1_800_000_000_000,
		by: { role: 'engineer', place: 'inspectord/t/answer/desk', key: 'alice' },
		what: 'threshold of lid',
		changes: [{ path: 'recipes.lid.threshold', before: 0.5, after: null }],
		code: 'ok',
		text: '',
		before: '1-aaaaaaaa',
		rev: '2-bbbbbbbb',
	});
	assert.equal(second?.by, { role: null, place: 'file', key: null });
	assert.not.match(JSON.stringify(second), /geheim/);
	assert.ok(JSON.stringify(second).length < 1500);
});

trail('is not filled by whoever asks for what he may not', async () => {
	const { auditor, entries, clock, settled } = world();
	const denied = { name: 'config', by: { role: 'viewer', place: 'p' }, text: 'no' } as const;
	for (let i = 0; i < 1000; i += 1) auditor.denied(denied);
	await settled();
	assert.is(entries.length, 20);
	clock.ms += 60_000;
	for (let i = 0; i < 10; i += 1) auditor.denied(denied);
	await settled();
	assert.is(entries.length, 21);
	assert.match(entries.at(-1)!.text, /^no \(980 denied requests before it not told\)$/);
	// Edits themselves are never left out.
	for (let i = 0; i < 50; i += 1) auditor.edited(outcome);
	await settled();
	assert.is(entries.length, 71);
});

for (const [what, known, expected] of [
	['an empty one begins with it', [], [[null, '2-b']]],
	['one that ends with it has it', [{ rev: '1-a' }, { rev: '2-b' }, { rev: null }], []],
	['one that ends with another says both', [{ rev: '2-b' }, { rev: '3-c' }, { rev: null }], [['3-c', '2-b']]],
] as const)
	trail(`knows the revision that is found at the start: ${what}`, async () => {
		const { auditor, entries, settled } = world(known);
		auditor.found('2-b');
		auditor.edited(outcome);
		await settled();
		assert.equal(
			entries.map(({ before, rev }) => [before, rev]),
			[...expected, ['1-aaaaaaaa', '2-bbbbbbbb']],
		);
	});

trail('that cannot be written says so, and goes on', async () => {
	const { auditor, entries, lines, settled, fail } = world();
	fail(new Error('the journal is closed'));
	auditor.edited(outcome);
	await settled();
	fail(undefined);
	auditor.edited(outcome);
	await settled();
	assert.equal([entries.length, lines], [1, ['error trail cannot note an edit: the journal is closed']]);
});

trail.run();
