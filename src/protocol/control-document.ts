import { rows, table, written } from './document.js';
import { type JsonSchema, jsonSchema } from './json-schemas.js';
import { CODES, envelopeSchema, REQUESTS, type RequestName, ROLES, requestNames } from './requests.js';

/** docs/control.md: what can be asked, from the table that answers it. */
export function controlDocument(): string {
	return `# What can be asked of a box

Generated from \`src/protocol/requests.ts\` by \`npm run docs\`; a test keeps it true.

| request | who may ask | changes something | within | |
| --- | --- | --- | --- | --- |
${requestNames.map(line).join('\n')}

## From a terminal

On the box, without a broker, by the socket \`ask.sock\` in the folder of the journal, which its owner alone may open:

\`\`\`sh
inspectord ask state --config line.yaml
inspectord ask events verdict=reject limit=5 --state /var/lib/inspectord/journal
inspectord ask events '{ "part": "P-17" }' --config line.yaml --json
\`\`\`

From any machine that reaches the broker:

\`\`\`sh
inspectord ask state --broker mqtts://broker.plant.example:8883 --box press-7
inspectord ask selfcheck --broker mqtt://operator:…@broker.plant.example --box press-7 --as operator
\`\`\`

The result is JSON on standard output; how far it is, and what went wrong, is said on standard error. The exit code is 0 where the answer is \`ok\`, 2 where the
request cannot be understood, and 1 for every other answer and for none.

## Over MQTT

Publish on \`<root>/<box>/request/<role>/<name>\`, with QoS 1 and without retain:

- with MQTT 5, a *response topic* \`<root>/<box>/answer/<client>\` and *correlation data* (64 bytes at most), which come back with the answer;
- with 3.1.1, \`client\` in the payload: the answer comes on \`<root>/<box>/answer/<client>\`, with the \`id\` of the request.

Answers go nowhere else than below \`<root>/<box>/answer/\`, one level deep: a request must not make the box speak on topics of others. Subscribe before asking. What
takes its time tells on \`…/answer/<client>/progress\` how far it is.

\`\`\`json
${written({ id: 'desk-7-20261125-1', client: 'desk-7', ...REQUESTS.events.example })}
\`\`\`

| field | value | |
| --- | --- | --- |
${fields(jsonSchema(envelopeSchema, 'in', 'draft-2020-12'))}

Beside these stand the fields of the request; one that is not known is refused. A payload without a byte asks with none.

## One answer for an id

An id belongs to one request of one client. The box notes on its disk that it takes a request on, does it, notes the answer, and says it. What comes again with the
same id gets the kept answer and is not done again. When the box goes down in between, its next start answers \`interrupted\`: look at what stands, and ask
again with another id if it is to be done. An answer is said again until the broker has it, so it may come twice: drop what comes twice.

- 1,000 answers and 16 MB of them are kept, for 30 days at most; the oldest go.
- What is refused (\`invalid\`, \`denied\`, \`unknown\`, \`busy\`, \`late\` before it began) was not taken on: the same id may be used again.
- A client may ask 20 times at once and 5 times a second in the long run, all of a role together 60 and 20, and 8 of a role are worked on at a time: who
  only looks does not keep others from acting. More is answered \`busy\`, and whoever
  goes on gets no answer.
- A retained request is never done: it would come again with each connection.
- While the disk takes nothing, what changes something is \`busy\`; what only looks is answered and not kept.

${table('code', CODES)}
## Who may ask what

${table('role', ROLES)}
A message over MQTT cannot prove who sends it. So the role stands in the topic, the broker's access list says who may publish there
([mosquitto/acl](mosquitto/acl)), and the box's own configuration how far it believes the broker: \`control.remote\` is \`viewer\` by default, and nobody gets more than that over MQTT
before the box's owner says so. \`none\` hears nothing. The socket may ask everything: whoever can open it owns the box.

${requestNames.map(chapter).join('\n')}`;
}

const seconds = (ms: number) => `${ms / 1000} s`;

function line(name: RequestName): string {
	const { role, changes, limitMs, summary } = REQUESTS[name];
	return `| \`${name}\` | ${role} | ${changes ? 'yes' : 'no'} | ${seconds(limitMs)} | ${summary} |`;
}

function chapter(name: RequestName): string {
	const { summary, ask, result, example, bytes } = REQUESTS[name];
	const asked = fields(jsonSchema(ask, 'in', 'draft-2020-12'));
	return `## ${name}

${summary} At most ${bytes} bytes.

\`\`\`json
${written({ id: `desk-7-${name}`, client: 'desk-7', ...example })}
\`\`\`

${asked === '' ? 'It asks for nothing more.' : `| asked | value | |\n| --- | --- | --- |\n${asked}`}

| answered | value | |
| --- | --- | --- |
${rows('result', jsonSchema(result, 'out', 'draft-2020-12')).join('\n')}
`;
}

function fields(schema: JsonSchema): string {
	return rows('', schema).join('\n');
}
