import { METRICS, type Metric } from './metrics.js';

/** docs/metrics.md: every metric, from the table that is read when Prometheus asks. */
export function metricsDocument(): string {
	const rows = Object.entries<Metric>(METRICS).map(([name, { type, labels, help }]) => {
		const all = labels.map((label) => `\`${label}\``).join(', ');
		return `| \`${name}\` | ${type} | ${all} | ${help} |`;
	});
	return `# What the box says to Prometheus

Generated from \`src/protocol/metrics.ts\` by \`npm run docs\`; a test keeps it true.

\`\`\`yaml
metrics:
  listen: "127.0.0.1:9464"
\`\`\`

By default nothing listens. What reads it from elsewhere comes through a tunnel or a proxy of the box: there is no password, and so the setting is changed on the box alone, in its file
or by its socket. A port that another program has keeps nothing from inspecting: it is waited for, and the log says so.

\`\`\`yaml
scrape_configs:
  - job_name: inspectord
    static_configs: [{ targets: ["127.0.0.1:9464"] }]
\`\`\`

[alerts.yml](alerts.yml) are rules for Prometheus, [grafana/inspectord.json](grafana/inspectord.json) is a dashboard: both want the job to be called \`inspectord\`.

- Each reading is one look at the box, by the same functions that make the topic \`health\` and the stations' states: they cannot say different things of one moment.
- Counters count from the start of the daemon, over all edits and all processes of a station, and never sink before it ends. What is counted over restarts is in the journal: \`inspectord events\`.
- What the machine does not tell is not said: a series that is missing is unknown, and not 0. A station that is taken out of the configuration is said no more.
- No label holds what grows with the parts: a series comes for a station, and within it for what the tables know (states, verdicts, reasons, stages, codes). A bucket counts what is not above its bound \`le\`; bounds in seconds: ${METRICS.inspectord_stage_duration_seconds.bounds.join(', ')}.
- The stage \`publish\` of a verdict is counted when the broker has acknowledged it; of more than 1024 that wait for it, the oldest are not.

| name | type | labels | what it says |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}
