import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { documentedIn, isSwitch, type StandInDoes, valueFault } from './stand-in-options.js';

/**
 * A STAND-IN for trtexec: there is no TensorRT here. It takes exactly the options that the real one of the given version documents, says
 * its kind of lines, and writes a file that is no engine: `stand-in engine of TensorRT 10.3.0 for <SHA-256 of the model> <types>`.
 */
const [, , version = '', does = '', ...given] = process.argv as unknown as [
	string,
	string,
	string,
	StandInDoes,
	...string[],
];

const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
const digits = major >= 10 ? major * 10_000 + minor * 100 + patch : major * 1000 + minor * 100 + patch;
const name = `TensorRT.trtexec [TensorRT v${digits}]${major >= 10 && minor >= 13 ? ' [b9]' : ''} # trtexec ${given.join(' ')}`;

// Whoever touches process.stdout, as an import of node:process does, has a pipe that refuses what a slow reader leaves no room for.
const writeFully = (text: string) => {
	const bytes = Buffer.from(text);
	for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
};
const print = (line: string) => writeFully(`${line}\n`);
const say = (severity: string, text: string) => print(`[11/30/2026-05:00:00] [${severity}] ${text}`);
const end = (code: number): never => process.exit(code);
const fail = (...lines: string[]): never => {
	for (const line of lines) say('E', line);
	print(`&&&& FAILED ${name}`);
	return end(1);
};

if (does === 'lacks-libraries') {
	writeSync(
		2,
		'trtexec: error while loading shared libraries: libnvinfer.so.10: cannot open shared object file\n',
	);
	end(127);
}
if (does === 'is-something-else') {
	print('usage: trtexec FILE');
	end(0);
}
print(`&&&& RUNNING ${name}`);
if (given.length === 0 || given.includes('--help')) {
	print('=== Model Options ===');
	end(0);
}

const options = new Map(
	given.map((one) => {
		const at = one.indexOf('=');
		return at === -1 ? [one, ''] : [one.slice(0, at), one.slice(at + 1)];
	}),
);
const known = documentedIn(version);
const faults = [...options].flatMap(([option, value]) => {
	if (!known.has(option)) return [`Unknown option: ${option} ${value}`];
	if (isSwitch(option) !== (value === '')) return [`Unknown option: ${option} ${value}`];
	const fault = valueFault(option, value);
	return fault === undefined ? [] : [fault];
});
if (faults.length > 0) fail(...faults);
const strong = options.has('--stronglyTyped');
if (strong && (options.has('--fp16') || options.has('--int8')))
	say(
		'W',
		'Invalid usage, setting fp16 mode is not allowed if graph is strongly typed. Disabling BuilderFlag::kFP16.',
	);

say('I', '=== Build Options ===');
say(
	'I',
	`Precision: ${strong ? 'Strongly Typed' : `FP32${options.has('--fp16') ? '+FP16' : ''}${options.has('--int8') ? '+INT8' : ''}`}`,
);
if (does === 'has-no-gpu') {
	say('E', 'Cuda failure: no CUDA-capable device is detected');
	end(1);
}
say('I', 'Selected Device: Stand-in');
say('I', `TensorRT version: ${version}`);
say('I', 'Start parsing network model.');
const model = options.get('--onnx')!;
if (!existsSync(model))
	fail(`Could not open file ${model}`, 'Failed to parse onnx file', 'Engine set up failed');
const onnx = readFileSync(model);
if (does === 'refuses-operator')
	fail(
		'[TRT] ModelImporter.cpp:826: While parsing node number 3 [GridSample -> "GridSample_3"]:',
		'[TRT] ModelImporter.cpp:834: ERROR: onnxOpCheckers.cpp:778 In function checkFallbackPluginImporter:',
		'Failed to parse onnx file',
		'Engine set up failed',
	);
say('I', 'Finished parsing network model. Parse time: 0.01');
say('V', '[TRT] Original: 12 layers');
say('V', '[TRT] After dead-layer removal: 11 layers');
say('V', '[TRT] After final dead-layer removal: 8 layers');
say('I', '[TRT] Local timing cache in use. Profiling results in this builder pass will not be stored.');
if (does === 'prints-megabytes') {
	const noise =
		`[11/30/2026-05:00:00] [V] [TRT] ${'Tactic: 0x0000000000020318 Time: 0.02 '.repeat(50)}\n`.repeat(500);
	for (let i = 0; i < 40; i += 1) writeFully(noise);
	// One line of megabytes, without an end.
	for (let i = 0; i < 8; i += 1) writeFully('x'.repeat(1_000_000));
	print('');
}
for (let layer = 0; layer < 8; layer += 1) {
	say('V', '[TRT] =============== Computing reformatting costs');
	say('V', `[TRT] =============== Computing costs for ${layer % 2 ? '' : `Conv_${layer} + Relu_${layer}`}`);
	say(
		'V',
		'[TRT] *************** Autotuning format combination: Float(1,1,1,1) -> Half(1,1,1,1) ***************',
	);
	if (does === 'is-slow') await pause(300);
	if (layer !== 4) continue;
	switch (does) {
		case 'runs-out-of-memory':
			say(
				'W',
				'[TRT] Tactic Device request: 4364MB Available: 788MB. Device memory is insufficient to use tactic.',
			);
			fail(
				'[TRT] 10: Could not find any implementation for node Conv_4 + Relu_4.',
				'[TRT] 10: [optimizer.cpp::computeCosts::3873] Error Code 10: Internal Error (Could not find any implementation for node Conv_4 + Relu_4.)',
				'Engine could not be created from network',
				'Failed to create engine from model or file.',
				'Engine set up failed',
			);
			break;
		case 'has-no-implementation':
			fail(
				'[TRT] 10: Could not find any implementation for node Conv_4 + Relu_4.',
				'Engine could not be created from network',
			);
			break;
		case 'throws-bad-alloc':
			writeSync(
				2,
				"terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n",
			);
			process.kill(process.pid, 'SIGABRT');
			await pause(10_000);
			break;
		case 'is-killed':
			process.kill(process.pid, 'SIGKILL');
			await pause(10_000);
			break;
		case 'hangs': {
			process.on('SIGTERM', () => say('W', 'not now'));
			const other = spawn('sleep', ['1000'], { stdio: 'inherit' });
			print(`started ${other.pid}`);
			await pause(100_000);
		}
	}
}
say('I', '[TRT] Detected 1 inputs and 3 output network tensors.');
say('I', '[TRT] Engine generation completed in 10.6392 seconds.');
say('I', 'Engine built in 10.7204 sec.');
const types = strong
	? 'strongly typed'
	: [...options.keys()].filter((one) => /^--(fp16|int8|precisionConstraints)$/.test(one)).join(' ');
const engine = `stand-in engine of TensorRT ${version} for ${createHash('sha256').update(onnx).digest('hex')} ${types}\n`;
const place = options.get('--saveEngine')!;
if (does === 'fills-the-disk') {
	writeFileSync(place, engine.slice(0, 20));
	fail('Saving engine to file failed.', 'Engine set up failed');
}
if (does === 'writes-half-a-file') {
	writeFileSync(place, engine.slice(0, 20));
	process.kill(process.pid, 'SIGKILL');
	await pause(10_000);
}
if (does !== 'writes-nothing') writeFileSync(place, engine);
writeFileSync(options.get('--timingCacheFile')!, 'stand-in timing cache');
say('I', 'Created engine with size: 0.0001 MiB');
say(
	'I',
	`Skipped inference phase since ${options.has('--buildOnly') ? '--buildOnly' : '--skipInference'} is added.`,
);
print(`&&&& PASSED ${name}`);
