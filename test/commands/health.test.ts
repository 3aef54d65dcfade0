import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { faultsIn } from '../../src/commands/health.js';
import { noCounts, type StationState, stationState } from '../../src/protocol/states.js';
import { program } from '../program.js';
import { temporaryFolder } from '../tiny-bundle.js';

const health = suite('inspectord health');

const at = (station: string, state: StationState['state'], message?: string): StationState =>
	stationState(
		{
			state,
			model: null,
			threshold: null,
			error: message === undefined ? null : { code: 'camera-unavailable', message },
			degraded: null,
			drift: [],
		},
		{ box: 'b', station, recipe: 'r' },
		noCounts,
		0,
	);

const cases: readonly (readonly [
	stations: readonly StationState[],
	connected: boolean,
	must: boolean,
	faults: readonly string[],
])[] = [
	[[at('a', 'running'), at('b', 'finished')], false, false, []],
	[[at('a', 'running')], false, true, ['the broker is not reached']],
	[[at('a', 'running')], true, true, []],
	[[], true, false, ['no station has begun']],
	[
		[at('a', 'error', 'gone'), at('b', 'starting'), at('c', 'running')],
		true,
		false,
		['station "a" is in state error: gone', 'station "b" is in state starting'],
	],
];

health('is well when every station inspects or has finished', () => {
	for (const [stations, connected, must, faults] of cases)
		assert.equal(faultsIn({ stations: [...stations], connected }, must), faults);
});

health('ends with 1 and says why where no daemon answers, and with 2 where nobody says which', async () => {
	await using folder = await temporaryFolder();
	const { code, out, err } = await program('health', '--state', folder.path, '--json');
	assert.is(code, 1, err);
	assert.is((JSON.parse(out) as { ok: boolean }).ok, false);
	assert.match(err, /^inspectord: This box is not well: /);
	assert.is((await program('health')).code, 2);
});

health.run();
