import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Unit, unitIn } from '../../src/machine/unit.js';

const unit = suite('how systemd has a service');

const cases: readonly (readonly [said: string, unit: Unit])[] = [
	['', null],
	[
		'NRestarts=0\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n',
		{ isThere: false, isEnabled: false, state: 'inactive', restarts: 0 },
	],
	[
		'NRestarts=7\nLoadState=loaded\nActiveState=failed\nUnitFileState=enabled\n',
		{ isThere: true, isEnabled: true, state: 'failed', restarts: 7 },
	],
];

unit('is read out of what systemctl shows', () => {
	for (const [said, found] of cases) assert.equal(unitIn(said), found);
});

unit.run();
