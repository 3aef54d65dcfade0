import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { searchBeside } from '../../src/sqlite/search-beside.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { journalIn, verdict } from './journals.js';

const answers = suite('requests in the journal');

const DAY_MS = 86_400_000;

const claimOf = (request: string, more: { readonly atMs?: number; readonly requester?: string } = {}) => ({
	requester: 'a/b "c" \ud800',
	request,
	print: 'p',
	claim: '{"name":"state"}',
	atMs: 1_800_000_000_000,
	...more,
});

answers('are kept over a restart: what was claimed, answered and said', async () => {
	await using folder = await temporaryFolder();
	{
		await using journal = await journalIn(folder.path);
		for (const id of ['1', '2', '3']) await journal.claim(claimOf(id));
		await journal.answer(claimOf('1'), '{"code":"ok"}');
		await journal.answer(claimOf('1'), '{"code":"failed"}');
		await journal.answer(claimOf('2'), '"ü\u0000"');
		journal.said(claimOf('1'));
		await journal.claim({ ...claimOf('2'), print: 'other' });
	}
	await using journal = await journalIn(folder.path);
	assert.equal(await journal.kept(), [
		{ ...claimOf('1'), isAnswered: true, isSaid: true },
		{ ...claimOf('2'), isAnswered: true, isSaid: false },
		{ ...claimOf('3'), isAnswered: false, isSaid: false },
	]);
	assert.is(await journal.answerTo(claimOf('1')), '{"code":"ok"}');
	assert.is(await journal.answerTo(claimOf('3')), null);
	assert.is(await journal.answerTo(claimOf('1', { requester: 'other' })), null);
});

answers('that nothing came of are claims no more, and may be claimed again', async () => {
	await using folder = await temporaryFolder();
	await using journal = await journalIn(folder.path);
	const first = journal.claim(claimOf('1'));
	journal.release(claimOf('1'));
	const second = journal.claim({ ...claimOf('1'), print: 'q' });
	await Promise.all([first, second]);
	assert.equal(
		(await journal.kept()).map(({ print }) => print),
		['q'],
	);
	await journal.answer(claimOf('1'), '1');
	journal.release(claimOf('1'));
	assert.is(await journal.answerTo(claimOf('1')), '1');
});

answers(
	'are bounded by count, of one who asks and in all, and by bytes, whatever the clock says; what is owed an answer stays',
	async () => {
		await using folder = await temporaryFolder();
		await using journal = await journalIn(folder.path);
		await journal.claim(claimOf('owed'));
		const add = (id: string, answer: string, atMs?: number) =>
			Promise.all([
				journal.claim(claimOf(id, atMs === undefined ? {} : { atMs })),
				journal.answer(claimOf(id), answer),
			]);
		const other = { ...claimOf('of another'), requester: 'another' };
		await Promise.all([journal.claim(other), journal.answer(other, '1')]);
		for (let i = 0; i < 1100; i += 1) void add(`${i}`, '1');
		await add('last', '1');
		const kept = await journal.kept();
		assert.is(kept.length, 502);
		assert.equal(
			[kept[0], kept[1], kept[2], kept.at(-1)].map((one) => one!.request),
			['owed', 'of another', '601', 'last'],
		);
		for (let i = 0; i < 40; i += 1) await add(`large ${i}`, 'x'.repeat(1_000_000));
		const names = (await journal.kept()).map(({ request }) => request);
		assert.equal(names.slice(0, 2), ['owed', 'large 24']);
		assert.is(names.length, 17);
		await add('later', '1', claimOf('').atMs + 31 * DAY_MS);
		assert.equal(
			(await journal.kept()).map(({ request }) => request),
			['owed', ...names.slice(2), 'later'],
		);
	},
);

answers('to what happened are looked for beside the writer, and ended when they are not wanted', async () => {
	await using folder = await temporaryFolder();
	await using journal = await journalIn(folder.path);
	const written = await journal.append([verdict('a'), verdict('b'), verdict('a')]);
	const { signal } = new AbortController();
	const ask = { kind: 'events', query: { station: 'a', limit: 10 } } as const;
	const found = await searchBeside(folder.path, ask, signal);
	assert.equal(
		found,
		written.filter(({ station }) => station === 'a'),
	);
	const ended = new AbortController();
	const cut = searchBeside(folder.path, ask, ended.signal);
	ended.abort(new Error('over'));
	assert.is(await cut.catch((thrown) => thrown.message), 'over');
	const missing = await searchBeside('/nowhere', ask, signal).catch((thrown) => thrown.code);
	assert.is(missing, 'file-unreadable');
});

answers.run();
