import { examples } from './examples.js';
import type { Ask, RequestName, Result } from './requests.js';

/** What is asked, and what comes of it. */
export type RequestExample<N extends RequestName> = {
	readonly ask: Partial<Ask<N>>;
	readonly text: string;
	readonly result: Result<N>;
};

const at = '2026-11-23T21:30:36.001Z';

const { box, model } = examples.stationState;
const { bundle, sha256 } = model!;
const newer = 'lid@0c1d94e7';
const [before, now] = ['12-1c947c1d', '13-90ab54f0'];

const edited = { rev: now, before };

const described = {
	threshold: 1.0297,
	precision: 'int8',
	pictures: 40,
	complete: true,
	fault: null,
} as const;

const { document, effective } = {
	document: {
		box,
		stations: { lid: { camera: { source: 'rtsp://10.0.0.7/stream' }, recipe: 'lid' } },
		recipes: { lid: { model: `bundles/${bundle}` } },
	},
	effective: examples.configuration.configuration,
};

const nothing = {
	...{ rev: before, confirmBy: null, changed: [], findings: [] },
	...{ document: null, effective: null, revisions: [] },
};

/** Of each request: the first one is the one to begin with. All are asked of a box by the tests, in this order. */
export const requestExamples: { readonly [N in RequestName]: readonly RequestExample<N>[] } = {
	state: [
		{
			ask: {},
			text: 'lid running',
			result: {
				...{ box, version: '0.1.0', connected: true },
				...{ stations: [examples.stationState], alarms: [examples.alarm] },
			},
		},
	],
	health: [{ ask: {}, text: 'up for 55823 s', result: examples.health }],
	events: [
		{
			ask: { verdict: 'reject', limit: 5 },
			text: '1 event',
			result: {
				events: [
					{
						...{ id: '9c1f04d2-20817', kind: 'verdict', station: 'lid', sequence: 20_790 },
						...{ at: '2026-11-23T21:30:35.943Z', recorded: at },
						...{ verdict: 'reject', score: 1.3738, part: null },
						origin: { recipe: 'lid', threshold: 1.0297 },
						body: { frame: 'broken_large/000.jpg' },
					},
				],
				isMore: false,
			},
		},
	],
	selfcheck: [
		{
			ask: { station: 'lid' },
			text: '1 station passed',
			result: { stations: [{ station: 'lid', passed: true, message: null }] },
		},
	],
	diagnostics: [
		{
			ask: {},
			text: '1 trouble in the log',
			result: {
				versions: { inspectord: '0.1.0', node: '22.11.0', onnxruntime: '1.30.0', opencv: '4.6.0' },
				boot: examples.health.boot,
				series: '9c1f04d2',
				stations: [
					{
						...{ station: 'lid', state: 'running', provider: 'cpu', precision: 'int8', bundle },
						...{ pid: 812, restarts: 0 },
					},
				],
				broker: {
					...{ connected: true, connections: 2 },
					...{ waiting: { verdicts: 0, pictures: 0 }, refused: { verdicts: 0, heatmaps: 12 } },
				},
				journal: {
					...{ events: 20_817, bytes: 148_897_792, freeBytes: 21_474_836_480 },
					...{ waiting: 0, failure: null },
				},
				troubles: [{ at, level: 'warning', about: 'journal', message: 'the disk takes its time' }],
				logs: null,
			},
		},
	],
	snapshot: [
		{
			ask: { station: 'lid', longestSide: 640 },
			text: 'a picture of station lid',
			result: {
				...{ station: 'lid', taken: at, width: 640, height: 480, bytes: 48_113, sha256 },
				...{ topic: `inspectord/${box}/lid/snapshot/5f02ac11`, file: null },
			},
		},
	],
	teach: [
		{
			ask: { action: 'begin', name: 'lid', station: 'lid', parts: 60 },
			text: 'lid: 0 of 60 parts kept',
			result: {
				lesson: {
					...examples.lesson,
					state: 'collecting',
					progress: null,
					forecast: null,
					collected: { done: 0, of: 60, skipped: 0 },
				},
				...{ pictures: [], folder: null },
			},
		},
		{
			ask: { action: 'cancel' },
			text: 'lid: cancelled',
			result: {
				lesson: {
					...examples.lesson,
					state: 'cancelled',
					progress: null,
					forecast: null,
					collected: { done: 0, of: 60, skipped: 0 },
				},
				...{ pictures: [], folder: null },
			},
		},
	],
	letters: [
		{
			ask: { limit: 10 },
			text: '1 dead letter',
			result: {
				letters: [
					{
						...{ letter: 3, outlet: 'broker', station: 'lid', sequence: 20_790 },
						...{ reason: 'packet too large (0x95)', at },
					},
				],
				all: 1,
			},
		},
	],
	redeliver: [{ ask: {}, text: '1 dead letter will be said again', result: { letters: 1 } }],
	config: [
		{
			ask: {},
			text: `revision ${before} stands`,
			result: { ...nothing, document, effective },
		},
		{
			ask: { patch: { recipes: { lid: { threshold: 0.7 } } }, baseRev: before, dryRun: true },
			text: `revision ${before} would be changed: 1 setting changed`,
			result: {
				...{ ...nothing, changed: ['recipes.lid.threshold'] },
			},
		},
		{
			ask: { patch: { recipes: { lid: { threshold: 0.7 } } }, baseRev: before, confirmTimeoutS: 300 },
			text: `revision ${now} stands: 1 setting changed, until it is confirmed by 2026-11-23T21:35:36.001Z`,
			result: {
				...{ ...nothing, rev: now, changed: ['recipes.lid.threshold'] },
				confirmBy: '2026-11-23T21:35:36.001Z',
			},
		},
		{
			ask: { action: 'confirm' },
			text: `revision ${now} is confirmed: 1 setting changed`,
			result: { ...nothing, rev: now, changed: ['recipes.lid.threshold'] },
		},
		{
			ask: { action: 'history' },
			text: `revision ${now} stands`,
			result: {
				...nothing,
				rev: now,
				revisions: [
					{ rev: now, at, by: 'engineer desk-7', what: 'recipes.lid.threshold: bundle → 0.7' },
					{ rev: before, at: '2026-11-20T07:12:44.530Z', by: 'file', what: 'recipes.lid.model' },
				],
			},
		},
		{
			ask: { action: 'rollback' },
			text: 'revision 14-1c947c1d stands: 1 setting changed',
			result: { ...nothing, rev: '14-1c947c1d', changed: ['recipes.lid.threshold'] },
		},
	],
	acknowledge: [
		{
			ask: { comment: 'lens cleaned' },
			text: '1 alarm acknowledged',
			result: { alarms: [{ station: 'lid', alarm: 'stuck', state: 'active-acknowledged' }] },
		},
	],
	trigger: [
		{
			ask: { station: 'jar', part: 'P-17', metadata: { mould: 3 }, wait: true },
			text: 'accept',
			result: {
				...{ station: 'jar', at, waiting: 1 },
				verdict: {
					...{ id: '9c1f04d2-20818', sequence: 4711, verdict: 'accept', reason: null },
					...{ score: 0.4406, threshold: 1.0297 },
				},
			},
		},
	],
	bundles: [
		{
			ask: {},
			text: '2 bundles',
			result: {
				bundles: [
					{ bundle: newer, at: '2026-11-23T16:04:10.000Z', ...described, threshold: 0.9811, recipes: [] },
					{ bundle, at: '2026-10-02T09:41:57.000Z', ...described, recipes: ['lid'] },
				],
				...{ isMore: false, edited: null },
			},
		},
		{
			ask: { action: 'activate', recipe: 'lid', bundle: newer },
			text: `recipe lid inspects with ${newer}`,
			result: {
				bundles: [
					{
						bundle: newer,
						at: '2026-11-23T16:04:10.000Z',
						...described,
						threshold: 0.9811,
						recipes: ['lid'],
					},
				],
				isMore: false,
				edited: {
					...{ ...edited, changed: ['recipes.lid.model'], recipe: 'lid', stations: ['lid'], was: bundle },
				},
			},
		},
		{
			ask: { action: 'rollback', recipe: 'lid' },
			text: `recipe lid inspects with ${bundle}`,
			result: {
				bundles: [{ bundle, at: '2026-10-02T09:41:57.000Z', ...described, recipes: ['lid'] }],
				isMore: false,
				edited: {
					...{ rev: '14-1c947c1d', before: now, changed: ['recipes.lid.model'] },
					...{ recipe: 'lid', stations: ['lid'], was: newer },
				},
			},
		},
	],
	engines: [
		{
			ask: {},
			text: '2 engines',
			result: {
				engines: examples.engines.engines,
				kept: [
					{
						...{ id: '1c947c1d-fp16-9e8d7c6b5a40', bundle, at: '2026-10-02T10:03:17.000Z' },
						...{ machine: 'TensorRT 8.6.2, SM 8.7, driver 540.3.0, L4T 36.3.0', fault: null },
					},
				],
				removed: null,
			},
		},
		{
			ask: { action: 'build', recipe: 'lid' },
			text: `engine of ${bundle} in fp16: ready, used by lid`,
			result: {
				engines: [
					{
						...examples.engines.engines[0]!,
						...{ state: 'ready', engine: sha256, wantedBy: [], usedBy: ['lid'], progress: null },
						since: at,
					},
				],
				...{ kept: [], removed: null },
			},
		},
		{
			ask: { action: 'remove', engine: '1c947c1d-fp16-9e8d7c6b5a40' },
			text: 'engine 1c947c1d-fp16-9e8d7c6b5a40 is removed',
			result: { engines: [], kept: [], removed: '1c947c1d-fp16-9e8d7c6b5a40' },
		},
	],
	threshold: [
		{
			ask: { recipe: 'lid', values: [0.9, 1.2] },
			text: '20612 parts of recipe lid',
			result: thresholdResult(null),
		},
		{
			ask: { recipe: 'lid', values: [0.9], apply: 1.2 },
			text: 'the threshold of recipe lid is 1.2 now',
			result: thresholdResult({ ...edited, changed: ['recipes.lid.threshold'] }),
		},
	],
	recipe: [
		{
			ask: { station: 'lid', recipe: 'cap' },
			text: 'station lid runs recipe cap now',
			result: {
				...{ station: 'lid', recipe: 'cap', was: 'lid' },
				verdict: {
					...{ id: '9c1f04d2-20819', sequence: 20_791, at, verdict: 'accept', score: 0.3171 },
					...{ threshold: 0.7724, bundle: 'cap@b2077e5d' },
				},
				edited: { ...edited, changed: ['stations.lid.recipe'] },
			},
		},
	],
};

function thresholdResult(applied: Result<'threshold'>['edited']): Result<'threshold'> {
	return {
		...{ recipe: 'lid', stations: ['lid'], bundle, threshold: applied ? 1.2 : 1.0297, taught: 1.0297 },
		...{ parts: 20_612, from: '2026-11-02T05:58:03.118Z', to: at, isMore: false },
		scores: { least: 0.1183, p50: 0.4419, p90: 0.6207, p99: 1.0871, greatest: 4.2215 },
		histogram: [
			{ from: 0.1183, to: 0.1762, parts: 31 },
			{ from: 0.1762, to: 4.2215, parts: 20_581 },
		],
		good: 8,
		values: [
			{
				...{ threshold: 0.9, accepts: 20_387, rejects: 225, newAccepts: 0, newRejects: 47 },
				...{ below: 0.8994, above: 0.9021, goodRejects: 1 },
			},
			{
				...{ threshold: 1.2, accepts: 20_466, rejects: 146, newAccepts: 32, newRejects: 0 },
				...{ below: 1.1907, above: 1.2144, goodRejects: 0 },
			},
		],
		edited: applied,
	};
}
