import { spawn, spawnSync } from 'node:child_process';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePng } from '../../src/opencv/picture.js';
import { drawPart } from '../../src/sim/line.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { MAIN } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const output = suite('whoever reads the daemon');

type World = AsyncDisposable & { readonly path: string; readonly config: string; verdicts(): number };

/** A line that inspects two pictures for ever, and a subscriber. */
async function line(): Promise<World> {
	const folder = await temporaryFolder();
	const { path } = folder;
	await mkdir(join(path, 'pictures'));
	for (const i of [0, 1])
		await writeFile(join(path, 'pictures', `${i}.png`), encodePng(drawPart(1, i, undefined, 96).image));
	await tinyBundle(join(path, 'bundle'));
	const broker = await startMosquitto(await freePort(), path);
	const subscriber = await listen(broker.url);
	const config = join(path, 'line.yaml');
	const station = '{ camera: { source: pictures, loop: true }, recipe: r }';
	await writeFile(
		config,
		`box: t\nmqtt: { url: "${broker.url}" }\nstations: { s: ${station} }\nrecipes: { r: { model: bundle } }\n`,
	);
	return {
		path,
		config,
		verdicts: () => subscriber.heard.filter(({ topic }) => topic.endsWith('/verdict')).length,
		[Symbol.asyncDispose]: async () => {
			await subscriber[Symbol.asyncDispose]();
			await broker[Symbol.asyncDispose]();
			await folder[Symbol.asyncDispose]();
		},
	};
}

/** The daemon with pipes that the test reads, or not. */
function daemon(config: string, ...more: string[]) {
	const child = spawn(process.execPath, [MAIN, 'run', '--config', config, ...more], {
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
	return { child, ended, [Symbol.asyncDispose]: async () => void child.kill('SIGKILL') };
}

output('may go away after two lines: inspection goes on, and ends with a farewell', async () => {
	if (!hasMosquitto()) return;
	await using world = await line();
	await using running = daemon(world.config);
	const { child, ended } = running;
	child.stderr.destroy();
	await new Promise((resolve) => child.stdout.once('data', resolve));
	child.stdout.destroy();
	const before = world.verdicts();
	await eventually('inspection goes on', () => world.verdicts() > before + 20);
	child.kill('SIGTERM');
	assert.is(await ended, 0);
});

output('may stop reading: inspection goes on, and its end is not held up', async () => {
	if (!hasMosquitto()) return;
	await using world = await line();
	await using running = daemon(world.config, '--json');
	const { child, ended } = running;
	// A pipe holds 64 KB, which are about a hundred verdicts.
	await eventually('more is said than a pipe holds', () => world.verdicts() > 250, 60_000);
	child.kill('SIGTERM');
	assert.is(await ended, 0);
});

/** Starts a program on a terminal that nobody ever reads from. */
const STALLED_TERMINAL = `import os, pty, subprocess, sys, signal
master, slave = pty.openpty()
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave)
signal.signal(signal.SIGTERM, lambda *_: child.terminate())
signal.signal(signal.SIGUSR1, lambda *_: child.kill())
sys.exit(child.wait())`;

output('may be a terminal that is stopped: inspection goes on, and ends when told to', async () => {
	if (!hasMosquitto()) return;
	if (spawnSync('python3', ['-c', 'import pty']).status !== 0)
		return console.log('skipped: python3 is needed');
	await using world = await line();
	const running = [MAIN, 'run', '--config', world.config, '--json'];
	const child = spawn('python3', ['-c', STALLED_TERMINAL, process.execPath, ...running], { stdio: 'ignore' });
	const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
	try {
		await eventually('more is said than a terminal holds', () => world.verdicts() > 150, 60_000);
		child.kill('SIGTERM');
		assert.is(await ended, 0);
	} finally {
		child.kill('SIGUSR1');
		await ended;
	}
});

output('of a command that ends is whole, however late it is read', async () => {
	await using folder = await temporaryFolder();
	const config = join(folder.path, 'many.yaml');
	const stations = Array.from({ length: 3000 }, (_, i) => `  s${i}: { camera: { source: "" }, recipe: r }`);
	await writeFile(config, `box: t\nstations:\n${stations.join('\n')}\nrecipes: { r: { model: none } }\n`);
	const child = spawn(process.execPath, [MAIN, 'check', '--config', config], {
		stdio: ['ignore', 'ignore', 'pipe'],
	});
	await new Promise((resolve) => setTimeout(resolve, 4000));
	let text = '';
	child.stderr.on('data', (chunk) => {
		text += chunk;
	});
	await new Promise((resolve) => child.once('close', resolve));
	assert.match(text, /s2999\.camera\.source/);
});

output('is systemd only where the stream is the one that it names', async () => {
	await using folder = await temporaryFolder();
	const config = join(folder.path, 'line.yaml');
	const port = await freePort();
	await writeFile(
		config,
		`box: t\nmqtt: { url: "mqtt://127.0.0.1:${port}" }\nstations: { s: { camera: { source: "0" }, recipe: r } }\nrecipes: { r: { model: none } }\n`,
	);
	for (const named of ['log', 'another']) {
		const file = join(folder.path, `${named}.txt`);
		const log = await open(file, 'w');
		const { dev, ino } = await log.stat();
		const child = spawn(process.execPath, [MAIN, 'run', '--config', config], {
			stdio: ['ignore', 'ignore', log.fd],
			env: { ...process.env, JOURNAL_STREAM: named === 'log' ? `${dev}:${ino}` : '1:2' },
		});
		const text = await eventually(
			'it says something',
			async () => (await readFile(file, 'utf8')) || undefined,
		);
		child.kill('SIGTERM');
		await new Promise((resolve) => child.once('exit', resolve));
		await log.close();
		assert.is(/^<\d>/.test(text), named === 'log', text);
	}
});

output.run();
