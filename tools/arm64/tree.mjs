// What runs on arm64: the registry's Node, our packages as npm installs them there, the OpenCV binding compiled for it, our program.
import { chmodSync, cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bringNode, bringPackages, nodeOf } from '../registry.mjs';
import { bindingProgress, filesBelow, fingerprint, npmEnv, root, stands, step } from '../setup.mjs';
import { cpuinfoOf } from './processors.mjs';
import { librariesOf } from './root.mjs';

const OURS = ['package.json', 'package-lock.json', 'models', 'config', 'tools', 'dist'];
const CPU = 'arm64';
const TOOLS = 'aarch64-linux-gnu';

/**
 * Below `place`, with Debian's packages in `debian`. A binding that does not compile ends us with the compiler's words.
 * @returns its folder, undefined when packages could not be had
 */
export async function arm64Tree(place, debian) {
	const tree = path.join(place, 'tree');
	mkdirSync(tree, { recursive: true });
	for (const name of OURS) {
		rmSync(path.join(tree, name), { recursive: true, force: true });
		cpSync(path.join(root, name), path.join(tree, name), { recursive: true, verbatimSymlinks: true });
	}
	// OpenCV's headers, too, are those of the other machine.
	const headers = path.join(tree, 'tools', 'opencv-lite', 'opencv4');
	rmSync(headers);
	symlinkSync(path.join(debian, 'usr', 'include', 'opencv4'), headers);
	writeFileSync(path.join(tree, '.npmrc'), `node-options=--require=${tree}/tools/arm64/npm-env.cjs\n`);
	// What took minutes to compile is good as long as its stamp says so.
	if (!(await bringNode(CPU)) || !(await bringPackages(tree, CPU, 'opencv4nodejs/build'))) return undefined;
	await binding(tree, debian);
	return tree;
}

async function binding(tree, debian) {
	const folder = path.join(tree, 'node_modules', 'opencv4nodejs');
	const stamp = path.join(folder, 'build', '.inspectord-binding');
	const steering = [
		path.join(root, 'tools', 'npm-env.cjs'),
		...filesBelow(path.join(root, 'tools', 'opencv-lite', 'opencv2')),
	];
	const wanted = fingerprint(steering, `abi ${process.versions.modules} ${TOOLS} ${debian}`);
	if (stands(stamp, wanted)) return;
	rmSync(path.join(folder, 'build'), { recursive: true, force: true });
	const [libraries] = librariesOf(debian);
	const env = {
		...npmEnv(),
		PWD: tree,
		INSPECTORD_TARGET_NODE: nodeOf(CPU),
		npm_config_arch: CPU,
		CC: `${TOOLS}-gcc`,
		CXX: `${TOOLS}-g++`,
		LINK: `${TOOLS}-g++`,
		AR: `${TOOLS}-ar`,
		CFLAGS: `--sysroot=${debian}`,
		CXXFLAGS: `-O1 --sysroot=${debian}`,
		LDFLAGS: `--sysroot=${debian} -Wl,--as-needed -Wl,-rpath-link,${librariesOf(debian).join(':')}`,
		OPENCV_LIB_DIR: libraries,
		OPENCV_BIN_DIR: '/usr/bin',
	};
	const progress = bindingProgress(folder);
	const what = 'compiling the OpenCV binding for arm64';
	await step(what, 'npm', ['rebuild', 'opencv4nodejs'], env, { progress, cwd: tree });
	writeFileSync(stamp, wanted);
}

/**
 * A command that is Node on an emulated processor. The program starts its own children by the path of the Node that it runs in, so that
 * this must be the command, too: no binfmt is needed. @returns its path
 */
export function emulator(place, debian, { name, emulated, ...processor }, cores) {
	const command = path.join(place, `node-${name}`);
	const preload = `${command}.cjs`;
	mkdirSync(path.join(debian, 'proc'), { recursive: true });
	writeFileSync(path.join(debian, 'proc', 'cpuinfo'), cpuinfoOf(processor, cores));
	writeFileSync(preload, `process.execPath = ${JSON.stringify(command)};\n`);
	const node = path.join(nodeOf(CPU), 'bin', 'node');
	const words = ['qemu-aarch64-static', '-cpu', emulated, '-L', debian, node, '--require', preload];
	writeFileSync(command, `#!/bin/sh\nexec ${words.map((word) => `'${word}'`).join(' ')} "$@"\n`);
	chmodSync(command, 0o755);
	return command;
}
