import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createEngineChoices, printOf, type Shun } from '../../src/daemon/engine-choices.js';
import { recipeWith } from '../inspect/inspection.js';

const choices = suite('the engines that stations are moved to');

const [ENGINE, OTHER] = ['ab'.repeat(32), 'cd'.repeat(32)];
const recipe = recipeWith({ model: '/b/lid' });

choices('are of the model that was moved to, and of no other', () => {
	const engines = createEngineChoices();
	assert.is(engines.of('s', recipe), null);
	engines.choose('s', recipe, ENGINE)(true);
	assert.match(engines.of('s', recipe)!, new RegExp(`^${ENGINE}#`));
	assert.is(engines.of('s', { ...recipe, model: '/b/other' }), null);
	assert.is(engines.of('s', { ...recipe, precision: 'fp16' }), null);
	assert.is(engines.of('t', recipe), null);
	assert.is(engines.of('s', recipeWith({ model: '/b/lid', threshold: 3 })), engines.of('s', recipe));
});

choices('are demanded while a station is moved, and gone when it was not', () => {
	const engines = createEngineChoices();
	const first = engines.choose('s', recipe, ENGINE);
	assert.is(engines.demanded('s'), ENGINE);
	first(true);
	assert.is(engines.demanded('s'), undefined);
	const stands = engines.of('s', recipe);
	const again = engines.choose('s', recipe, ENGINE);
	assert.is.not(engines.of('s', recipe), stands, 'the same engine moves again');
	again(false);
	assert.is(engines.of('s', recipe), stands);
	const other = engines.choose('t', recipe, OTHER);
	other(false);
	assert.is(engines.of('t', recipe), null);
});

choices('leave out what a station did not run with, until its recipe computes otherwise', () => {
	const engines = createEngineChoices();
	const shun = (station: string, engine: string): Shun => ({
		...{ station, engine, recipe: printOf(recipe), code: 'engine-failed' },
		...{ message: 'x', at: '', times: 1, againAt: '' },
	});
	engines.shun(shun('s', ENGINE));
	engines.shun(shun('s', OTHER));
	engines.shun(shun('s', ENGINE));
	assert.equal(engines.shunned('s', recipe), [ENGINE, OTHER]);
	assert.equal(engines.shunned('t', recipe), []);
	assert.equal(engines.shunned('s', { ...recipe, threshold: 0.7 }).length, 2, 'a threshold changes nothing');
	assert.equal(engines.shunned('s', { ...recipe, deadlineMs: 77 }), []);
	assert.equal(engines.shunned('s', { ...recipe, model: '/b/new' }), []);
	engines.forgive(({ engine }) => engine === OTHER);
	assert.equal(engines.shunned('s', recipe), [ENGINE]);
	for (let i = 0; i < 500; i += 1) engines.shun(shun(`s${i}`, ENGINE));
	assert.is(engines.shuns.length, 200);
});

choices.run();
