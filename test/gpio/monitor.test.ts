import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { gpiomonArguments, tryLine, watchLine } from '../../src/gpio/monitor.js';
import { failureOf } from '../failure-of.js';
import { eventually } from '../free-port.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { gpiomonStandIn } from './stand-in.js';

const gpio = suite('a line of a GPIO chip (with a stand-in for gpiomon, not on hardware)');

const line = { chip: 'gpiochip0', line: 3, edge: 'rising' } as const;

gpio('is named as each libgpiod wants it', () => {
	assert.equal(gpiomonArguments(line, 1), ['--rising-edge', 'gpiochip0', '3']);
	assert.equal(gpiomonArguments({ ...line, edge: 'falling' }, 1), ['--falling-edge', 'gpiochip0', '3']);
	assert.equal(gpiomonArguments({ ...line, edge: 'both' }, 1), ['gpiochip0', '3']);
	assert.equal(gpiomonArguments(line, 2), ['--edges=rising', '--chip=gpiochip0', '3']);
	assert.equal(gpiomonArguments({ ...line, edge: 'both' }, 2), ['--edges=both', '--chip=gpiochip0', '3']);
});

for (const [version, said] of [
	['v1.6.3', '--rising-edge gpiochip0 3'],
	['v2.2.1', '--edges=rising --chip=gpiochip0 3'],
] as const) {
	gpio(`is heard at each edge, by gpiomon ${version}, until nobody listens`, async () => {
		await using folder = await temporaryFolder();
		const at = (name: string) => join(folder.path, name);
		const env = await gpiomonStandIn(folder.path, version);
		const ending = new AbortController();
		let edges = 0;
		let isWatching = false;
		const watched = watchLine(
			line,
			env,
			{
				onWatching: () => {
					isWatching = true;
				},
				onEdge: () => {
					edges += 1;
				},
			},
			ending.signal,
		);
		await eventually('it watches', () => isWatching && existsSync(at('edges')));
		assert.is((await readFile(at('said'), 'utf8')).trim(), said);
		for (let i = 1; i <= 3; i += 1) {
			await appendFile(at('edges'), 'RISING\n');
			await eventually('an edge is heard', () => edges === i);
		}
		ending.abort();
		await watched;
		await eventually('gpiomon is gone', async () => !isAlive(Number(await readFile(at('pid'), 'utf8'))));
	});
}

gpio('fails with the words of gpiomon, and without it', async () => {
	await using folder = await temporaryFolder();
	const env = await gpiomonStandIn(folder.path, 'v1.6.3');
	await writeFile(join(folder.path, 'busy'), '');
	const hear = { onWatching: () => {}, onEdge: () => {} };
	const { signal } = new AbortController();
	const busy = await failureOf(watchLine(line, env, hear, signal));
	assert.match(busy.message, /Cannot watch line 3 of "gpiochip0": .*Device or resource busy/);
	const absent = await failureOf(watchLine(line, { PATH: folder.path }, hear, signal));
	assert.match(`${absent.message} ${absent.advice}`, /"gpiomon": it is not installed .*apt install gpiod/);
	const odd = await failureOf(watchLine(line, await gpiomonStandIn(folder.path, 'of nowhere'), hear, signal));
	assert.match(odd.message, /does not tell its version/);
});

gpio('is tried without taking it: the chip must be there', async () => {
	await using folder = await temporaryFolder();
	const env = await gpiomonStandIn(folder.path, 'v2.1');
	const none = await failureOf(tryLine({ ...line, chip: '/dev/gpiochip9999' }, env));
	assert.match(none.message, /there is no "\/dev\/gpiochip9999"/);
	assert.match(await tryLine({ ...line, chip: '/dev/null' }, env), /libgpiod 2/);
});

gpio('is let go when whoever watches it is killed', async () => {
	await using folder = await temporaryFolder();
	const env = await gpiomonStandIn(folder.path, 'v1.6.3');
	const monitor = fileURLToPath(new URL('../../src/gpio/monitor.js', import.meta.url));
	const script = `import { watchLine } from ${JSON.stringify(monitor)};
		await watchLine(${JSON.stringify(line)}, process.env, { onWatching: () => {}, onEdge: () => {} }, new AbortController().signal);`;
	const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env, stdio: 'ignore' });
	const pidFile = join(folder.path, 'pid');
	const pid = await eventually(
		'it watches',
		async () => Number(await readFile(pidFile, 'utf8').catch(() => '')) || undefined,
	);
	assert.ok(isAlive(pid));
	child.kill('SIGKILL');
	await eventually('gpiomon is gone', () => !isAlive(pid));
});

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
}

gpio.run();
