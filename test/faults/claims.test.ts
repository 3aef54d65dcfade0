import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BOX, createClaims, HAND } from './claims.js';

const claims = suite('what may be in force');

/** Claims of one setting, and a clock. */
function claimed() {
	let nowMs = 0;
	const of = createClaims(() => nowMs);
	of.claim('lid bundle', 'first', BOX);
	return {
		...of,
		at: (ms: number) => {
			nowMs = ms;
		},
		may: (value: string, atMs: number) => of.allows('lid bundle', value, atMs),
	};
}

claims('is what somebody asked for, from then on, and what was there before', () => {
	const { at, claim, may } = claimed();
	at(1000);
	claim('lid bundle', 'keen', 'edit-1');
	assert.ok(may('first', 1500));
	assert.ok(may('keen', 1500));
	assert.not.ok(may('keen', 999));
	assert.not.ok(may('blunt', 1500));
});

claims('is nothing that was never moved to, and who judged so is told', () => {
	const { at, claim, may, unmoved } = claimed();
	at(1000);
	claim('lid bundle', 'keen', 'edit-1');
	claim('lid bundle', 'blunt', 'edit-2');
	assert.ok(may('keen', 1500));
	assert.equal(unmoved('edit-1'), ['keen']);
	assert.equal(unmoved('edit-2'), []);
	assert.not.ok(may('keen', 1500));
});

claims('is no more what was taken over from, but what a hand may have written', () => {
	const { at, claim, may, stands } = claimed();
	at(1000);
	claim('lid bundle', 'blunt', HAND);
	at(2000);
	claim('lid bundle', 'keen', 'edit-1');
	at(10_000);
	stands('edit-1');
	assert.ok(may('first', 10_500));
	assert.not.ok(may('first', 12_000));
	assert.ok(may('blunt', 12_000));
	assert.ok(may('keen', 12_000));
});

claims('is for a while what failed, and then what ran before', () => {
	const { at, claim, may, failed } = claimed();
	at(1000);
	claim('lid bundle', 'frail', 'edit-1');
	at(2000);
	failed('edit-1');
	assert.ok(may('frail', 20_000));
	assert.not.ok(may('frail', 40_000));
	assert.ok(may('first', 40_000));
});

claims('is what stands alone when everything is well', () => {
	const { at, claim, may, settle } = claimed();
	at(1000);
	claim('lid bundle', 'keen', 'edit-1');
	at(5000);
	settle(new Map([['lid bundle', 'keen']]));
	assert.ok(may('keen', 4990));
	assert.not.ok(may('first', 6000));
});

claims.run();
