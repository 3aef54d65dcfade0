import { ALARM_STATES } from './alarm.js';
import { CODES } from './answer.js';
import { ENGINE_STATES } from './engines.js';
import { examples } from './examples.js';
import { SCHEMA } from './fields.js';
import { GAP_REASONS } from './gap.js';
import { type JsonSchema, jsonSchemaOf, jsonTopics } from './json-schemas.js';
import { LESSON_STATES } from './lesson.js';
import { type TopicName, topics } from './topics.js';
import { REASONS } from './verdict.js';

/** docs/mqtt.md: every topic and every field, from the tables and schemas that the code uses. */
export function mqttDocument(): string {
	return `# What the box says and hears over MQTT

Generated from \`src/protocol\` by \`npm run docs\`; a test keeps it true. The same for machines: [asyncapi.json](asyncapi.json)
(AsyncAPI 3) and [schemas](schemas) (JSON Schema, draft 2020-12).

| topic | the box | payload | QoS | retained | what it says |
| --- | --- | --- | --- | --- | --- |
${(Object.keys(topics) as TopicName[]).map(topicRow).join('\n')}

\`<root>\` is the setting \`mqtt.root\`: one to six levels, \`inspectord\` by default. Words of the topics themselves are no names of boxes or stations.

## What may change

Every message that the box says holds \`schema\`, now ${SCHEMA}. While it stays the same,

- no field goes, is renamed, or changes its type, unit or meaning; no topic moves or changes its QoS;
- fields may come; one that was null may hold a value; \`reason\`, \`lacks\` and \`drops\` may tell of more. Pass over what you do not know;
- the order of fields says nothing.

A message with another \`schema\` is not to be read by this page. What the box hears is read strictly: a field that is not known is refused.

${jsonTopics.map(chapter).join('\n')}`;
}

/** Of an example, in characters. */
const LONGEST_LINE = 100;

function topicRow(name: TopicName): string {
	const { pattern, qos, retain, payload, summary, direction } = topics[name];
	const topic = pattern.replaceAll('{', '<').replaceAll('}', '>');
	const carries = payload === 'jpeg' ? 'JPEG' : payload === 'text' ? 'text' : 'JSON';
	const who = direction === 'in' ? 'hears' : 'says';
	return `| \`${topic}\` | ${who} | ${carries} | ${qos} | ${retain ? 'yes' : 'no'} | ${summary} |`;
}

const titles: Readonly<Partial<Record<TopicName, string>>> = {
	boxState: "The box's state",
	stationState: "A station's state",
	verdict: 'A verdict',
	gap: 'A gap',
	alarm: "A station's alarms",
	health: 'Health',
	report: 'A report',
	lesson: 'A lesson',
	engines: 'Engines',
	receipt: 'A receipt',
	answer: 'An answer',
	progress: 'Progress',
};

