import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { WINDOWS } from '../../src/measure/drift.js';
import { METRICS, type Metric } from '../../src/protocol/metrics.js';
import { DRIFTING, stationStateSchema } from '../../src/protocol/states.js';
import { REASONS, STAGES, VERDICTS } from '../../src/protocol/verdict.js';
import { spokenOf } from './promql.js';

const documents = suite('dashboard and alert rules');

const docs = new URL('../../../docs/', import.meta.url);

/** What Prometheus adds to every series of ours, or says itself. */
const ADDED = ['instance', 'job'];
const OWN = { up: { labels: [] } } as const;

const FUNCTIONS =
	'sum avg max min count rate increase deriv resets predict_linear histogram_quantile label_values'.split(
		' ',
	);

const VALUES: Readonly<Record<string, readonly string[]>> = {
	state: stationStateSchema.shape.state.options,
	verdict: VERDICTS,
	reason: Object.keys(REASONS),
	stage: STAGES,
	measure: DRIFTING,
	window: Object.keys(WINDOWS),
};

/** The labels of a series by its name; undefined: nobody says it. */
function labelsOf(name: string): readonly string[] | undefined {
	const [, base = name, part] = /^(.*?)_(bucket|sum|count)$/.exec(name) ?? [];
	const known: Readonly<Record<string, Pick<Metric, 'labels'> & Partial<Metric>>> = { ...OWN, ...METRICS };
	const metric = known[base];
	if (!metric || (metric.type === 'histogram') !== (part !== undefined)) return undefined;
	return [...metric.labels, ...ADDED, ...(part === 'bucket' ? ['le'] : [])];
}

/** What a query says that nobody answers. */
function faultsOf(query: string, used: readonly string[] = []): string[] {
	const { metrics, functions, labels } = spokenOf(query);
	const known = metrics.flatMap(({ name }) => labelsOf(name) ?? []);
	return [
		...(metrics.length === 0 ? ['no metric'] : []),
		...functions.filter((name) => !FUNCTIONS.includes(name)),
		...metrics.filter(({ name }) => labelsOf(name) === undefined).map(({ name }) => name),
		...[...labels, ...used].filter((label) => !known.includes(label)),
		...metrics.flatMap(({ name, matchers }) =>
			matchers.flatMap(([label, operator, value]) => {
				if (!labelsOf(name)?.includes(label)) return [`${name}: ${label}`];
				const values = VALUES[label];
				const meant = operator.endsWith('~') ? value.split('|') : [value];
				return values ? meant.filter((one) => !values.includes(one)) : [];
			}),
		),
	];
}

const samples: readonly (readonly [query: string, faults: readonly string[]])[] = [
	['up{job="inspectord"} == 0', []],
	['sum by (station, le) (rate(inspectord_stage_duration_seconds_bucket[5m])) > 1e0', []],
	['inspectord_stage_duration_seconds', ['inspectord_stage_duration_seconds']],
	['inspectord_verdict_total', ['inspectord_verdict_total']],
	['inspectord_verdicts_total{part="7"}', ['inspectord_verdicts_total: part']],
	['inspectord_verdicts_total{verdict=~"accept|rejekt"}', ['rejekt']],
	['sum by (le) (inspectord_uptime_seconds)', ['le']],
	['rat(inspectord_uptime_seconds[5m])', ['rat']],
];

documents('are guarded by a reader that sees wrong names', () => {
	for (const [query, faults] of samples) assert.equal(faultsOf(query.replace('1e0', '1')), faults, query);
	assert.throws(() => spokenOf('sum(up'));
	assert.throws(() => spokenOf('up)'));
	assert.throws(() => spokenOf('up ; up'));
});

type Rule = {
	readonly alert: string;
	readonly expr: string;
	readonly labels: { readonly severity: string };
	readonly annotations: { readonly summary: string };
};

documents('alerts.yml speaks of what is said', async () => {
	const { groups } = parse(await readFile(new URL('alerts.yml', docs), 'utf8')) as {
		readonly groups: readonly { readonly rules: readonly Rule[] }[];
	};
	const rules = groups.flatMap((group) => group.rules);
	for (const { alert, expr, labels, annotations } of rules) {
		const told = JSON.stringify(annotations);
		const used = [...told.matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label!);
		assert.equal(faultsOf(expr, used), [], alert);
		assert.ok(['critical', 'warning'].includes(labels.severity), alert);
	}
	assert.is(new Set(rules.map(({ alert }) => alert)).size, rules.length);
	assert.ok(rules.length > 10);
});

documents('alerts.yml is what promtool accepts', () => {
	const file = fileURLToPath(new URL('alerts.yml', docs));
	const { status, error, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file], {
		encoding: 'utf8',
	});
	if (error) return console.log('skipped: promtool is not installed');
	assert.is(status, 0, stdout + stderr);
});

type Panel = {
	readonly title: string;
	readonly type: string;
	readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>;
	readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
};

documents('the dashboard asks for what is said', async () => {
	const dashboard = JSON.parse(await readFile(new URL('grafana/inspectord.json', docs), 'utf8')) as {
		readonly panels: readonly Panel[];
		readonly templating: {
			readonly list: readonly { readonly name: string; readonly definition?: string }[];
		};
	};
	const variables = dashboard.templating.list.map(({ name }) => name);
	for (const { definition } of dashboard.templating.list)
		if (definition !== undefined) {
			const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(definition) ?? [];
			assert.ok(labelsOf(metric)?.includes(label), definition);
		}
	const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
		targets.map((target) => ({ title, ...target })),
	);
	for (const { title, expr, legendFormat } of queries) {
		for (const [, name = ''] of expr.matchAll(/\$(\w+)/g))
			assert.ok([...variables, '__rate_interval'].includes(name), `${title}: $${name}`);
		const used = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
		assert.equal(faultsOf(expr.replaceAll('$__rate_interval', '5m'), used), [], `${title}: ${expr}`);
	}
	const placed = dashboard.panels.map(({ gridPos: { x, w } }) => x + w <= 24);
	assert.ok(placed.every(Boolean));
	assert.ok(queries.length > 20);
});

documents.run();
