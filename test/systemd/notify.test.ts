import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { unloadable } from '../../src/base/failure.js';
import { notice } from '../../src/systemd/notice.js';
import { openNotifier, watchdogOf } from '../../src/systemd/notify.js';
import { inTurn } from '../../src/systemd/program.js';
import { eventually } from '../free-port.js';
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

/** Stands where systemd would: a datagram socket, which Node has not. Ends with what it hears of the word. */
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listens', flush=True)
heard = ''
while not heard.startswith(sys.argv[2]):
    heard = s.recv(4096).decode()
    if heard != 'BARRIER=1': print(repr(heard), flush=True)
# systemd-notify fails when nobody takes what it waits by.
s.settimeout(1)
try: s.recv(4096)
except socket.timeout: pass
`;

/** Runs `program`, with `openNotifier` and `notice` at hand, before a listener. @returns what was heard until `last`, and standard error */
async function heardOf(program: string, last: string): Promise<{ heard: string[]; errors: string }> {
	await using folder = await temporaryFolder();
	const place = join(folder.path, 'notify');
	const listener = spawn('python3', ['-c', LISTENER, place, last], { stdio: ['ignore', 'pipe', 'inherit'] });
	try {
		let heard = '';
		listener.stdout.on('data', (chunk: Buffer) => {
			heard += chunk;
		});
		await once(listener.stdout, 'data');
		const build = (path: string) =>
			JSON.stringify(fileURLToPath(new URL(`../../src/${path}.js`, import.meta.url)));
		const whole = `
			const { openNotifier } = await import(${build('systemd/notify')});
			const { notice } = await import(${build('systemd/notice')});
			const { unloadable } = await import(${build('base/failure')});
			const log = (...line) => console.error(line.join(' '));
			${program}`;
		const env = { ...process.env, NOTIFY_SOCKET: place, WATCHDOG_USEC: '5000000' };
		const child = spawn(process.execPath, ['--input-type=module', '-e', whole], {
			env,
			stdio: ['ignore', 'ignore', 'pipe'],
		});
		let errors = '';
		child.stderr.on('data', (chunk: Buffer) => {
			errors += chunk;
		});
		await Promise.all([once(child, 'close'), once(listener, 'close')]);
		return { heard: heard.trim().split('\n').slice(1), errors };
	} finally {
		listener.kill('SIGKILL');
	}
}

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

notify('comes through libsystemd, a datagram each', async () => {
	if (!has('python3')) return console.log('skipped: no python3');
	const { heard, errors } = await heardOf(
		`const { watchdogMs, say } = await openNotifier(process.env, process.pid, log);
		say(notice.ready('ü'));
		say(notice.status(String(watchdogMs)));`,
		'STATUS',
	);
	assert.is(errors, '');
	assert.equal(heard, ["'READY=1\\nSTATUS=ü'", "'STATUS=5000'"]);
});

notify('comes through a program where libsystemd cannot be loaded, in order, and says why', async () => {
	if (!has('python3') || !has('systemd-notify'))
		return console.log('skipped: no python3, or no systemd-notify');
	const { heard, errors } = await heardOf(
		`const load = () => Promise.reject(unloadable('libsystemd', 'no luck'));
		const { say } = await openNotifier(process.env, process.pid, log, load);
		say(notice.extend(1));
		say(notice.reloading(2));
		say(notice.ready('ü: --help'));
		say(notice.alive());
		say(notice.alive());
		say(notice.stopping('stopping'));`,
		'STOPPING',
	);
	assert.match(
		errors,
		/^error systemd Cannot load libsystemd: no luck\. Run npm start .+ NotifyAccess=all in the unit systemd\.by-program\n$/,
	);
	assert.equal(heard, [
		"'EXTEND_TIMEOUT_USEC=1000'",
		`'RELOADING=1\\nMONOTONIC_USEC=2000'`,
		`'READY=1\\nSTATUS=ü: --help'`,
		"'WATCHDOG=1'",
		`'STOPPING=1\\nSTATUS=stopping'`,
	]);
});

notify('that a program cannot say is logged once, until it can or the reason is another', async () => {
	const logged: string[] = [];
	const env = { NOTIFY_SOCKET: '/nowhere', PATH: '/nowhere' };
	const { say } = await openNotifier(
		env,
		7,
		(_, __, message, event) => logged.push(`${event} ${message}`),
		() => Promise.reject(unloadable('libsystemd', 'no luck')),
	);
	say(notice.alive());
	say(notice.status('a'));
	await eventually('it is logged', () => logged.length > 1);
	say(notice.status('b'));
	await pause(200);
	assert.is(logged.length, 2, logged.join('\n'));
	assert.match(logged[1]!, /^systemd\.failed cannot be told how we are: systemd-notify: .*ENOENT/);
});

notify('waits in turn: a newer one takes the place of one of its kind, behind the others', async () => {
	const told: string[] = [];
	const open: (() => void)[] = [];
	const say = inTurn(async (one) => {
		told.push(one.join());
		await new Promise<void>((resolve) => open.push(resolve));
	});
	for (const word of ['A=1', 'B=1', 'C=1', 'B=2', 'A=2', 'A=3']) say([word]);
	for (let i = 0; i < 4; i += 1) {
		open[i]!();
		await pause(0);
	}
	assert.equal(told, ['A=1', 'C=1', 'B=2', 'A=3']);
	say(['D=1']);
	assert.is(told.at(-1), 'D=1');
});

notify.run();
