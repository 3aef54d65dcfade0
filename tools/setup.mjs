// Brings a bare clone to where it can run: Debian packages, npm ci, the OpenCV binding, tsc.
// Every step is skipped when its result stands, and redone when it was interrupted.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
	createWriteStream,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { installLine, missingPackages } from './packages.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...parts) => path.join(root, ...parts);
const BINDING = at('node_modules', 'opencv4nodejs');
const OPENCV_VERSION = '/usr/include/opencv4/opencv2/core/version.hpp';
// Each stamp lies in the folder whose content it tells of, so that the two are copied, moved and deleted together.
const PACKAGES_STAMP = at('node_modules', '.inspectord-packages');
const BUILD = path.join(BINDING, 'build');
const BINDING_STAMP = path.join(BUILD, '.inspectord-binding');
const BUILD_ASIDE = at('.setup', 'binding');
const BUILT_FROM = '.inspectord-version';
const LOCK = at('.setup', 'lock');
const OLDEST_NODE = [20, 9];

/** @param {{ tests: boolean }} want */
export async function setUp({ tests }) {
	if (tooOld(process.versions.node))
		stop(
			`Node ${process.versions.node} is too old: inspectord runs on Node ${OLDEST_NODE.join('.')} and newer, best on 22 or 24.`,
		);
	await alone(async () => {
		await debianPackages(tests);
		await npmPackages();
		await openCvBinding();
		await compile('dist', 'tsconfig.json', ['src']);
		if (tests) await compile('build', 'tsconfig.test.json', ['src', 'test', 'bench']);
	});
}

/** No other set-up is at work in this folder meanwhile. */
export async function alone(work) {
	mkdirSync(at('.setup'), { recursive: true });
	await lock();
	try {
		return await work();
	} finally {
		rmSync(LOCK, { recursive: true, force: true });
	}
}

function tooOld(version) {
	const [major, minor] = version.split('.').map(Number);
	return major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
}

async function debianPackages(tests) {
	const needed = missingPackages(['build'], existsSync);
	const wanted = tests ? missingPackages(['test'], existsSync) : [];
	if (needed.length + wanted.length === 0) return;
	if (process.getuid?.() !== 0) {
		if (needed.length > 0)
			stop(
				`Missing: ${needed.join(', ')}. Please run once:\n\n  ${installLine([...needed, ...wanted])}\n\nand then start again.`,
			);
		console.log(`Without ${wanted.join(', ')} some tests are skipped. To have them: ${installLine(wanted)}`);
		return;
	}
	const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
	const install = (names, options) =>
		step(
			`installing ${names.join(', ')}`,
			'apt-get',
			['install', '-y', '--no-install-recommends', ...names],
			env,
			options,
		);
	await step("reading Debian's package lists", 'apt-get', ['update', '-qq'], env, {
		optional: needed.length === 0,
	});
	if (needed.length > 0) await install(needed);
	if (wanted.length > 0) await install(wanted, { optional: true });
}

/** What was installed holds for this platform and no Node in particular; only the binding is compiled for one. */
async function npmPackages() {
	const wanted = fingerprint([at('package-lock.json')], `${process.platform} ${process.arch}`);
	if (stands(PACKAGES_STAMP, wanted)) return;
	rmSync(PACKAGES_STAMP, { force: true });
	setBuildAside();
	await step(
		'installing npm packages',
		'npm',
		['ci', '--ignore-scripts', '--no-audit', '--no-fund'],
		npmEnv(),
	);
	putBuildBack();
	writeFileSync(PACKAGES_STAMP, wanted);
}

/** npm empties node_modules; what took minutes to compile is good as long as its package is the same. */
function setBuildAside() {
	if (!existsSync(BINDING_STAMP)) return;
	writeFileSync(path.join(BUILD, BUILT_FROM), bindingVersion());
	rmSync(BUILD_ASIDE, { recursive: true, force: true });
	renameSync(BUILD, BUILD_ASIDE);
}

function putBuildBack() {
	if (stands(path.join(BUILD_ASIDE, BUILT_FROM), bindingVersion())) {
		rmSync(BUILD, { recursive: true, force: true });
		renameSync(BUILD_ASIDE, BUILD);
	}
	rmSync(BUILD_ASIDE, { recursive: true, force: true });
}

function bindingVersion() {
	return JSON.parse(readFileSync(path.join(BINDING, 'package.json'), 'utf8')).version;
}

async function openCvBinding() {
	const wanted = fingerprint(
		[at('tools/npm-env.cjs'), ...filesBelow(at('tools/opencv-lite'))],
		`abi ${process.versions.modules} ${process.arch} ${existsSync(OPENCV_VERSION) ? readFileSync(OPENCV_VERSION) : ''}`,
	);
	if (stands(BINDING_STAMP, wanted)) return;
	rmSync(BUILD, { recursive: true, force: true });
	const progress = bindingProgress(BINDING);
	await step('compiling the OpenCV binding', 'npm', ['rebuild', 'opencv4nodejs'], npmEnv(), { progress });
	const probe =
		"require('./node_modules/onnxruntime-node'); process.env.OPENCV4NODEJS_DISABLE_AUTOBUILD='1'; require('opencv4nodejs')";
	await step('loading the native packages', process.execPath, ['-e', probe], process.env);
	writeFileSync(BINDING_STAMP, wanted);
}

