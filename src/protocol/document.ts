import { topics } from './topics.js';

/** docs/mqtt.md: every topic, from the table that the code uses. */
export function mqttDocument(): string {
	const rows = Object.values(topics).map(
		({ pattern, qos, retain, payload, summary }) =>
			`| \`${pattern.replaceAll('{', '<').replaceAll('}', '>')}\` | ${payload === 'json' ? 'JSON' : 'JPEG'} | ${qos} | ${retain ? 'yes' : 'no'} | ${summary} |`,
	);
	return `# What the box says over MQTT

Generated from \`src/protocol/topics.ts\` by \`npm run docs\`; a test keeps it true.

| topic | payload | QoS | retained | what it says |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

## A verdict

\`\`\`json
{
	"id": "f3e910fc-000001",
	"box": "cell-4",
	"station": "lid",
	"recipe": "lid",
	"sequence": 1,
	"run": "f3e910fc",
	"verdict": "reject",
	"score": 1.3738,
	"threshold": 1.0297,
	"margin": 0.3441,
	"takenAt": "2026-11-23T21:30:35.943Z",
	"monotonicMs": 1232.58,
	"frame": "broken_large/000.jpg",
	"model": { "name": "lid", "bundle": "lid@5e81c08b", "sha256": "1c947c1d…", "provider": "cpu" },
	"times": { "prepareMs": 0.54, "modelMs": 44.37, "totalMs": 46.47 },
	"heatmaps": [
		{
			"box": { "x": 170, "y": 138, "width": 288, "height": 330 },
			"peak": 1.3738,
			"topic": "inspectord/cell-4/lid/heatmap/f3e910fc-000001/0",
			"bytes": 10822
		}
	],
	"error": null
}
\`\`\`

- \`verdict\` is \`accept\`, \`reject\` or \`error\`. Treat \`error\` as a part that nobody looked at: \`error.code\` and \`error.message\` say why.
- \`score\` and \`margin\` (score − threshold) are as measured, never clamped; null where nothing was measured.
- \`sequence\` counts the parts of one run of the station's process (\`run\`). A gap within a run is a lost message; the same \`id\` twice is a
  repetition after a reconnection: drop it.
- A picture's topic holds the \`id\` of its verdict and its place in \`heatmaps\`, so a subscriber that sees only topic and payload can match them.
`;
}
