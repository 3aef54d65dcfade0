import { answerMessage, CODES } from './answer.js';
import { rows, table, written } from './document.js';
import { envelopeSchema } from './envelope.js';
import { examples } from './examples.js';
import { type JsonSchema, jsonSchema } from './json-schemas.js';
import { type RequestExample, requestExamples } from './request-examples.js';
import { REQUESTS, type RequestName, type Row, requestNames } from './requests.js';
import { ROLES } from './roles.js';

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
inspectord ask teach action=begin name=lid station=lid parts=60 --config line.yaml
\`\`\`

Whoever begins a lesson there hears how it goes until it ends, and may leave (Ctrl-C, or \`--detach\`): the lesson goes on.

From any machine that reaches the broker:

\`\`\`sh
inspectord ask state --broker mqtts://broker.plant.example:8883 --box press-7
inspectord ask selfcheck --broker mqtts://broker.plant.example --user operator --password-file operator.secret --box press-7 --as operator
\`\`\`

\`inspectord ask\` lists what can be asked, and \`inspectord ask NAME --help\` tells with what. The result is JSON on standard output; how far it is, and what went wrong, is said on standard error. The exit code is 0 where the answer is \`ok\`, 2 where the
request cannot be understood, and 1 for every other answer and for none.

## Over MQTT

Publish on \`<root>/<box>/request/<role>/<name>\`, with QoS 1 and without retain; \`<role>\` is one that may ask it. On the topic of a
role that the box does not believe (\`control.remote\`, by default \`viewer\` alone is believed) there is **no answer**.

- with MQTT 5, a *response topic* \`<root>/<box>/answer/<client>\` and *correlation data* (64 bytes at most), which come back with the answer;
- with 3.1.1, \`client\` in the payload: the answer comes on \`<root>/<box>/answer/<client>\`, with the \`id\` of the request.

Answers go nowhere else than below \`<root>/<box>/answer/\`, one level deep: a request must not make the box speak on topics of others. Subscribe before asking. What
takes its time tells on \`…/answer/<client>/progress\` how far it is.

\`\`\`json
${written({ id: 'desk-7-20261125-1', client: 'desk-7', ...requestExamples.events[0]?.ask })}
\`\`\`

| field | value | |
| --- | --- | --- |
${fields(jsonSchema(envelopeSchema, 'in', 'draft-2020-12'))}

Beside these stand the fields of the request; one that is not known is refused. A payload without a byte asks with none. \`before\` is looked at with the clock of the box: use it where
both have the same time.

What is published on \`inspectord/cell-4/request/operator/${examples.answer.request}\`, and what comes back on \`inspectord/cell-4/answer/desk-7\` ([its fields](mqtt.md#an-answer)):

\`\`\`json
${written({ id: examples.answer.id, client: 'desk-7' })}
\`\`\`

\`\`\`json
${written(examples.answer)}
\`\`\`

Read \`code\`, not \`text\`: \`text\` is for people and may change. Where nothing comes within the time in the table above and what the network takes, ask again **with the same id**: what was done
is not done again.

## One answer for an id

An id belongs to one request of one client. The box notes on its disk that it takes a request on, does it, notes the answer, and says it. What comes again with the
same id gets the kept answer and is not done again. When the box goes down in between, its next start answers \`interrupted\`: look at what stands (\`state\`, \`events\`), and ask
again with another id if it is to be done. An answer is said again until the broker has it, so it may come twice: drop what comes twice.

- 1,000 answers, 500 of one client, and 16 MB of them are kept, however old; beyond that the oldest go.
- What is refused (\`invalid\`, \`denied\`, \`unknown\`, \`busy\`, \`late\` before it began) was not taken on: the same id may be used again.
- A client may ask 20 times at once and 5 times a second in the long run, all of a role together 60 and 20, and 8 of a role are worked on at a time: who
  only looks does not keep others from acting. More is answered \`busy\`, and whoever
  goes on gets no answer.
- A \`trigger\` is a signal of the line: it counts the moment it comes, while its claim is on its way to the disk, and what it does is written after its claim. A client may
  give 200 at once and 100 a second in the long run, all of a role together twice that; each station bounds those that wait (\`trigger.queue\`).
- A retained request is never done: it would come again with each connection.
- While the disk takes nothing, what changes something is \`busy\`; what only looks is answered and not kept. A signal is \`busy\`, too, and makes no part, because nobody would hear of its verdict: take that as an error and ask again later. One that came as the disk stopped is \`failed\` within 3 s: it is a part, whose verdict comes late or never.

${table('code', CODES)}
## Who may ask what

${table('role', ROLES)}
A message over MQTT cannot prove who sends it. So the role stands in the topic, the broker's access list says who may publish there
([mosquitto/acl](mosquitto/acl)), and the box's own configuration how far it believes the broker: \`control.remote\` is \`viewer\` by default, and nobody gets more than that over MQTT
before the box's owner says so. \`none\` hears nothing. The socket may ask everything: whoever can open it owns the box.

## What may be changed from afar

[configuration.md](configuration.md) says it of each setting. Over MQTT nobody changes who may do what (\`control\`), certificates, files with passwords, or
what signals a part; cameras, brokers and bundles may be exchanged for those that stand in the configuration already, and for what \`control.allow\` lets in:

\`\`\`yaml
control:
  remote: engineer
  allow:
    cameras: ["rtsp://10.0.3.*/**", "/dev/video*"]
    brokers: ["mqtts://broker-*.plant.example"]
    bundles: /var/lib/inspectord/bundles
\`\`\`

An address is compared part by part: a user is never taken for a host, nor a name like \`10.0.3.com\` for an address. What two programs might read in two ways
(a second "@", a "\\", "..", "%2F") is let in by no pattern. Of paths those behind all links are compared. The socket may change all of this but
\`box\`, \`journal.folder\` and \`control.signed\`, which are changed in the file alone.

Passwords are shown as \`***\`. What comes back as it was shown stays as it stands, and a camera or broker may be moved to another place so; a \`***\` anywhere else is refused.

## Signed requests

A box can be told to change some settings by signed requests alone, also through its socket:

\`\`\`sh
inspectord key alice
\`\`\`

makes \`alice.pem\` (the private half, for its owner alone) and says the public half for the file on the box:

\`\`\`yaml
control:
  signed:
    settings: [threshold, deadlineMs, model]
    keys:
      alice: Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
\`\`\`

\`\`\`sh
inspectord ask config '{ "patch": { "recipes": { "lid": { "threshold": 0.7 } } } }' --sign alice.pem --broker mqtts://broker.plant.example --box press-7 --as engineer
inspectord sign config '{ "patch": { "recipes": { "lid": { "threshold": 0.7 } } } }' --key alice.pem --box press-7
\`\`\`

The second one prints what is to be published from another machine. What is signed is \`{ask, at, box, id, key, name, nonce}\` as JSON in the spelling of RFC 8785, with Ed25519;
\`ask\` is the request without \`id\`, \`client\`, \`before\` and \`signature\`. So a signature is worth nothing for another box, request or id. It is taken once, and only within
\`control.signed.windowS\` of the clock of the box; that it was used stands on the disk before anything is done. What was signed before the journal began, or
before the oldest of the 10,000 signatures that are remembered, is refused.

## The trail

Every edit stands in a trail in the journal: who (role, where the answer went, key), when, what differed, how it was answered; also those that were refused, and what was
undone. Requests that would change something and were denied stand there too, 20 at once and one a minute in the long run. No retention takes the trail; it is bounded to 100,000 entries and 64 MB.

\`\`\`sh
inspectord audit --config line.yaml --since 7d
inspectord audit verify --config line.yaml
\`\`\`

Each entry holds the SHA-256 of the one before it and of itself. Who can write to the disk could still write all of them anew: keep what \`audit verify\` says of the last one
elsewhere, and \`audit verify --holds N:HASH\` shows whether it is still there.

${requestNames.map(chapter).join('\n')}`;
}

