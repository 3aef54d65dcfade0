// npm run test:arm64 [-- --processor NAME] [-- --pictures N]: the program for arm64 (Debian's libraries, the registry's Node and ONNX
// Runtime, the OpenCV binding compiled for it) under qemu, against the same bundle and pictures on this machine. Slow: an hour is
// allowed. The last line is JSON. What it makes lies below .setup/arm64.
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { comparisonOf, worded } from './arm64/compare.mjs';
import { ended } from './arm64/ended.mjs';
import { inspected } from './arm64/inspect.mjs';
import { processors } from './arm64/processors.mjs';
import { arm64Root } from './arm64/root.mjs';
import { arm64Tree, emulator } from './arm64/tree.mjs';
import { installLine, missingPackages } from './packages.mjs';
import { alone, root, setUp, step } from './setup.mjs';

/** In fp32 any processor computes the same (GOLDEN_TOLERANCE of inspect/scorer.ts). */
const MOST_FP32 = 1e-5;

const { values } = parseArgs({
	options: { processor: { type: 'string', multiple: true }, pictures: { type: 'string', default: '12' } },
});
const chosen = processors.filter(({ name }) => values.processor?.includes(name) ?? true);
if (chosen.length === 0) {
	console.log(`There is no such processor; there are ${processors.map(({ name }) => name).join(', ')}.`);
	process.exit(64);
}

await setUp({ tests: false });
const place = path.join(root, '.setup', 'arm64');
mkdirSync(place, { recursive: true });
const reason = await alone(cannot);
if (reason !== undefined) {
	console.log(`skipped: ${reason}`);
	process.exit(0);
}
const debian = await alone(() => arm64Root(place));
if (debian === undefined) {
	console.log("skipped: Debian's packages of arm64 cannot be had here");
	process.exit(0);
}
const tree = await alone(() => arm64Tree(place, debian));
if (tree === undefined) {
	console.log('skipped: Node or the npm packages of arm64 cannot be had here; .setup/setup.log says why');
	process.exit(0);
}

const work = path.join(place, 'work');
rmSync(work, { recursive: true, force: true });
mkdirSync(work);
const at = (...parts) => path.join(work, ...parts);
const tool = (name) => path.join(root, 'tools', 'arm64', `${name}.mjs`);
const here = { command: process.execPath, dist: path.join(root, 'dist') };
await run(here, 'drawing', 120, [path.join(here.dist, 'main.js'), ...drawing(Number(values.pictures))]);
const pictures = inOneFolder(at('line', 'test'), at('pictures'));
const [{ flange, small, eight }] = await run(here, 'teaching on this machine', 1800, [
	tool('teach'),
	here.dist,
	root,
	work,
]);

// The emulator needs half a minute for a picture of the size that the demonstration has: it proves that bundle by its golden vectors, and
// scores more pictures by the small one.
const compared = [];
for (const processor of chosen) {
	const there = thereOn(processor);
	for (const bundle of [small.dir, eight]) {
		const [a, b] = [await scored(here, 'here', bundle), await scored(there, processor.name, bundle)];
		compared.push({
			processor: processor.name,
			bundle: path.basename(bundle),
			...comparisonOf(a, b, small),
		});
		for (const line of worded(compared.at(-1), processor)) console.log(line);
	}
}

const [first] = chosen;
const sides = [
	{ ...here, name: 'here', limitS: 300 },
	{ ...thereOn(first), name: first.name, limitS: 1800 },
];
const daemons = [];
for (const side of sides)
	daemons.push(await inspected(side, { flange: flange.dir, small: small.dir, pictures, work }));
const [ours, tours] = daemons;
for (const { what, ok, message } of tours.check.findings)
	console.log(`  ${ok ? 'ok   ' : 'FAULT'}  ${what}: ${message}`);
const parts = Object.entries(ours.scores);
const differences = parts.map(([part, score]) => Math.abs(score - tours.scores[part]));
const stations = ['plain', 'quick'].map((station) => {
	const own = differences.filter((_, i) => parts[i][0].startsWith(station));
	return { station, parts: own.length, most: Math.max(...own) };
});
console.log(`the daemon on ${first.name}: ${tours.told}`);

const plain = compared.flatMap(({ precisions }) => precisions.fp32 ?? []);
const isSame = ({ score, map, golden, flips }) =>
	golden === null && flips === 0 && score.most <= MOST_FP32 && map.most <= MOST_FP32;
