// npm run test:package [-- --quick]: the package on a fresh Debian 12 without Node and compiler, booted in a container: lintian, installation, the
// demonstration, the service, upgrade, a configuration that the new program would not start with, downgrade, purge. The last line is JSON. --quick
// leaves lintian and the demonstration out.
import { spawnSync } from 'node:child_process';
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { installLine, missingPackages } from './packages.mjs';
import { root, setUp, step } from './setup.mjs';
import { booted, cannotBoot, eventually } from './systemd/booted.mjs';

const { values } = parseArgs({ options: { quick: { type: 'boolean' } } });
const at = (...parts) => path.join(root, ...parts);
const place = at('.setup', 'package');
const missing = missingPackages(['package', 'package-test'], existsSync);
const reason =
	missing.length > 0 ? `${missing.join(', ')} missing. To have it: ${installLine(missing)}` : cannotBoot();
if (reason !== undefined) {
	console.log(`skipped: ${reason}`);
	process.exit(0);
}
await setUp({ tests: true });
const debian = await freshDebian();
if (debian === undefined) {
	console.log('skipped: Debian cannot be reached');
	process.exit(0);
}
const [deb] = packages();
if (deb === undefined) {
	console.log('There is no package: npm run package makes it.');
	process.exit(1);
}

const found = {};
const work = mkdtempSync(path.join(tmpdir(), 'inspectord-package-'));
let box;
let begun = Date.now();
try {
	if (!values.quick)
		done('lintianS', () => sureHere('lintian', '--fail-on', 'error', '--tag-display-limit', '0', deb));
	sureHere(process.execPath, at('tools/systemd/fixture.mjs'), at('build'), work);
	for (const version of ['9.1', '9.2']) repacked(version);
	writeFileSync(
		path.join(work, 'inspectord.yaml'),
		`box: t
mqtt: { url: "mqtt://127.0.0.1:1" }
journal: { folder: /var/lib/inspectord }
stations:
  s: { camera: { source: /opt/line/pictures, loop: true }, recipe: r }
recipes:
  r: { model: /opt/line/bundle, threads: 1, trigger: { everyMs: 500 } }
`,
	);
	const tested = path.join(work, 'debs');
	mkdirSync(tested);
	sureHere('cp', deb, path.join(work, '9.1.deb'), path.join(work, '9.2.deb'), tested);
	box = await booted({
		lower: debian,
		files: {
			'/opt/debs': tested,
			...Object.fromEntries(
				['pictures', 'bundle', 'inspectord.yaml'].map((name) => [`/opt/line/${name}`, path.join(work, name)]),
			),
		},
	});
	const { run, sure } = box;
	const show = (name) => run('systemctl', 'show', 'inspectord', '--property', name, '--value').out.trim();
	const log = () => run('journalctl', '-u', 'inspectord', '-o', 'cat', '--no-pager').out;
	const verdicts = () => log().match(/(accept|reject)/g)?.length ?? 0;
	const install = (name) =>
		sure(
			'env',
			'DEBIAN_FRONTEND=noninteractive',
			'apt-get',
			'install',
			'-y',
			'-q',
			'--no-install-recommends',
			'--allow-downgrades',
			`/opt/debs/${name}`,
		);
	if (run('sh', '-c', 'command -v node gcc').out !== '')
		throw new Error('Node or a compiler is there already');
	sure('apt-get', 'update', '-q');

	done('installS', () => install(path.basename(deb)));
	equal('the service is enabled', run('systemctl', 'is-enabled', 'inspectord').out.trim(), 'enabled');
	if (!values.quick) await demonstrated();

	sure('cp', '/opt/line/inspectord.yaml', '/etc/inspectord/inspectord.yaml');
	sure('chown', '-R', 'inspectord:inspectord', '/etc/inspectord', '/opt/line');
	begun = Date.now();
	sure('systemctl', 'start', 'inspectord');
	await eventually('the service judges parts', 60, () => verdicts() > 0);
	found.serviceS = seconds();
	const events = () =>
		Number(
			run(
				'sh',
				'-c',
				'runuser -u inspectord -- inspectord events --config /etc/inspectord/inspectord.yaml --limit 100000 --json 2>/dev/null | wc -l',
			).out,
		);
	const [before, first] = [events(), show('MainPID')];
	if (before === 0) throw new Error('the journal tells of nothing');

	done('upgradeS', () => install('9.1.deb'));
	await eventually(
		'the new program runs',
		60,
		() => show('ActiveState') === 'active' && show('MainPID') !== first,
	);
	equal(
		'the configuration is as it was',
		sure('cat', '/etc/inspectord/inspectord.yaml').includes('/opt/line/bundle'),
		true,
	);
	if (events() < before) throw new Error('the journal has lost something');

	const second = show('MainPID');
	sure('sed', '-i', 's/^recipes/rezepte/', '/etc/inspectord/inspectord.yaml');
	const refusal = install('9.2.deb');
	equal(
		'what would not start is said',
		/would not start/.test(refusal + log()) || /rezepte/.test(log()),
		true,
	);
	equal('and what ran runs on', show('MainPID'), second);
	sure('cp', '/opt/line/inspectord.yaml', '/etc/inspectord/inspectord.yaml');
	sure('systemctl', 'stop', 'inspectord');

	const later = `const { DatabaseSync } = require('/usr/lib/inspectord/node_modules/@photostructure/sqlite');
new DatabaseSync('/var/lib/inspectord/journal.db').exec('PRAGMA user_version = 999')`;
	sure('/usr/lib/inspectord/bin/node', '-e', later);
	install('9.1.deb');
	const check = run(
		'runuser',
		'-u',
		'inspectord',
		'--',
		'env',
		'STATE_DIRECTORY=/var/lib/inspectord',
		'inspectord',
		'check',
		'--beside',
		'--config',
		'/etc/inspectord/inspectord.yaml',
	);
	const words = /its version 999 is newer than this program's/;
	equal(
		'an older program refuses the journal of a later one, in words',
		words.test(check.out) && check.code === 1,
		true,
	);

	sure('env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', 'purge', '-y', '-q', 'inspectord');
	const left = run(
		'sh',
		'-c',
		"find / -xdev -name '*inspectord*' -not -path '/opt/*' -not -path '/tmp/*' -not -path '/var/log/*' -not -path '/proc/*'",
	).out;
	equal('purged, nothing is left', left + run('getent', 'passwd', 'inspectord').out, '');
	console.log('the package holds');
} catch (thrown) {
	process.exitCode = 1;
	console.log(String(thrown));
	if (box) console.log(box.run('journalctl', '--no-pager', '-n', '40').out);
} finally {
	await box?.end();
	rmSync(work, { recursive: true, force: true });
}
console.log(JSON.stringify({ date: new Date().toISOString().slice(0, 10), ...found }));