const seconds = (ms: number) => `${ms / 1000} s`;

function line(name: RequestName): string {
	const { role, changes, limitMs, summary } = REQUESTS[name] as Row;
	const [who, whether] =
		typeof changes === 'boolean'
			? [role, changes ? 'yes' : 'no']
			: [`${role}; ${changes.role} to ${changes.what}`, `to ${changes.what}`];
	return `| \`${name}\` | ${who} | ${whether} | ${seconds(limitMs)} | ${summary} |`;
}

function chapter(name: RequestName): string {
	const { summary, ask, result, answers = {} } = REQUESTS[name] as Row;
	const asked = askedRows(jsonSchema(ask, 'in', 'draft-2020-12'));
	const codes = Object.entries(answers).map(([code, text]) => `| \`${code}\` | ${text} |\n`);
	return `## ${name}

${summary} ${terms(name)}

${asked.length === 0 ? 'It asks for nothing more.' : `| asked | value | default | |\n| --- | --- | --- | --- |\n${asked.join('\n')}`}

| answered | value | |
| --- | --- | --- |
${rows('result', jsonSchema(result, 'out', 'draft-2020-12')).join('\n')}
${codes.length > 0 ? `\n| \`code\` | |\n| --- | --- |\n${codes.join('')}` : ''}
${requestExamples[name].map((example) => exampleOf(name, example)).join('\n\n')}
`;
}

/** Who may ask it, and its bounds. */
function terms(name: RequestName): string {
	const { role, changes, limitMs, bytes } = REQUESTS[name] as Row;
	const more = typeof changes === 'boolean' ? '' : `, and to ${changes.what} for the ${changes.role}`;
	return `For the ${role}${more}; answered within ${seconds(limitMs)}; at most ${bytes} bytes.`;
}

function exampleOf(name: RequestName, { ask, text, result }: RequestExample<RequestName>): string {
	const id = 'desk-7-1';
	const answer = answerMessage({ id, request: name, code: 'ok', text, faults: [], result: { ...result } }, 0);
	const { at: _, ...shown } = answer;
	return `\`\`\`json
${written({ id, client: 'desk-7', ...ask })}
\`\`\`

\`\`\`json
${written({ ...shown, at: EXAMPLE_AT })}
\`\`\``;
}

const EXAMPLE_AT = '2026-11-23T21:30:36.058Z';

/** A row for each field, with what it is where it is left out. */
function askedRows({ properties = {}, required = [] }: JsonSchema): string[] {
	return Object.entries(properties).flatMap(([key, field]) => {
		const [row = '', ...inner] = rows('', { properties: { [key]: field } });
		const fallback =
			field.default !== undefined
				? `\`${JSON.stringify(field.default)}\``
				: required.includes(key)
					? 'needed'
					: '';
		return [row, ...inner].map((one, i) => {
			const cells = one.split(' | ');
			return [...cells.slice(0, 2), i === 0 ? fallback : '', ...cells.slice(2)].join(' | ');
		});
	});
}

function fields(schema: JsonSchema): string {
	return rows('', schema).join('\n');
}
