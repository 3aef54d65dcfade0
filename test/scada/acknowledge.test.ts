import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../src/config/parse.js';
import type { AlarmMessage } from '../../src/protocol/alarm.js';
import { eventually } from '../free-port.js';
import { hasMosquitto, listen } from '../mosquitto.js';
import { EXAMPLES, example, hasClients, plant } from './plant.js';

const acknowledging = suite('docs/scada/acknowledge.sh');

acknowledging('acknowledges the alarms of a station, and says what the box answers', async () => {
	if (!hasMosquitto() || !hasClients()) return;
	await using line = await plant(
		[],
		'',
		'trigger: { everyMs: 50 }, alarms: { tool: { consecutive: { n: 5 } } }',
		'control: { remote: operator }\n',
	);
	await using heard = await listen(line.broker.url, 'inspectord/t/bad/alarm');
	line.box();
	const state = () => {
		const last = heard.heard.at(-1);
		return last && (JSON.parse(last.payload.toString()) as AlarmMessage).alarms[0]?.state;
	};
	await eventually('the alarm is raised', () => state() === 'active-unacknowledged', 60_000);
	const run = async (station: string) => {
		const words = ['127.0.0.1', `${line.port}`, 't', station, 'tool changed'];
		await using asking = example('sh', [join(EXAMPLES, 'acknowledge.sh'), ...words], line.path);
		await eventually(`it is answered ${asking.errors()}`, () => asking.said.length > 0);
		const { code, result } = asking.said[0] as { readonly kind: string; code?: string; result?: unknown };
		return { code, result };
	};
	assert.equal(await run('bad'), {
		code: 'ok',
		result: { alarms: [{ station: 'bad', alarm: 'tool', state: 'active-acknowledged' }] },
	});
	await eventually('that is said', () => state() === 'active-acknowledged');
	assert.is((await run('good')).code, 'conflict');
});

acknowledging('the alarms that docs/scada.md shows are a configuration without faults', async () => {
	const page = await readFile(join(EXAMPLES, '../scada.md'), 'utf8');
	const shown = [...page.matchAll(/^```yaml\n(recipes:\n[\s\S]*?)```$/gm)].map(([, text]) => text!);
	assert.ok(shown.length > 0);
	for (const text of shown) {
		const parsed = parseConfig(`box: t\nstations: { s: { camera: { source: "0" }, recipe: lid } }\n${text}`);
		assert.ok('config' in parsed, JSON.stringify(parsed));
	}
});

acknowledging.run();
