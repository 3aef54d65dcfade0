import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { program, startWith } from '../program.js';
import { temporaryFolder } from '../tiny-bundle.js';

const doctor = suite('the doctor');

type Found = {
	readonly step: string;
	readonly state: string;
	readonly message: string;
	readonly remedy?: string;
};
type Told = { readonly ok: boolean; readonly findings: readonly Found[] };

const stepOf = ({ findings }: Told, name: string) => findings.find(({ step }) => step === name)!;

doctor('finds what the tests themselves need on this machine, and ends with 0', async () => {
	const { code, out, err } = await program('doctor', '--json');
	const told = JSON.parse(out) as Told;
	assert.is(told.ok, true, out);
	assert.is(code, 0, err);
	assert.match(stepOf(told, 'node').message, new RegExp(`Node ${process.versions.node} for ${process.arch}`));
	assert.match(stepOf(told, 'opencv').message, /^OpenCV \d+\.\d+\.\d+$/);
	assert.match(
		stepOf(told, 'onnxruntime').message,
		/^ONNX Runtime 1\.30\.0 in ".+", made with .*cpu.*, can use cpu$/,
	);
	assert.is(stepOf(told, 'jetpack'), undefined);
});

doctor(
	'names a folder that holds no ONNX Runtime, in a line with the remedy below it, and ends with 1',
	async () => {
		await using folder = await temporaryFolder();
		await using asked = startWith({ INSPECTORD_ORT: folder.path }, 'doctor');
		const { code, out, err } = await asked.ended;
		assert.is(code, 1);
		assert.match(out, /^MISSING {2}onnxruntime: Cannot use INSPECTORD_ORT .+: it has no .+\n {9}\S/m);
		assert.match(out, /^ok {7}opencv: /m);
		assert.match(err, /^inspectord: This box lacks 1 of \d+ things$/m);
	},
);

doctor('sees a library that ends the process that loads it, and goes on', async () => {
	await using folder = await temporaryFolder();
	const module = join(folder.path, 'killed.cjs');
	// Of the children only: what loads libraries dies as if one had.
	await writeFile(module, "if (process.argv[2] === 'probe') process.kill(process.pid, 'SIGSEGV');\n");
	await using asked = startWith({ NODE_OPTIONS: `--require=${module}` }, 'doctor', '--json');
	const { code, out } = await asked.ended;
	assert.is(code, 1);
	const told = JSON.parse(out) as Told;
	assert.match(stepOf(told, 'opencv').message, /Cannot try OpenCV: its process died \(killed by SIGSEGV\)/);
	assert.is(stepOf(told, 'memory').state === 'missing', false);
});

doctor('finds no Jetson where none is, and what a Jetson would need', async () => {
	const { code, out } = await program('doctor', '--jetson', '--json');
	const told = JSON.parse(out) as Told;
	if (stepOf(told, 'jetpack').state === 'ok') {
		console.log('skipped: this is a Jetson');
		return;
	}
	assert.is(code, 1);
	assert.match(stepOf(told, 'provider').message, /^Cannot use provider "tensorrt"/);
	for (const { state, step, remedy } of told.findings) assert.is(remedy === undefined, state === 'ok', step);
});

const configuration = (model: string) =>
	`box: t\nmqtt: { url: "mqtt://127.0.0.1:1" }\nrecipes: { r: { model: ${model}, threshold: 1 } }\nstations: { s: { camera: { source: "sim:?seed=1" }, recipe: r } }\n`;

doctor('tries what a configuration needs as check does, and where its journal would lie', async () => {
	await using folder = await temporaryFolder();
	const file = join(folder.path, 'box.yaml');
	await mkdir(join(folder.path, 'state'));
	await writeFile(file, `${configuration('nowhere')}journal: { folder: state }\n`);
	const { code, out } = await program('doctor', '--config', file, '--json');
	const told = JSON.parse(out) as Told;
	assert.is(code, 1);
	assert.match(stepOf(told, 'journal').message, new RegExp(`^"${folder.path}/state" is there`));
	assert.is(stepOf(told, 'recipes.r').state, 'missing');
	assert.match(stepOf(told, 'recipes.r').message, /nowhere/);
	assert.is(stepOf(told, 'stations.s').state, 'ok');
	assert.is(stepOf(told, 'mqtt').state, 'missing');
	for (const { state, step, remedy } of told.findings) assert.is(remedy === undefined, state === 'ok', step);
});

doctor('has a configuration that cannot be read among its findings', async () => {
	await using folder = await temporaryFolder();
	const file = join(folder.path, 'box.yaml');
	await writeFile(file, 'box: t\nstationz: {}\n');
	const { code, out } = await program('doctor', '--config', file, '--json');
	const found = stepOf(JSON.parse(out) as Told, 'config');
	assert.is(code, 1);
	assert.is(found.state, 'missing');
	assert.match(found.message, /stationz/);
	const { out: shown } = await program('doctor', '--config', file);
	// Whatever lines it has, they stand below it.
	for (const line of shown.trimEnd().split('\n'))
		assert.match(line, /^(ok {7}|MISSING {2}|warning {2}| {9})\S/);
	assert.match(shown, /^ {9}.*stationz.*\n {9}Mend it there.* inspectord check --config /m);
});

doctor.run();