/** On a machine that has other work its lesson, which has less priority than that, takes minutes. */
async function demonstrated() {
	const { run, sure } = box;
	begun = Date.now();
	const unit = 'demonstration';
	const home = '/var/lib/inspectord';
	sure(
		'systemd-run',
		`--unit=${unit}`,
		'--uid=inspectord',
		`--working-directory=${home}`,
		`--setenv=HOME=${home}`,
		'inspectord',
		'run',
		'--json',
	);
	const said = () => run('journalctl', '-u', unit, '-o', 'cat', '--no-pager').out;
	await eventually('the demonstration tells a verdict', 1200, () => {
		if (run('systemctl', 'is-active', unit).out.trim() !== 'active')
			throw new Error(`the demonstration has ended:\n${said()}`);
		return said().includes('"verdict":"');
	});
	found.demonstrationS = seconds();
	sure('systemctl', 'stop', unit);
}

/** Debian 12 as debootstrap makes it, with systemd and little else. @returns its folder, undefined where it cannot be had */
async function freshDebian() {
	const folder = path.join(place, 'debian');
	if (existsSync(path.join(folder, 'lib/systemd/systemd')) && !existsSync(path.join(folder, 'debootstrap')))
		return folder;
	mkdirSync(place, { recursive: true });
	rmSync(folder, { recursive: true, force: true });
	const args = [
		'--variant=minbase',
		'--include=systemd,systemd-sysv,ca-certificates',
		'bookworm',
		folder,
		'http://deb.debian.org/debian',
	];
	const isThere = await step('bootstrapping Debian', 'debootstrap', args, process.env, { optional: true });
	return isThere ? folder : undefined;
}

function packages() {
	return existsSync(place)
		? readdirSync(place)
				.filter((name) => /_amd64\.deb$/.test(name))
				.map((name) => path.join(place, name))
		: [];
}

/** The same package under another version. */
function repacked(version) {
	const folder = path.join(work, `repacked-${version}`);
	sureHere('dpkg-deb', '-R', deb, folder);
	const control = path.join(folder, 'DEBIAN/control');
	writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .*/m, `Version: ${version}`));
	sureHere('dpkg-deb', '--root-owner-group', '-Znone', '-b', folder, path.join(work, `${version}.deb`));
	rmSync(folder, { recursive: true });
}

function sureHere(command, ...args) {
	const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64e6 });
	if (status !== 0) throw new Error(`${command} ended with ${status}:\n${stdout}${stderr}`);
	return stdout;
}

function seconds() {
	return Math.round((Date.now() - begun) / 100) / 10;
}

function done(name, work) {
	begun = Date.now();
	const said = work();
	found[name] = seconds();
	console.log(`${name}: ${found[name]}`);
	return said;
}

function equal(what, is, should) {
	if (is !== should) throw new Error(`${what}: ${is}, not ${should}`);
}
