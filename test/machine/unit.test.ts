import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Unit, unitIn } from '../../src/machine/unit.js';

const unit = suite('how systemd has a service');

const cases: readonly (readonly [said: string, unit: Unit])[] = [
	['', null],
	[
		'NRestarts=0\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n',
		{ isThere: false, isEnabled: false, state: 'inactive', restarts: 0, user: '', folder: '' },
	],
	[
		'NRestarts=7\nLoadState=loaded\nActiveState=failed\nUnitFileState=enabled\nUser=inspectord\nWorkingDirectory=!/var/lib/inspectord\n',
		{
			isThere: true,
			isEnabled: true,
			state: 'failed',
			restarts: 7,
			user: 'inspectord',
			folder: '/var/lib/inspectord',
		},
	],
];

unit('is read out of what systemctl shows', () => {
	for (const [said, found] of cases) assert.equal(unitIn(said), found);
});

unit.run();
