// npm run scada [-- WORD …]: fetches what the examples of docs/scada are for (Node-RED and AsyncAPI's parser from npm, Telegraf from Go's proxy) below
// .setup/scada, where the tests find them, and runs the tests of the examples and of the AsyncAPI document with them, the long ones too. What cannot be had is
// skipped, aloud.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { root } from './setup.mjs';

const place = path.join(root, '.setup', 'scada');
/** The parser of AsyncAPI brings a script that reports whoever installs it, and old packages: it is no dependency of ours. */
const FROM_NPM = [
	['Node-RED', 'node-red', '4.1.15'],
	["AsyncAPI's parser", '@asyncapi/parser', '3.6.6'],
];
const TELEGRAF = 'v1.37.3';
/** What the example uses of Telegraf: all of it takes an hour to compile. */
const PLUGINS = [
	'inputs.mqtt_consumer',
	'processors.starlark',
	'outputs.file',
	'parsers.value',
	'serializers.json',
];

mkdirSync(place, { recursive: true });
for (const [what, name, version] of FROM_NPM)
	if (!existsSync(path.join(place, 'node_modules', name)))
		said(what, () => {
			const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefix', place];
			return run('npm', ['install', ...options, `${name}@${version}`], place);
		});
if (!existsSync(path.join(place, 'telegraf'))) said('Telegraf', telegraf);

const { status } = spawnSync(
	process.execPath,
	[path.join(root, 'tools', 'test.mjs'), 'scada/', 'protocol/asyncapi', ...process.argv.slice(2)],
	{
		stdio: 'inherit',
		env: { ...process.env, SCADA: 'whole' },
	},
);
process.exitCode = status ?? 1;

function telegraf() {
	const module = `github.com/influxdata/telegraf@${TELEGRAF}`;
	const env = { ...process.env, GOFLAGS: '-mod=mod' };
	const { stdout } = spawnSync('go', ['mod', 'download', '-json', module], {
		cwd: place,
		env,
		encoding: 'utf8',
	});
	const source = path.join(place, 'telegraf-source');
	try {
		cpSync(JSON.parse(stdout).Dir, source, { recursive: true });
	} catch {
		return false;
	}
	run('chmod', ['-R', 'u+w', source], place);
	const tags = ['custom', ...PLUGINS].join(',');
	const isBuilt = run(
		'go',
		['build', '-tags', tags, '-o', path.join(place, 'telegraf'), './cmd/telegraf'],
		source,
		env,
	);
	rmSync(source, { recursive: true, force: true });
	return isBuilt;
}

function run(command, args, cwd, env = process.env) {
	return spawnSync(command, args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}

function said(what, fetch) {
	console.log(`fetching ${what} …`);
	const begun = Date.now();
	const isThere = fetch();
	console.log(
		isThere ? `${what}: ${Math.round((Date.now() - begun) / 1000)} s` : `${what} cannot be had here`,
	);
}
