import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { alarmEntry } from '../../src/protocol/alarm.js';
import { program } from '../program.js';
import { journalIn, state, verdict } from '../sqlite/journals.js';
import { temporaryFolder } from '../tiny-bundle.js';

const events = suite('inspectord events');

events('shows the newest, as lines and as JSON, while the journal is open', async () => {
	await using folder = await temporaryFolder();
	await using journal = await journalIn(folder.path);
	const atMs = Date.now();
	await journal.append([
		verdict('lid', { atMs: atMs - 7_200_000, part: 'old' }),
		verdict('lid', { atMs, verdict: 'reject', score: 0.5, part: 'P-1' }),
		state('lid', { atMs, body: { state: 'error', error: { message: 'no camera' } } }),
		alarmEntry(
			't',
			'lid',
			{
				changes: [
					{ alarm: 'stuck', change: 'raised' },
					{ alarm: 'drift', change: 'cleared' },
				],
				by: null,
				comment: null,
				alarms: [],
				upTo: 2,
				rules: '',
			},
			atMs,
		),
		verdict('box', { atMs, verdict: 'error', score: null, body: { error: { message: 'too late' } } }),
	]);
	const lines = async (...args: string[]) => {
		const { code, out, err } = await program('events', '--state', folder.path, ...args);
		assert.is(code, 0, err);
		return out.split('\n').slice(0, -1);
	};
	const shown = await lines();
	assert.is(shown.length, 5);
	assert.match(shown[1]!, /^\d{4}-.*Z {2}lid {2}#2 {2}reject {2}0\.5000 {2}P-1$/);
	assert.match(shown[2]!, /lid {2}state {2}error {2}no camera$/);
	assert.match(shown[3]!, /lid {2}alarm {2}stuck raised {2}drift cleared$/);
	assert.is((await lines('--since', '1h')).length, 4);
	assert.is((await lines('--since', new Date(atMs - 1).toISOString())).length, 4);
	assert.is((await lines('--limit', '1')).length, 1);
	assert.is((await lines('--part', 'P-1')).length, 1);
	assert.is((await lines('--station', 'lid', '--verdict', 'accept')).length, 1);
	const [told] = (await lines('--json', '--verdict', 'reject')).map((line) => JSON.parse(line));
	assert.equal(
		[told.station, told.sequence, told.score, told.at],
		['lid', 2, 0.5, new Date(atMs).toISOString()],
	);
	assert.ok(told.id.startsWith(journal.series));
});

for (const [what, args, message] of [
	['no journal', [], /which journal/],
	['a time that is none', ['--state', '/tmp', '--since', 'yesterday'], /"yesterday": it is no time/],
	['a date that is none', ['--state', '/tmp', '--since', '2026-13-45'], /it is no time/],
	['a verdict that is none', ['--state', '/tmp', '--verdict', 'maybe'], /no verdict "maybe"/],
] as const) {
	events(`refuses ${what}`, async () => {
		const { code, err } = await program('events', ...args);
		assert.is(code, 2, err);
		assert.match(err, message);
	});
}

events('says that there is no journal', async () => {
	await using folder = await temporaryFolder();
	const { code, err } = await program('events', '--state', folder.path);
	assert.is(code, 1);
	assert.match(err, /there is none/);
});

events.run();
