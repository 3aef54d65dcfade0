import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type BenchReport, benchTables, type Measured } from '../../src/evaluate/bench-report.js';
import { stageNames } from '../../src/evaluate/stages.js';
import { spreadOf } from '../../src/measure/spread.js';

const test = suite('the report of a bench');

const spread = spreadOf([10, 20, 30]);

const row: Measured = {
	precision: 'fp32',
	provider: 'cpu',
	fingerprint: null,
	degraded: null,
	model: 'a'.repeat(64),
	engine: null,
	alone: {
		stages: Object.fromEntries(stageNames.map((stage) => [stage, spread])) as Measured['alone']['stages'],
		whole: spreadOf([100, 110, 120]),
		totalMs: 330,
		beyondMs: { least: 0, total: 0.1 },
		perSecond: 9.5,
		drift: 0.01,
		rejected: 3,
		threshold: 0.5,
		isOwnThreshold: true,
		work: { ours: 0.5, others: 0.02 },
		memoryBytes: 4e8,
	},
	stations: {
		stations: 2,
		perSecond: 61.25,
		slowestPerSecond: 30,
		wholeMs: spreadOf([25]),
		stationBytes: 3.2e8,
		daemonBytes: null,
		boxBytes: null,
		work: { ours: 0.9, others: 0.04 },
		errors: 0,
	},
	watts: null,
	joulesAPart: null,
	compared: { pictures: 3, difference: 0, largest: 0, flips: 0 },
	auroc: 0.98765,
};

const report: BenchReport = {
	at: '2026-11-30T05:00:00.000Z',
	inspectord: '0.1.0',
	commit: '0123abcd',
	node: '20.20.2',
	onnxruntime: '1.30.0',
	opencv: '4.6.0',
	bundle: 'lid@1c947c1d',
	backbone: 'resnet18',
	width: 256,
	height: 256,
	views: 1,
	threads: null,
	pictures: "the bundle's own 3 held-out pictures",
	labelled: 0,
	seconds: 10,
	broker: 'a broker of its own',
	isJournalInMemory: false,
	machine: { is: ['a processor, 2 cores'], before: [], after: [] },
	rows: [row],
};

const textOf = (changes: Partial<BenchReport>) => benchTables({ ...report, ...changes }).join('\n');

test('is a table that can be pasted: every row has as many cells as its head', () => {
	const tables: string[][] = [];
	let isInside = false;
	for (const line of benchTables({ ...report, rows: [row, { precision: 'int8', failure: 'a | b' }] })) {
		if (line.startsWith('|')) {
			if (!isInside) tables.push([]);
			tables.at(-1)!.push(line);
		}
		isInside = line.startsWith('|');
	}
	assert.is(tables.length, 2);
	for (const [head = '', ...rest] of tables) {
		const cells = (line: string) => line.split(/(?<!\\)\|/).length;
		for (const line of rest) assert.is(cells(line), cells(head), line);
	}
	assert.is(tables[1]!.length, 2 + stageNames.length + 1);
});

const parts: readonly (readonly [what: string, changes: Partial<BenchReport>, shown: RegExp])[] = [
	[
		'date, machine, versions, commit',
		{},
		/^2026-11-30, a processor, 2 cores\. inspectord 0\.1\.0, commit 0123abcd, Node 20\.20\.2, ONNX Runtime 1\.30\.0, OpenCV 4\.6\.0\./m,
	],
	['no commit', { commit: null }, /inspectord 0\.1\.0, Node/],
	[
		'its figures',
		{},
		/^\| fp32 \| cpu \| 110\.0 \| 120\.0 \| 120\.0 \| 9\.50 \| 2 \| 61\.3 \| 25\.0 \| 25\.0 \| 320 MB \| – \| 0\.0 % \| 0\.0 % \| 0\.9877 \|$/m,
	],
	['stages', {}, /^\| model: inference \| 20\.0, 30\.0, 30\.0 \|$/m],
	['the whole', {}, /^\| \*\*whole\*\* \| 110\.0, 120\.0, 120\.0 \|$/m],
	['views', { views: 5 }, /256 × 256 pixels in 5 views/],
	['threads', { threads: 1 }, /; 1 thread;/],
	['a journal in memory', { isJournalInMemory: true }, /in memory, so `record` says nothing of a disk/],
	['a machine that is silent', {}, /tells nothing of power, clocks and heat/],
	[
		'a machine that tells',
		{ machine: { is: ['x'], before: ['15W'], after: ['15W', '**slowed down** for heat or current'] } },
		/Before: 15W\. After: 15W, \*\*slowed down\*\* for heat or current\./,
	],
	['energy', { rows: [{ ...row, watts: 12.34, joulesAPart: 0.2 }] }, /\| 0\.20 J \|[\s\S]*drew 12\.3 W/],
	[
		'what was not measured',
		{ rows: [row, { precision: 'fp16', failure: 'no such thing' }] },
		/^\| fp16 \| not measured \|[\s\S]*- fp16 was not measured: no such thing$/m,
	],
	[
		'what it ran on',
		{ rows: [{ ...row, fingerprint: 'TensorRT 10.3.0' }] },
		/fp32 ran on TensorRT 10\.3\.0\./,
	],
	['why it is degraded', { rows: [{ ...row, degraded: 'no engine' }] }, /degraded: no engine/],
	[
		'others on the machine',
		{ rows: [{ ...row, alone: { ...row.alone, work: { ours: 0.5, others: 0.4 } } }] },
		/disturbed: others took 40\.0 % of all processors/,
	],
	[
		'one that grew slower',
		{ rows: [{ ...row, alone: { ...row.alone, drift: 0.25 } }] },
		/last third was 25\.0 % slower than the first/,
	],
	[
		'a threshold that was made',
		{ rows: [{ ...row, alone: { ...row.alone, isOwnThreshold: false } }] },
		/3 of them rejected, by the middle of their scores/,
	],
	[
		'nothing that was drawn',
		{ rows: [{ ...row, alone: { ...row.alone, stages: { ...row.alone.stages, draw: spreadOf([]) } } }] },
		/draw: heatmaps of a reject, as JPEG \| – \|[\s\S]*so nothing was drawn/,
	],
	['errors', { rows: [{ ...row, stations: { ...row.stations!, errors: 2 } }] }, /fp32: 2 error verdicts/],
	['parts alone only', { rows: [{ ...row, stations: null }] }, /\| 9\.50 \| – \| – \| – \| – \| – \|/],
];

for (const [what, changes, shown] of parts) {
	test(`shows ${what}`, () => assert.match(textOf(changes), shown));
}

test('says nothing of what is as it should be', () => {
	assert.not.match(textOf({}), /disturbed|slower|degraded|error verdict|not measured/);
});

test.run();
