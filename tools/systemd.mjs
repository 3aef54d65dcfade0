// npm run test:systemd: the unit under a real systemd, booted in a container over this very system: start, notify, an inference behind
// its walls, reload, a watchdog that kills and restarts, stop; and the same where libsystemd cannot be loaded. A minute; the last line is JSON.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root, setUp } from './setup.mjs';
import { booted, cannotBoot, eventually } from './systemd/booted.mjs';

const reason = cannotBoot();
if (reason !== undefined) {
	console.log(`skipped: ${reason}`);
	process.exit(0);
}
await setUp({ tests: true });

const at = (...parts) => path.join(root, ...parts);
const begun = Date.now();
const work = mkdtempSync(path.join(tmpdir(), 'inspectord-systemd-'));
const found = {};
let box;
try {
	const made = spawnSync(process.execPath, [at('tools/systemd/fixture.mjs'), at('build'), work], {
		stdio: 'inherit',
		env: { ...process.env, OPENCV4NODEJS_DISABLE_AUTOBUILD: '1' },
	});
	if (made.status !== 0) throw new Error('the bundle could not be taught');
	const write = (name, text) => {
		writeFileSync(path.join(work, name), text);
		return path.join(work, name);
	};
	const program = write(
		'inspectord',
		'#!/bin/sh\nexec /usr/lib/inspectord-node/node /usr/lib/inspectord/dist/main.js "$@"\n',
	);
	chmodSync(program, 0o755);
	// Nobody listens there: a broker that is away must not keep systemd's watchdog from being fed.
	const config = write(
		'inspectord.yaml',
		`box: t
mqtt: { url: "mqtt://127.0.0.1:1" }
stations:
  s: { camera: { source: /usr/share/line/pictures, loop: true }, recipe: r }
recipes:
  r: { model: /usr/share/line/bundle, threads: 1, trigger: { everyMs: 500 } }
`,
	);
	const quick = write('quick.conf', '[Service]\nWatchdogSec=10\n');
	box = await booted({
		lower: '/',
		unit: 'basic.target',
		files: {
			'/etc/systemd/system/inspectord.service': at('systemd/inspectord.service'),
			'/etc/systemd/system/inspectord.service.d/quick.conf': quick,
			'/usr/lib/sysusers.d/inspectord.conf': at('systemd/inspectord.sysusers'),
			'/usr/lib/tmpfiles.d/inspectord.conf': at('systemd/inspectord.tmpfiles'),
			'/usr/bin/inspectord': program,
			'/etc/inspectord/inspectord.yaml': config,
			'/usr/share/line/pictures': path.join(work, 'pictures'),
			'/usr/share/line/bundle': path.join(work, 'bundle'),
		},
		binds: { '/usr/lib/inspectord': root, '/usr/lib/inspectord-node': path.dirname(process.execPath) },
	});
	const { run, sure } = box;
	step('bootS');
	const show = (name) => run('systemctl', 'show', 'inspectord', '--property', name, '--value').out.trim();
	const log = () => run('journalctl', '-u', 'inspectord', '-o', 'cat', '--no-pager').out;
	const verdicts = () => log().match(/(accept|reject)/g)?.length ?? 0;
	sure('chown', '-R', 'inspectord:inspectord', '/etc/inspectord');

	sure('systemctl', 'start', 'inspectord');
	step('startS');
	equal('it is active when it has said READY', show('ActiveState'), 'active');
	const first = show('MainPID');
	await eventually('systemctl shows its status', 30, () => /stations inspect/.test(show('StatusText')));
	await eventually('parts are judged behind the walls', 60, () => verdicts() > 0);
	step('verdictS');
	const walls = run('cat', `/proc/${first}/status`).out;
	for (const line of [/^NoNewPrivs:\s+1$/m, /^Seccomp:\s+2$/m, /^CapEff:\s+0+$/m])
		if (!line.test(walls)) throw new Error(`its process is not as ${line}:\n${walls}`);
	const groups = /^Groups:\s+(.*)$/m.exec(walls)?.[1].trim().split(' ') ?? [];
	for (const name of ['video', 'render']) {
		const [, , gid] = sure('getent', 'group', name).split(':');
		if (!groups.includes(gid)) throw new Error(`its process is not in group ${name} (${gid}): ${groups}`);
	}
	const told = run('journalctl', '-u', 'inspectord', '-o', 'json', '--no-pager', '-p', 'warning').out;
	if (!told.includes('127.0.0.1:1')) throw new Error(`no warning has the priority of one:\n${told}`);

	const edited = log().length;
	sure('sed', '-i', 's/everyMs: 500/everyMs: 250/', '/etc/inspectord/inspectord.yaml');
	sure('systemctl', 'reload', 'inspectord');
	await eventually('what was written stands', 60, () => /revision \d+-/.test(log().slice(edited)));
	await eventually('it is active again', 30, () => show('SubState') === 'running');
	equal('it is the same process', show('MainPID'), first);
	step('reloadS');

	// For longer than systemd waits nothing is done to it.
	await new Promise((resolve) => setTimeout(resolve, 12_000));
	equal('it lives on while a broker is away', show('NRestarts'), '0');
	step('calmS');
	sure('kill', '-STOP', first);
	await eventually('the watchdog kills what hangs', 60, () => show('NRestarts') === '1');
	step('killedS');
	await eventually(
		'it is started again',
		60,
		() => show('ActiveState') === 'active' && show('MainPID') !== first,
	);
	const before = verdicts();
	await eventually('and judges parts', 60, () => verdicts() > before);
	step('healedS');
	if (!/watchdog/i.test(log())) throw new Error('the journal does not say why');

	sure('systemctl', 'stop', 'inspectord');
	step('stopS');
	equal('it has ended in order', `${show('Result')} ${show('ExecMainStatus')}`, 'success 0');
	equal('nothing of it is left', run('pgrep', '-u', 'inspectord').out, '');

	// Its station has begun by then, and waits until the daemon has opened what it stands on.
	sure('systemctl', 'start', '--no-block', 'inspectord');
	const begins = 'until [ "$(pgrep -c -u inspectord)" -gt 1 ]; do sleep 0.02; done';
	const state = sure('timeout', '30', 'sh', '-c', `${begins}; systemctl is-active inspectord || true`).trim();
	sure('systemctl', 'stop', 'inspectord');
	console.log(`stopped while ${state}`);
	step('stopEarlyS');
	equal('it has ended in order before its turn', show('Result'), 'success');
	equal('and nothing is left of that', run('pgrep', '-u', 'inspectord').out, '');

	const deaf = path.join(box.root, 'etc/systemd/system/inspectord.service.d/deaf.conf');
	writeFileSync(deaf, '[Service]\nInaccessiblePaths=/usr/lib/inspectord/node_modules/@koromix\n');
	sure('systemctl', 'daemon-reload');
	const since = log().length;
	sure('systemctl', 'start', 'inspectord');
	equal('without libsystemd it says READY, too', show('ActiveState'), 'active');
	const without = log().slice(since);
	if (!/Cannot load libsystemd: .+ the program systemd-notify tells/.test(without))
		throw new Error(`nobody is told why a program speaks:\n${without}`);
	await eventually('and its status', 30, () => /stations inspect/.test(show('StatusText')));
	const silent = show('MainPID');
	sure('systemctl', 'reload', 'inspectord');
	await eventually('and that it has read its file again', 30, () => show('SubState') === 'running');
	await new Promise((resolve) => setTimeout(resolve, 12_000));
	equal('and feeds the watchdog', `${show('NRestarts')} ${show('MainPID')}`, `0 ${silent}`);
	sure('kill', '-STOP', silent);
	await eventually('which kills what hangs', 60, () => show('NRestarts') === '1');
	await eventually('that is started again', 60, () => show('ActiveState') === 'active');
	sure('systemctl', 'stop', 'inspectord');
	equal('and ends in order', show('Result'), 'success');
	step('withoutLibraryS');

	const { out } = run('systemd-analyze', 'security', '--no-pager', 'inspectord.service');
	found.exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(out)?.[1]);
	if (!(found.exposure <= 2)) throw new Error(`it is exposed by ${found.exposure}`);
	console.log('the unit holds');
} catch (thrown) {
	process.exitCode = 1;
	console.log(String(thrown));
	if (box) console.log(box.run('journalctl', '-u', 'inspectord', '--no-pager', '-n', '60').out);
} finally {
	await box?.end();
	rmSync(work, { recursive: true, force: true });
}
console.log(JSON.stringify({ date: new Date().toISOString().slice(0, 10), node: process.version, ...found }));

/** Seconds since the step before. */
function step(name) {
	const before = Object.values(found).reduce((sum, s) => sum + s, 0);
	found[name] = Math.round((Date.now() - begun) / 100 - 10 * before) / 10;
	console.log(`${name}: ${found[name]}`);
}

function equal(what, is, should) {
	if (is !== should) throw new Error(`${what}: ${is}, not ${should}`);
}
