import { topics } from './topics.js';

/** docs/mqtt.md: every topic, from the table that the code uses. */
export function mqttDocument(): string {
	const rows = Object.values(topics).map(
		({ pattern, qos, retain, payload, summary }) =>
			`| \`${pattern.replaceAll('{', '<').replaceAll('}', '>')}\` | ${payload === 'jpeg' ? 'JPEG' : payload === 'text' ? 'text' : 'JSON'} | ${qos} | ${retain ? 'yes' : 'no'} | ${summary} |`,
	);
	return `# What the box says over MQTT

Generated from \`src/protocol/topics.ts\` by \`npm run docs\`; a test keeps it true.

| topic | payload | QoS | retained | what it says |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

## A verdict

\`\`\`json
{
	"schema": 1,
	"id": "9c1f04d2-1",
	"box": "cell-4",
	"station": "lid",
	"recipe": "lid",
	"boot": "f1b2…",
	"run": "f3e910fc",
	"revision": null,
	"isSimulated": false,
	"model": { "name": "lid", "bundle": "lid@5e81c08b", "sha256": "1c947c1d…", "provider": "cpu", "precision": "int8" },
	"threshold": 1.0297,
	"sequence": 1,
	"runSequence": 1,
	"frame": "broken_large/000.jpg",
	"part": null,
	"trigger": null,
	"monotonicMs": 1232.58,
	"verdict": "reject",
	"resultEvaluation": "NotOK",
	"reason": "above-threshold",
	"error": null,
	"score": 1.3738,
	"margin": 0.3441,
	"regions": [{ "box": { "x": 182, "y": 150, "width": 264, "height": 306 }, "peak": 1.3738, "area": 41220 }],
	"heatmaps": [
		{
			"box": { "x": 170, "y": 138, "width": 288, "height": 330 },
			"peak": 1.3738,
			"bytes": 10822,
			"sha256": "77ab90…",
			"topic": "inspectord/cell-4/lid/heatmap/9c1f04d2-1/0"
		}
	],
	"times": {
		"captured": "2026-11-23T21:30:35.943Z",
		"scored": "2026-11-23T21:30:35.988Z",
		"recorded": "2026-11-23T21:30:35.996Z",
		"published": "2026-11-23T21:30:35.997Z"
	},
	"latency": { "waitMs": 0.1, "prepareMs": 0.54, "modelMs": 44.37, "decideMs": 0.02, "drawMs": 1.46, "recordMs": null, "publishMs": null },
	"clock": { "synchronised": null, "since": null },
	"late": false
}
\`\`\`

- \`verdict\` is \`accept\`, \`reject\` or \`error\`. Treat \`error\` as a part that nobody looked at: \`error.code\` and \`error.message\` say why.
- \`score\` and \`margin\` (score − threshold) are as measured, never clamped; null where nothing was measured.
- \`sequence\` counts the station's verdicts, \`runSequence\` the parts of one run of the station's process (\`run\`). A gap is a lost message; the
  same \`id\` twice is a repetition after a reconnection: drop it.
- A picture's topic holds the \`id\` of its verdict and its place in \`heatmaps\`, so a subscriber that sees only topic and payload can match them.

## The box's state

\`\`\`json
{
	"state": "degraded",
	"version": "0.1.0",
	"stations": ["lid"],
	"dropped": { "verdicts": 0, "heatmaps": 12 },
	"refused": [{ "topic": "inspectord/cell-4/lid/heatmap/+/+", "reason": "not authorised (0x87)", "messages": 12 }],
	"lacks": [],
	"at": "2026-11-23T21:30:35.943Z"
}
\`\`\`

- \`degraded\`: inspection goes on, but the broker keeps something from its subscribers. \`refused\` tells which kinds of topic, the last reason and
  how many messages since the start; \`lacks\` what the broker does not offer: \`retain\` (who subscribes later hears a state only when it
  changes), \`qos1\` (the broker may lose what it has read), \`will\` (nobody is told when the box dies).
- \`dropped\` counts what did not fit into the outbox while the broker was away, and what it refused.
- The last word is true: it is acknowledged by the broker before the box leaves, or said by its last will.
- \`inspectord check\` asks topic by topic whether the box may publish, with empty QoS 2 messages that it never releases, and with one
  message on \`inspectord/<box>/check\`. Brokers that deliver on release show nobody the empty ones; a broker that is seen to deliver them at once is not asked.
`;
}