const lower = compared.flatMap(({ processor, precisions }) =>
	Object.entries(precisions).flatMap(([precision, { golden }]) =>
		golden && precision !== 'fp32' ? `${processor}: ${golden.message}` : [],
	),
);
const faults = [
	...(plain.length > 0 && plain.every(isSame) ? [] : ['fp32 is not the same']),
	...lower,
	...compared
		.filter(({ exactProducts }) => !exactProducts)
		.map(({ processor }) => `products of int8 saturate on ${processor}`),
	...(tours.check.ok ? [] : ['check finds faults']),
	...(stations[0].parts > 0 && stations[0].most <= MOST_FP32 ? [] : ['the daemon scores otherwise in fp32']),
];
const words = [
	`fp32 differs by ${Math.max(...plain.map(({ score }) => score.most)).toExponential(1)} at most`,
	`flips: ${compared.reduce((sum, { precisions }) => sum + Object.values(precisions).reduce((n, { flips }) => n + flips, 0), 0)}`,
	`${Math.round(Math.max(...compared.map(({ slower }) => slower)))} times slower than here`,
	`the daemon's ${differences.length} verdicts differ by ${stations[0].most.toExponential(1)} in fp32, ${stations[1].most.toExponential(1)} in ${small.runs}`,
	faults.length === 0 ? 'arm64 holds' : faults.join(', '),
];
console.log(`\n${words.join('; ')}`);
const date = new Date().toISOString().slice(0, 10);
console.log(
	JSON.stringify({
		date,
		node: process.version,
		flange,
		small,
		compared,
		stations,
		tookS: tours.tookS,
		faults,
	}),
);
process.exitCode = faults.length === 0 ? 0 : 1;

function thereOn(processor) {
	return {
		command: emulator(place, debian, processor, availableParallelism()),
		dist: path.join(tree, 'dist'),
	};
}

/** Why nothing of this works here, in words; undefined when it does. */
async function cannot() {
	if (process.platform !== 'linux' || process.arch !== 'x64') return 'this machine is not Linux on x64';
	if (
		!['/usr/bin/apt-get', '/usr/bin/dpkg-deb', '/usr/share/keyrings/debian-archive-keyring.gpg'].every(
			(file) => existsSync(file),
		)
	)
		return 'this is no Debian';
	const missing = missingPackages(['arm64'], existsSync);
	if (missing.length === 0) return undefined;
	if (process.getuid?.() !== 0) return `${missing.join(', ')} missing. To have it: ${installLine(missing)}`;
	const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
	await step("reading Debian's package lists", 'apt-get', ['update', '-qq'], env, { optional: true });
	const args = ['install', '-y', '--no-install-recommends', ...missing];
	const isThere = await step(`installing ${missing.join(', ')}`, 'apt-get', args, env, { optional: true });
	return isThere ? undefined : `${missing.join(', ')} cannot be installed`;
}

function drawing(count) {
	return [
		'simulate',
		at('line'),
		'--good',
		'10',
		'--defects',
		String(Math.max(1, count - 2)),
		'--seed',
		'11',
		'--json',
	];
}

/** Good and defective ones, under names that tell them apart. */
function inOneFolder(from, to) {
	mkdirSync(to);
	for (const kind of readdirSync(from))
		for (const name of readdirSync(path.join(from, kind)))
			copyFileSync(path.join(from, kind, name), path.join(to, `${kind}-${name}`));
	return to;
}

/** A bundle in every precision on one side: its lines of JSON, and where the maps lie. */
async function scored(side, name, bundle) {
	const maps = at(`maps-${name}-${path.basename(bundle)}`);
	const args = [tool('score'), side.dist, bundle, pictures, maps];
	const said = await run(side, `scoring by ${path.basename(bundle)}, ${name}`, 1800, args);
	return said.map((line) => (line.kind === 'scores' ? { ...line, maps: `${maps}.${line.precision}` } : line));
}

/** Lines of JSON that a program prints. Ends us where it fails: what fails there is what this is here to find. */
async function run({ command }, what, limitS, args) {
	const begun = Date.now();
	console.log(`${what} …`);
	const { code, signal, out, err } = await ended(command, args, limitS, { cwd: work }).done;
	console.log(`${what}: ${Math.round((Date.now() - begun) / 1000)} s`);
	if (code !== 0) {
		console.log(`${err}\n${what} failed (${signal ?? code}); allowed were ${limitS} s`);
		process.exit(1);
	}
	return out
		.split('\n')
		.filter((line) => line.startsWith('{'))
		.map((line) => JSON.parse(line));
}
