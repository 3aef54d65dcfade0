// npm run nodes [-- VERSION … WORD …]: the tests on other versions of Node, each in a copy of this folder with packages,
// binding and build of its own below .setup/nodes, so that nothing of one is left for another.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { root } from './setup.mjs';

const VERSIONS = ['20', '22', '24'];
/** What every copy makes for itself, and what is nobody's to test. */
const OWN = ['node_modules', '.setup', 'dist', 'build', '.git'];
/** What tools/npm-env.cjs has set for the Node that runs this. */
const OF_THIS_NODE = ['NODE_OPTIONS', 'OPENCV_INCLUDE_DIR', 'npm_config_nodedir'];

const args = process.argv.slice(2);
if (args.some((arg) => arg.startsWith('-'))) {
	console.log(`npm run nodes                    all tests on Node ${VERSIONS.join(', ')}
npm run nodes -- 22 24.1 mqtt    on these versions, the tests whose path contains a word`);
	process.exit(args.includes('--help') || args.includes('-h') ? 0 : 64);
}
const isVersion = (arg) => /^\d+(\.\d+)*$/.test(arg);
const versions = args.some(isVersion) ? args.filter(isVersion) : VERSIONS;
const words = args.filter((arg) => !isVersion(arg));

const outcomes = [];
for (const version of versions) {
	console.log(`\nNode ${version}`);
	outcomes.push(await tried(version));
}
console.log(`\n${outcomes.map(({ name, said }) => `${name}: ${said}`).join('\n')}`);
process.exitCode = outcomes.every(({ code }) => code === 0) ? 0 : 1;

async function tried(version) {
	const place = path.join(root, '.setup', 'nodes', version);
	const node = installed(version, place);
	if (node === undefined) return { name: `Node ${version}`, code: 1, said: 'could not be installed' };
	const tree = path.join(place, 'tree');
	copy(tree);
	const env = { ...process.env, PATH: `${path.dirname(node)}:${process.env.PATH}`, PWD: tree };
	for (const key of OF_THIS_NODE) delete env[key];
	const shared = path.join(root, '..', 'shared');
	if (!env.INSPECTORD_DATA && existsSync(shared)) env.INSPECTORD_DATA = shared;
	const { code, last } = await run(node, [path.join(tree, 'tools', 'test.mjs'), ...words], tree, env);
	const name = `Node ${spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim().slice(1)}`;
	return { name, code, said: code === 0 || /passed/.test(last) ? last : `ended with ${code}: ${last}` };
}

/** The npm registry carries Node itself; a version that is there is not asked for again. @returns its binary, undefined when npm failed */
function installed(version, place) {
	const name = `node-linux-${process.arch}`;
	const node = path.join(place, 'node_modules', name, 'bin', 'node');
	if (existsSync(node)) return node;
	mkdirSync(place, { recursive: true });
	const install = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', place];
	const { status } = spawnSync('npm', [...install, `${name}@${version}`], {
		cwd: place,
		env: { ...process.env, PWD: root },
		stdio: ['ignore', 'ignore', 'inherit'],
	});
	return status === 0 && existsSync(node) ? node : undefined;
}

/** What was made in the copy stays; set-up there sees by its stamps what still holds. */
function copy(tree) {
	mkdirSync(tree, { recursive: true });
	for (const name of readdirSync(tree))
		if (!OWN.includes(name)) rmSync(path.join(tree, name), { recursive: true });
	for (const name of readdirSync(root))
		if (!OWN.includes(name)) cpSync(path.join(root, name), path.join(tree, name), { recursive: true });
}

function run(command, args, cwd, env) {
	const child = spawn(command, args, { cwd, env, stdio: ['inherit', 'pipe', 'inherit'] });
	let end = '';
	child.stdout.on('data', (chunk) => {
		process.stdout.write(chunk);
		end = (end + chunk).slice(-2000);
	});
	return new Promise((resolve) =>
		child.once('close', (code) => resolve({ code, last: end.trimEnd().split('\n').at(-1) ?? '' })),
	);
}
