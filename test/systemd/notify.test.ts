import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { notice, openNotifier, watchdogOf } from '../../src/systemd/notify.js';
import { temporaryFolder } from '../tiny-bundle.js';

const notify = suite('what systemd is told');

const watched: readonly (readonly [env: Record<string, string>, ms: number | null])[] = [
	[{}, null],
	[{ WATCHDOG_USEC: '30000000' }, 30_000],
	[{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' }, 30_000],
	[{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' }, null],
	[{ WATCHDOG_USEC: '0' }, null],
	[{ WATCHDOG_USEC: 'soon' }, null],
];

notify('is how often, by what it says', () => {
	for (const [env, ms] of watched) assert.is(watchdogOf(env, 7), ms, JSON.stringify(env));
});

notify('stays on one line each', () => {
	assert.equal(notice.ready('one\ntwo'), ['READY=1', 'STATUS=one two']);
	assert.equal(notice.reloading(1.0005), ['RELOADING=1', 'MONOTONIC_USEC=1001']);
});

notify('is nothing where no systemd listens', async () => {
	const logged: string[] = [];
	const { watchdogMs, say } = await openNotifier({}, 7, (...line) => logged.push(line.join()));
	say(notice.alive());
	assert.is(watchdogMs, null);
	assert.equal(logged, []);
});

/** Stands where systemd would: a datagram socket, which Node has not. */
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listens', flush=True)
for _ in range(2): print(repr(s.recv(4096).decode()), flush=True)
`;

notify('comes through libsystemd, a datagram each', async () => {
	if (spawnSync('python3', ['--version']).status !== 0) return console.log('skipped: no python3');
	await using folder = await temporaryFolder();
	const place = join(folder.path, 'notify');
	const listener = spawn('python3', ['-c', LISTENER, place], { stdio: ['ignore', 'pipe', 'inherit'] });
	try {
		let heard = '';
		listener.stdout.on('data', (chunk: Buffer) => {
			heard += chunk;
		});
		await once(listener.stdout, 'data');
		const module = fileURLToPath(new URL('../../src/systemd/notify.js', import.meta.url));
		const program = `
			const { openNotifier, notice } = await import(${JSON.stringify(module)});
			const { watchdogMs, say } = await openNotifier(process.env, process.pid, console.error);
			say(notice.ready('ü'));
			say(notice.status(String(watchdogMs)));`;
		const env = { ...process.env, NOTIFY_SOCKET: place, WATCHDOG_USEC: '5000000' };
		const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
			env,
			stdio: ['ignore', 'ignore', 'pipe'],
		});
		let errors = '';
		child.stderr.on('data', (chunk: Buffer) => {
			errors += chunk;
		});
		await Promise.all([once(child, 'close'), once(listener, 'close')]);
		assert.is(errors, '');
		assert.equal(heard.trim().split('\n'), ['listens', "'READY=1\\nSTATUS=ü'", "'STATUS=5000'"]);
	} finally {
		listener.kill('SIGKILL');
	}
});

notify.run();
