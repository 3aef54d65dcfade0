// What of the program runs, and nothing that only builds or tests it.
import {
	chmodSync,
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { bringNode, bringPackages, nodeOf } from '../registry.mjs';
import { root } from '../setup.mjs';

const OURS = ['package.json', 'models', 'config', 'dist', 'docs'];

/** Below node_modules: what their authors ship beside what runs. */
const UNUSED = [
	'opencv4nodejs/cc',
	'opencv4nodejs/src',
	'opencv4nodejs/esm',
	'opencv4nodejs/build',
	'opencv4nodejs/bin',
	'opencv4nodejs/cjs/install',
	'opencv4nodejs/cjs/lib/ext',
	'opencv4nodejs/types',
	'opencv4nodejs/typings',
	'koffi/vendor',
	'koffi/doc',
	'koffi/lib',
	'koffi/cnoke.cjs',
	'@koromix/koffi-linux-x64/musl_x64',
	'@koromix/koffi-linux-arm64/musl_arm64',
	'onnxruntime-node/script',
	'onnxruntime-node/lib/src',
	'@photostructure/sqlite/src',
	'@photostructure/sqlite/scripts',
];
/** What packages need of others only where they are compiled or installed, not where src/opencv/library.ts and src/ort load them. */
const BUILDERS = {
	opencv4nodejs: ['@u4/opencv-build', 'glob', 'nan', 'node-gyp', 'picocolors'],
	'onnxruntime-node': ['adm-zip', 'global-agent'],
};
const UNUSED_FILES =
	/\.musl\.node$|\.(d\.[cm]?ts|[cm]?ts|map|md|markdown|cc|h|gyp|gypi|flow)$|^(\.npmignore|\.travis\.yml|\.eslintrc.*|\.github)$/;

/** npm's names of what Debian calls otherwise. */
export const ARCHITECTURES = {
	amd64: { cpu: 'x64', strip: 'strip' },
	arm64: { cpu: 'arm64', strip: 'aarch64-linux-gnu-strip' },
};

/**
 * Lays the program out in `to`, with a Node of the version that runs here and a compiled `binding` (a file); `aside`: what npm brings
 * stays there for the next time. @returns whether npm had everything
 */
export async function layOut(to, architecture, binding, aside) {
	const { cpu } = ARCHITECTURES[architecture];
	rmSync(to, { recursive: true, force: true });
	mkdirSync(path.join(to, 'bin'), { recursive: true });
	for (const name of OURS) cpSync(path.join(root, name), path.join(to, name), { recursive: true });
	mkdirSync(aside, { recursive: true });
	cpSync(path.join(root, 'package.json'), path.join(aside, 'package.json'));
	writeFileSync(path.join(aside, 'package-lock.json'), runtimeLock());
	if (!(await bringNode(cpu)) || !(await bringPackages(aside, cpu))) return false;
	cpSync(path.join(nodeOf(cpu), 'bin', 'node'), path.join(to, 'bin', 'node'));
	cpSync(path.join(aside, 'node_modules'), path.join(to, 'node_modules'), { recursive: true });

	const packages = path.join(to, 'node_modules');
	for (const name of UNUSED) rmSync(path.join(packages, name), { recursive: true, force: true });
	for (const platform of readdirSync(path.join(packages, 'onnxruntime-node', 'bin', 'napi-v6')))
		for (const each of readdirSync(path.join(packages, 'onnxruntime-node', 'bin', 'napi-v6', platform)))
			if (platform !== 'linux' || each !== cpu)
				rmSync(path.join(packages, 'onnxruntime-node', 'bin', 'napi-v6', platform, each), {
					recursive: true,
				});
	prebuiltOnly(path.join(packages, '@photostructure', 'sqlite', 'prebuilds'), `linux-${cpu}`);
	const built = path.join(packages, 'opencv4nodejs', 'build', 'Release', 'opencv4nodejs.node');
	mkdirSync(path.dirname(built), { recursive: true });
	cpSync(binding, built);
	for (const name of readdirSync(packages, { recursive: true }).map(String))
		if (/(^|\/)(\.bin|\.package-lock\.json|\.inspectord-packages|\.git[a-z]*)$/.test(name))
			rmSync(path.join(packages, name), { recursive: true, force: true });
	for (const file of filesIn(packages)) if (UNUSED_FILES.test(path.basename(file))) rmSync(file);
	return true;
}

/** The lockfile, in which nobody asks for BUILDERS: npm brings neither them nor what only they need. */
function runtimeLock() {
	const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
	for (const [owner, names] of Object.entries(BUILDERS))
		for (const name of names) delete lock.packages[`node_modules/${owner}`].dependencies[name];
	return JSON.stringify(lock);
}

function prebuiltOnly(folder, name) {
	if (!existsSync(folder)) return;
	for (const each of readdirSync(folder))
		if (each !== name) rmSync(path.join(folder, each), { recursive: true });
}

export function filesIn(folder) {
	return readdirSync(folder, { recursive: true })
		.map((name) => path.join(folder, String(name)))
		.filter((file) => statSync(file).isFile())
		.sort();
}

/** Everybody may read all of it, and only what is a program may be run. */
export function openModes(folder, isProgram) {
	for (const name of ['', ...readdirSync(folder, { recursive: true }).map(String)]) {
		const at = path.join(folder, name);
		chmodSync(at, statSync(at).isDirectory() || isProgram(at) ? 0o755 : 0o644);
	}
}
