import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadConfig } from '../../src/daemon/settings.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';

const settings = suite('settings');

/** A file whose stations `a` and `b` run recipes with these triggers; two without a second one share it. */
async function loaded(a: string, b?: string, env: Readonly<Record<string, string>> = {}, more = '') {
	await using folder = await temporaryFolder();
	const file = join(folder.path, 'line.yaml');
	const lines = [
		'box: t',
		'stations:',
		'  a: { camera: { source: "0" }, recipe: a }',
		`  b: { camera: { source: "1" }, recipe: ${b === undefined ? 'a' : 'b'} }`,
		'recipes:',
		`  a: { model: m, trigger: ${a} }`,
		...(b === undefined ? [] : [`  b: { model: m, trigger: ${b} }`]),
		more,
	];
	await writeFile(file, lines.join('\n'));
	return { folder: folder.path, config: await loadConfig(file, env) };
}

settings('name their file from where the configuration lies', async () => {
	const { folder, config } = await loaded('{ mode: file, file: plc/signal }', '{ mode: file, file: /run/b }');
	assert.is(config.recipes.a!.trigger.file, join(folder, 'plc/signal'));
	assert.is(config.recipes.b!.trigger.file, '/run/b');
	assert.is((await loaded('{}')).config.recipes.a!.trigger.file, undefined);
});

const faults: readonly (readonly [a: string, b: string | undefined, fault: RegExp])[] = [
	['{ mode: file }', '{}', /recipes\.a\.trigger\.file: is missing: mode "file" needs it/],
	['{ mode: gpio }', '{}', /recipes\.a\.trigger\.gpio: is missing: mode "gpio" needs it/],
	['{ mode: file, file: s }', undefined, /stations\.b\.recipe: station "a" waits for file "s", too/],
	['{ mode: file, file: s }', '{ mode: file, file: ./x/../s }', /stations\.b\.recipe: station "a" waits/],
	[
		'{ mode: gpio, gpio: { chip: gpiochip0, line: 3 } }',
		'{ mode: gpio, gpio: { chip: /dev/gpiochip0, line: 3, edge: falling } }',
		/stations\.b\.recipe: station "a" waits for line 3/,
	],
	['{ mode: gpio, gpio: { chip: "-x", line: 3 } }', '{}', /trigger\.gpio\.chip: must be a name like/],
	[
		'{ mode: request, delayMs: 5000 }',
		'{ delayMs: 5000 }',
		/^(?!.*recipes\.b).*recipes\.a\.trigger\.delayMs: .*deadlineMs: 5000/s,
	],
	['{ mode: sometimes }', '{}', /trigger\.mode/],
	['{ queue: 65 }', '{}', /trigger\.queue/],
	['{ queue: 0 }', '{}', /trigger\.queue/],
	['{ delay: 5 }', '{}', /trigger\.delay: unknown key, did you mean/],
];

for (const [a, b, fault] of faults) {
	settings(
		`are refused where they are wrong: ${a}${b === undefined ? ' twice' : ''} ${b ?? ''}`,
		async () => {
			assert.match((await failureOf(loaded(a, b))).message, fault);
		},
	);
}

const lines: readonly (readonly [line: string, fault: RegExp])[] = [
	['schedule: { selfCheck: hourly }', /schedule\.selfCheck: "hourly" is not a cron expression/],
	['schedule: { report: "61 * * * *" }', /schedule\.report: "61 \* \* \* \*" is not a cron expression/],
	['schedule: { vacuum: "" }', /schedule\.vacuum: "" is not a cron expression/],
	[
		'schedule: { quiet: { from: 22:00, to: "24:00" } }',
		/schedule\.quiet\.to: expected a time such as "05:30"/,
	],
	['schedule: { quiet: { from: 5:00, to: 06:00 } }', /schedule\.quiet\.from: expected a time such as/],
	['schedule: { quiet: { from: 22:00, to: 22:00 } }', /schedule\.quiet\.to: is when they begin, too/],
	['schedule: { quiet: { from: 22:00 } }', /schedule\.quiet\.to/],
	['schedule: { zone: Mars/Olympus }', /schedule\.zone: is no time zone/],
	['metrics: { listen: "localhost" }', /metrics\.listen: is no address of this machine with a port/],
];

for (const [line, fault] of lines) {
	settings(`are refused where they are wrong: ${line}`, async () => {
		assert.match((await failureOf(loaded('{}', undefined, {}, line))).message, fault);
	});
}

settings('take times and their zone', async () => {
	const line = 'schedule: { report: "0 6,14,22 * * *", zone: Europe/Berlin }';
	const { config } = await loaded('{}', undefined, {}, line);
	assert.equal(config.schedule, { report: '0 6,14,22 * * *', zone: 'Europe/Berlin' });
});

settings('may name a file or a line that their mode does not use', async () => {
	const { config } = await loaded('{ mode: request, file: s, gpio: { chip: gpiochip0, line: 3 } }');
	assert.is(config.recipes.a!.trigger.mode, 'request');
});

settings('keep engines in the folder that they name, or below that of the cache', async () => {
	const cache = { CACHE_DIRECTORY: '/var/cache/a:/var/cache/b', HOME: '/home/a' };
	assert.is((await loaded('{}', undefined, cache)).config.engines.folder, '/var/cache/a/engines');
	const user = { HOME: '/home/a' };
	assert.is((await loaded('{}', undefined, user)).config.engines.folder, '/home/a/.cache/inspectord/engines');
	const named = await loaded('{}', undefined, cache, 'engines: { folder: mine }');
	assert.is(named.config.engines.folder, join(named.folder, 'mine'));
});

settings.run();
