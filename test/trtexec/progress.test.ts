import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lineCutter, lineOf, MOST_LINE } from '../../src/trtexec/lines.js';
import { buildProgress } from '../../src/trtexec/progress.js';

const progress = suite('what trtexec says');

for (const [raw, severity, text] of [
	[
		'[04/07/2025-23:59:46] [I] [TRT] Engine generation completed in 10.6392 seconds.',
		'I',
		'Engine generation completed in 10.6392 seconds.',
	],
	['[04/07/2025-23:59:46] [E] Engine set up failed', 'E', 'Engine set up failed'],
	['[V] After reformat layers: 1 layers', 'V', 'After reformat layers: 1 layers'],
	['[09/16/2022-10:45:54] [W] [TRT] Skipping tactic 8', 'W', 'Skipping tactic 8'],
	['\x1b[33m[09/16/2022-10:45:54] [W] [TRT] coloured\x1b[0m', 'W', 'coloured'],
	[
		'&&&& PASSED TensorRT.trtexec [TensorRT v8502] # trtexec',
		null,
		'&&&& PASSED TensorRT.trtexec [TensorRT v8502] # trtexec',
	],
	['Cuda failure: out of memory', null, 'Cuda failure: out of memory'],
	['', null, ''],
	['[I]', null, '[I]'],
	['[I] ', null, '[I]'],
] as const) {
	progress(`is a line with a severity, or none: ${JSON.stringify(raw).slice(0, 60)}`, () => {
		assert.equal(lineOf(raw), { severity, text });
	});
}

progress('is cut into lines wherever the bytes are cut, and no line is longer than its bound', () => {
	const whole = `one\r\ntwo\n\n${'x'.repeat(5 * MOST_LINE)}\nlast`;
	for (const size of [1, 2, 3, 7, 1000, whole.length]) {
		const heard: string[] = [];
		const cutter = lineCutter((raw) => heard.push(raw));
		for (let at = 0; at < whole.length; at += size) cutter.take(whole.slice(at, at + size));
		cutter.end();
		assert.equal(heard, ['one', 'two', 'x'.repeat(MOST_LINE), 'last'], `${size} at a time`);
	}
});

function told(lines: readonly string[]) {
	const hear = buildProgress();
	return lines.flatMap((raw) => hear(lineOf(raw)) ?? []);
}

progress(
	'tells nothing of how far it is until trtexec does, then counts the layers that are measured',
	() => {
		const heard = told([
			'&&&& RUNNING TensorRT.trtexec [TensorRT v100300] # trtexec',
			'[I] Start parsing network model.',
			'[I] Finished parsing network model. Parse time: 0.01',
			'[V] [TRT] Original: 12 layers',
			'[V] [TRT] After final dead-layer removal: 4 layers',
			'[V] [TRT] =============== Computing reformatting costs',
			'[V] [TRT] =============== Computing costs for Conv_0 + Relu_1',
			'[V] [TRT] Tactic: 0x1 Time: 0.1',
			'[V] [TRT] =============== Computing costs for ',
			'[V] [TRT] After reformat layers: 100 layers',
			'[V] [TRT] =============== Computing costs for c',
			'[I] [TRT] Detected 1 inputs and 3 output network tensors.',
			'[I] [TRT] Engine generation completed in 10.6392 seconds.',
			'&&&& PASSED TensorRT.trtexec [TensorRT v100300] # trtexec',
		]);
		assert.equal(
			heard.map(({ share }) => share && Number(share.toFixed(3))),
			[null, null, 0.05, 0.05, 0.263, 0.475, 0.9, 0.97, 1],
		);
		assert.equal(heard.map(({ line }) => line).slice(3, 6), [
			'measures Conv_0 + Relu_1',
			'measures layer 2 of 4',
			'measures c',
		]);
		assert.ok(heard.every(({ phase }) => phase === 'building'));
	},
);

progress('never falls and never exceeds 1, in whatever order it is said', () => {
	const lines = [
		'&&&& PASSED x',
		'[I] Finished parsing network model.',
		...Array.from({ length: 50 }, (_, i) => `[V] =============== Computing costs for Conv_${i}`),
		'[V] After y: 3 layers',
		'[I] Engine built in 3 sec.',
		'[I] Detected 1 inputs and 1 output network tensors.',
		'[V] =============== Computing costs for Conv_again',
	];
	for (const order of [lines, [...lines].reverse(), lines.slice(1)]) {
		let before = 0;
		for (const { share, line } of told(order)) {
			assert.ok((share ?? 0) >= before && (share ?? 0) <= 1, `${share} after ${before}`);
			before = share ?? 0;
			assert.ok(!line!.includes('\n') && line!.length <= 160);
		}
	}
});

progress('is shown in one short line', () => {
	const [{ line } = { line: null }] = told([`[I] ${'long '.repeat(1000)}`]);
	assert.is(line!.length, 160);
	assert.match(line!, /…$/);
});

progress.run();