/** What the fields do not say by themselves. */
const notes: Readonly<Partial<Record<TopicName, string>>> = {
	boxState: `- \`degraded\`: inspection goes on, but the broker keeps something from its subscribers. \`refused\` tells which kinds of topic, the last reason and
  how many messages since the start; \`lacks\` what the broker does not offer: \`retain\` (who subscribes later hears a state only when it
  changes), \`qos1\` (the broker may lose what it has read), \`will\` (nobody is told when the box dies), \`refusals\` (with MQTT 3.1.1 the broker
  does not say when it refuses a message), \`verification\` (its certificate is not verified, as the configuration wants it).
- \`journal\`: the disk takes nothing. Stations go on and verdicts wait in memory, bounded; none is said before it stands on the disk, because its number would not be safe. What had to go meanwhile is in gaps.
  Until it is null again treat every part of the box as one that nobody looked at.
- \`dropped\` counts what did not fit while the broker was away, and what it refused.
- The last word is true: it is acknowledged by the broker before the box leaves, or said by its last will.
- \`inspectord check\` asks topic by topic whether the box may publish, with empty QoS 2 messages that it never releases, and with one
  message on \`<root>/<box>/check\`. Brokers that deliver on release show nobody the empty ones; a broker that is seen to deliver them at once is not asked.
- \`visionState\` of a box is \`Ready\` while it is there: what executes are its stations.
`,
	stationState: `- \`starting\` (\`Preoperational\`): the model is being opened and proven. \`running\` (\`ContinuousExecution\`). \`error\` (\`Error\`): nothing is inspected; it is
  tried again. \`finished\` (\`Initialized\`): a folder or file came to its end. \`stopped\` (\`Halted\`): the daemon has ended, or the station was taken away.
`,
	verdict: `- Treat \`error\` as a part that nobody looked at: \`reason\`, \`error.code\` and \`error.message\` say why.
- A number that \`sequence\` passes over is a verdict that is on its way (those that waited come after newer ones, with \`late\`), or that a gap
  will name. The same \`id\` twice is a repetition after a reconnection: drop it.
- A picture's topic holds the \`id\` of its verdict and its place in \`heatmaps\`, so a subscriber that sees only topic and payload can match them; \`sha256\` is that of
  its bytes.
- \`regions\` holds 32 at most. Regions lie close together in one picture: \`heatmaps\` tells what each shows, and may be empty (\`heatmap.most: 0\`).
- \`times\` are of the wall clock, which may jump, and \`clock\` says how good it was; \`latency\` is measured on clocks that do not.

${table('reason', REASONS)}`,
	gap: `${table('reason', GAP_REASONS)}`,
	alarm: `- Said with every change, and now and then again. Empty and retained no more where the station has no alarms any more.
- \`active\` and \`unacknowledged\` are the two numbers for a lamp and a horn; \`value\` and \`setpoint\` are what its rule measures, in its own unit
  (parts in a row, parts, a share of parts, a share of the threshold).
- Acknowledged by the request \`acknowledge\` ([control.md](control.md)); what raises them stands in \`recipes.<name>.alarms\`.

${table('state', ALARM_STATES)}`,
	health: `Said every \`health.everyMs\`. Quantiles are within 2.5 % of the true ones.
`,
	report: `Said at the times of \`schedule.report\`, and kept in the journal (\`inspectord events\`). It is counted from the journal, over restarts; what retention took before was not counted.
  A station or box called \`report\` must have another name.
`,
	lesson: `Said when it changes, and once a second while it is at work. It moves nothing: a recipe is given the bundle by an edit.

${table('state', LESSON_STATES)}`,
	engines: `Said when it changes, and once a second while one is built. Where TensorRT has no engine of a model, the station inspects elsewhere
meanwhile (\`degraded\` in its state) and is moved to the engine when that has passed. A station or box called \`engines\` must have another name.

${table('state', ENGINE_STATES)}`,
	receipt: `Where receipts are wanted, a verdict without its receipt is said again. Retained receipts are passed over.
`,
	answer: `What can be asked, by whom, and what \`result\` holds: [control.md](control.md).

${table('code', CODES)}`,
};

/** A table of codes. */
export function table(title: string, rows: Readonly<Record<string, string>>): string {
	const lines = Object.entries(rows).map(([code, summary]) => `| \`${code}\` | ${summary} |`);
	return `| \`${title}\` | |\n| --- | --- |\n${lines.join('\n')}\n`;
}

function chapter(name: TopicName): string {
	const example = written(examples[name as keyof typeof examples]);
	return `## ${titles[name]}

\`\`\`json
${example}
\`\`\`

| field | value | |
| --- | --- | --- |
${rows('', jsonSchemaOf(name, 'draft-2020-12')).join('\n')}

${notes[name] ?? ''}`;
}

/** A row of a table for each field. */
export function rows(path: string, node: JsonSchema): string[] {
	return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
		const full = path === '' ? key : `${path}.${key}`;
		const { items } = child;
		const inner = withoutNull(items ?? child);
		const row = `| \`${full}\` | ${valuesOf(child)} | ${child.description ?? ''} |`;
		return isPlain(inner) ? [row] : [row, ...rows(items ? `${full}[]` : full, inner)];
	});
}

function withoutNull(node: JsonSchema): JsonSchema {
	return node.anyOf?.find(({ type }) => type !== 'null') ?? node;
}

/** Needs no words of its own for what is in it. */
function isPlain({ properties = {} }: JsonSchema): boolean {
	return Object.values(properties).every(
		({ type, description }) => (type === 'integer' || type === 'number') && description === undefined,
	);
}

/** What a field may hold, in words. */
export function valuesOf(node: JsonSchema): string {
	if (node.anyOf) return node.anyOf.map(valuesOf).join(' or ');
	if (node.enum) return node.enum.map((value) => `\`${value}\``).join(', ');
	if (node.const !== undefined) return `\`${node.const}\``;
	if (node.items) return `list of ${valuesOf(node.items)}`;
	if (node.properties && isPlain(node)) return `\`{ ${Object.keys(node.properties).join(', ')} }\``;
	return [node.type ?? 'any'].flat().join(' or ');
}

/** As JSON, what is short on one line. */
export function written(value: unknown, indent = ''): string {
	if (typeof value !== 'object' || value === null) return JSON.stringify(value);
	const within = `${indent}\t`;
	const isList = Array.isArray(value);
	const parts = Object.entries(value).map(
		([key, one]) => `${isList ? '' : `${JSON.stringify(key)}: `}${written(one, within)}`,
	);
	const line = parts.join(', ');
	if (line.length <= LONGEST_LINE && !line.includes('\n')) return isList ? `[${line}]` : `{ ${line} }`;
	const lines = parts.map((part) => `${within}${part}`).join(',\n');
	return isList ? `[\n${lines}\n${indent}]` : `{\n${lines}\n${indent}}`;
}
