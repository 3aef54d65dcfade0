import { METRICS, type Metric, type Snapshot } from '../protocol/metrics.js';

/** Of what `exposition` writes. */
export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * A snapshot in Prometheus' text format (prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4). prom-client wants to be
 * the one who counts: its counters cannot be set and its histograms take no counts, so that each number would stand twice, here and
 * in health, and each metric would look at another moment. What it would do for us is this file.
 */
export function exposition(snapshot: Snapshot): string {
	return Object.entries<Metric>(METRICS)
		.map(([name, metric]) => {
			const lines = linesOf(name, metric, snapshot);
			if (lines.length === 0) return '';
			const help = metric.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
			return [`# HELP ${name} ${help}`, `# TYPE ${name} ${metric.type}`, ...lines, ''].join('\n');
		})
		.join('');
}

function linesOf(name: string, metric: Metric, snapshot: Snapshot): readonly string[] {
	const { labels } = metric;
	if (metric.type !== 'histogram')
		return metric
			.read(snapshot)
			.flatMap(([value, ...values]) =>
				value === null ? [] : [`${name}${labelled(labels, values)} ${value}`],
			);
	return metric.read(snapshot).flatMap(([{ upTo, sum, count }, ...values]) => {
		const below = (bound: string) => labelled([...labels, 'le'], [...values, bound]);
		return [
			...metric.bounds.map((bound, i) => `${name}_bucket${below(String(bound))} ${upTo[i]}`),
			`${name}_bucket${below('+Inf')} ${count}`,
			`${name}_sum${labelled(labels, values)} ${sum}`,
			`${name}_count${labelled(labels, values)} ${count}`,
		];
	});
}

function labelled(names: readonly string[], values: readonly string[]): string {
	if (names.length === 0) return '';
	const escaped = values.map((value) =>
		value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n'),
	);
	return `{${names.map((name, i) => `${name}="${escaped[i]}"`).join(',')}}`;
}
