// What npm's registry has for a processor that need not be the one here: a Node of the version that runs this, and the packages of a lockfile.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fingerprint, npmEnv, root, stands, step } from './setup.mjs';

const FOR = (cpu) => [
	'--ignore-scripts',
	'--no-audit',
	'--no-fund',
	'--os=linux',
	`--cpu=${cpu}`,
	'--libc=glibc',
];

const npm = (what, args, cwd) => step(what, 'npm', args, { ...npmEnv(), PWD: cwd }, { optional: true, cwd });

/** Where Node for a processor lies: a folder with bin/ and include/. */
export function nodeOf(cpu) {
	return path.join(root, '.setup', 'node', cpu, 'node_modules', `node-linux-${cpu}`);
}

/** Brings Node of the very version that runs here. @returns whether it is there */
export async function bringNode(cpu) {
	const { version } = process;
	const manifest = path.join(nodeOf(cpu), 'package.json');
	if (existsSync(manifest) && `v${JSON.parse(readFileSync(manifest, 'utf8')).version}` === version)
		return true;
	const folder = path.join(root, '.setup', 'node', cpu);
	mkdirSync(folder, { recursive: true });
	const args = ['install', '--no-save', '--force', ...FOR(cpu), '--prefix', folder];
	return npm(`Node for ${cpu}`, [...args, `node-linux-${cpu}@${version.slice(1)}`], folder);
}

/**
 * Brings into `folder` what its lockfile has for whoever runs the program. `kept`: what was made below node_modules and outlives npm, which
 * empties it. @returns whether all is there
 */
export async function bringPackages(folder, cpu, kept) {
	const stamp = path.join(folder, 'node_modules', '.inspectord-packages');
	const wanted = fingerprint([path.join(folder, 'package-lock.json')], `linux ${cpu}`);
	if (stands(stamp, wanted)) return true;
	const made = kept && path.join(folder, 'node_modules', kept);
	const aside = path.join(folder, 'kept');
	if (kept && existsSync(made)) {
		rmSync(aside, { recursive: true, force: true });
		renameSync(made, aside);
	}
	if (!(await npm(`npm packages for ${cpu}`, ['ci', '--omit=dev', ...FOR(cpu)], folder))) return false;
	if (existsSync(aside)) renameSync(aside, made);
	writeFileSync(stamp, wanted);
	return true;
}