/** How far the binding in a folder is compiled, in words. */
export function bindingProgress(binding) {
	const sources = readFileSync(path.join(binding, 'binding.gyp'), 'utf8').match(/"cc\/.*\.cc"/g)?.length ?? 0;
	const objects = path.join(binding, 'build', 'Release', 'obj.target');
	return () => `${namesBelow(objects).filter((name) => name.endsWith('.o')).length} of ${sources} files`;
}

/** What the surrounding npm would pass on belongs to another run; .npmrc names a file below PWD. */
export function npmEnv() {
	const passed = Object.entries(process.env).filter(
		([key]) => !/^npm_(config_(node_options|prefix|cache_min)|lifecycle|package)/.test(key),
	);
	return { ...Object.fromEntries(passed), PWD: root };
}

/** tsc into a folder beside, then a rename: a compiled folder is whole or absent. */
async function compile(out, project, sources) {
	const stamp = at('.setup', `${out}.stamp`);
	const wanted = fingerprint(
		[at('package-lock.json'), at(project), at('tsconfig.json'), ...sources.flatMap((s) => filesBelow(at(s)))],
		'',
	);
	if (existsSync(at(out)) && stands(stamp, wanted)) return;
	const fresh = at('.setup', `${out}.${process.pid}`);
	await step(
		`compiling ${out}`,
		process.execPath,
		[at('node_modules/typescript/bin/tsc'), '-p', project, '--outDir', fresh],
		process.env,
	);
	rmSync(stamp, { force: true });
	rmSync(at(out), { recursive: true, force: true });
	renameSync(fresh, at(out));
	writeFileSync(stamp, wanted);
}

export function stands(stamp, wanted) {
	return existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
}

export function fingerprint(files, more) {
	const hash = createHash('sha256').update(more);
	for (const file of files) hash.update(path.relative(root, file)).update(readFileSync(file));
	return hash.digest('hex');
}

export function filesBelow(folder) {
	return namesBelow(folder)
		.map((name) => path.join(folder, name))
		.filter((file) => statSync(file).isFile())
		.sort();
}

function namesBelow(folder) {
	try {
		return readdirSync(folder, { recursive: true }).map(String);
	} catch (error) {
		if (error.code === 'ENOENT') return [];
		throw error;
	}
}

/**
 * Runs a command, says how far and how long it has been at it, keeps its output in a log and shows its end when it fails.
 * @returns whether it succeeded, of one that is optional
 */
export async function step(what, command, args, env, { optional = false, progress, cwd = root } = {}) {
	const log = at('.setup', 'setup.log');
	const output = createWriteStream(log);
	const begun = Date.now();
	const elapsed = () => `${Math.round((Date.now() - begun) / 1000)} s`;
	const tty = process.stdout.isTTY === true;
	const state = () => `${progress ? `${progress()}, ` : ''}${elapsed()}`;
	const say = () => {
		if (tty) process.stdout.write(`\r${what} … ${state()}\x1b[K`);
		else console.log(`${what} … ${state()}`);
	};
	let child;
	const interrupt = () => {
		try {
			process.kill(-child.pid, 'SIGTERM');
		} catch {}
		rmSync(LOCK, { recursive: true, force: true });
		console.log('\ninterrupted; the next start goes on from here');
		process.exit(130);
	};
	// Heard from before the command runs: it may take a while until we do again.
	process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
	// Its own group, so that Ctrl-C ends all of it.
	child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
	child.stdout.pipe(output, { end: false });
	child.stderr.pipe(output, { end: false });
	say();
	const ticking = setInterval(say, tty ? 1000 : 10_000);
	const code = await new Promise((resolve) => {
		child.once('error', (error) => {
			output.write(String(error));
			resolve(127);
		});
		child.once('close', resolve);
	});
	clearInterval(ticking);
	process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
	await new Promise((resolve) => output.end(resolve));
	console.log(`${tty ? '\r\x1b[K' : ''}${what}: ${state()}`);
	if (code === 0) return true;
	if (optional) {
		console.log(`${what} failed; the tests that need it are skipped.`);
		return false;
	}
	const tail = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-25).join('\n');
	stop(`${tail}\n\nFailed (${code}): ${what}\nThe whole output is in ${path.relative(process.cwd(), log)}.`);
}

/** One set-up at a time; a lock whose owner is gone is taken over. */
async function lock() {
	for (let said = false; ; ) {
		try {
			mkdirSync(LOCK);
			writeFileSync(path.join(LOCK, 'pid'), String(process.pid));
			return;
		} catch {
			if (!ownerLives()) {
				rmSync(LOCK, { recursive: true, force: true });
				continue;
			}
			if (!said) console.log('Another set-up is running in this folder; waiting for it.');
			said = true;
			await new Promise((resolve) => setTimeout(resolve, 500));
		}
	}
}

function ownerLives() {
	try {
		process.kill(Number(readFileSync(path.join(LOCK, 'pid'), 'utf8')), 0);
		return true;
	} catch (error) {
		return error.code === 'EPERM';
	}
}

function stop(message) {
	rmSync(LOCK, { recursive: true, force: true });
	console.error(message);
	process.exit(1);
}
