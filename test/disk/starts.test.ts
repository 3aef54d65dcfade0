import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { forgetStarts, loopOf, noteStart, type Start } from '../../src/disk/starts.js';
import { temporaryFolder } from '../tiny-bundle.js';

const counting = suite('starts of the daemon');

const MINUTE = 60_000;
const next: Start = { rev: '2-aa', boot: 'b', upMs: 10 * MINUTE, atMs: 100 * MINUTE };

const table: readonly (readonly [what: string, start: Partial<Start>, isLoop: boolean])[] = [
	['just before', { upMs: 9 * MINUTE }, true],
	['five minutes before', { upMs: 5 * MINUTE }, true],
	['longer ago', { upMs: 4.9 * MINUTE }, false],
	['with another revision', { rev: '1-aa' }, false],
	['before the clock leapt ahead', { upMs: 9 * MINUTE, atMs: 0 }, true],
	['before the clock went back', { upMs: MINUTE, atMs: 101 * MINUTE }, false],
	['before the machine started again', { boot: 'a', upMs: 50 * MINUTE, atMs: 98 * MINUTE }, true],
	['long before the machine started again', { boot: 'a', upMs: 9 * MINUTE, atMs: 90 * MINUTE }, false],
	['of a machine whose clock went back', { boot: 'a', upMs: 50 * MINUTE, atMs: 500 * MINUTE }, true],
	['of a machine that tells no start', { boot: null, upMs: 9 * MINUTE, atMs: 90 * MINUTE }, false],
];

for (const [what, start, isLoop] of table) {
	counting(`${isLoop ? 'count' : 'do not count'} one ${what}`, () => {
		assert.is(loopOf([{ ...next, ...start }], next).length, isLoop ? 1 : 0);
	});
}

counting('are counted through their file, and from the beginning when it is damaged', async () => {
	await using folder = await temporaryFolder();
	assert.is(await noteStart(folder.path, next), 1);
	assert.is(await noteStart(folder.path, next), 2);
	assert.is(await noteStart(folder.path, next), 3);
	assert.is(await noteStart(folder.path, { ...next, rev: '3-aa' }), 1);
	await forgetStarts(folder.path);
	await forgetStarts(folder.path);
	assert.is(await noteStart(folder.path, next), 1);
	for (const damaged of ['', '{', 'null', '[{"rev":1},null]']) {
		await writeFile(join(folder.path, 'starts.json'), damaged);
		assert.is(await noteStart(folder.path, next), 1);
	}
});

counting.run();
