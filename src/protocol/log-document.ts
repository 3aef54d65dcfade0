import { LEVELS, LOG_EVENTS } from '../base/log.js';

/** docs/log.md: every event of the log, from the table that the code checks with. */
export function logDocument(): string {
	const rows = Object.entries(LOG_EVENTS).map(([event, summary]) => `| \`${event}\` | ${summary} |`);
	return `# What the log says

Generated from \`src/base/log.ts\` by \`npm run docs\`; a test keeps it true.

\`inspectord run\` writes its log to standard error, for people; with \`--log json\` one line of JSON a message:

\`\`\`json
{ "at": "2026-11-30T16:51:05.120Z", "level": "warning", "event": "station.state", "about": "lid", "message": "error: Camera \\"/dev/video0\\" gave no frame" }
\`\`\`

\`level\` is ${LEVELS.map((level) => `\`${level}\``).join(', ')}, \`about\` the station or the part of the daemon that speaks, \`event\` one of the table below: a name is never given another meaning, while \`message\` is for people and
may say it otherwise tomorrow. Where standard error is systemd's journal, each line begins with its priority (\`<3>\`, \`<4>\`, \`<6>\`, \`<7>\`; sd-daemon(3)), which journald takes away. What the configuration keeps secret stands in neither form.
What keeps the daemon from starting at all, its last words and warnings of Node itself are lines of text in both.

| event | what it tells |
| --- | --- |
${rows.join('\n')}
`;
}
