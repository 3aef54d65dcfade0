import { readFile } from 'node:fs/promises';
import { EXAMPLES } from './plant.js';

type Node = { readonly id: string; readonly type: string } & Readonly<Record<string, unknown>>;

const TAB = 'inspectord';
const BROKER = 'inspectord-broker';

/** After the ledger's own text: what Node-RED hands over, and to which output what is said goes. */
const ENTERED = `
const ledger = openLedger(context.get('ledger'), context.get('sinceMs'));
const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex');
const said = msg.topic === 'tick' ? overdue(ledger, Date.now()) : heard(ledger, msg, sha256, Date.now());
context.set('ledger', ledger);
const of = (...kinds) => said.filter(({ kind }) => kinds.includes(kind)).map((payload) => ({ payload }));
return [of('part', 'repeated'), of('missing', 'found', 'gap', 'series', 'unread', 'alarm'), of('state'), of('picture')];
`;

const RECEIPT = `
const { box, station, sequence } = msg.payload;
return sequence === undefined ? null : { topic: 'inspectord/' + box + '/ack', payload: { station, sequence } };
`;

const OUTPUTS = ['parts', 'alarms', 'states', 'pictures'] as const;

/** docs/scada/flow.json: subscriptions → the ledger, whose text it holds → one file a kind → receipts. */
export async function flowDocument(): Promise<string> {
	const ledger = await readFile(`${EXAMPLES}ledger.mjs`, 'utf8');
	const watch = await readFile(`${EXAMPLES}watch.mjs`, 'utf8');
	const [, listed = ''] = /const topics = \[(.*)\];/.exec(watch) ?? [];
	const topics = [...listed.matchAll(/'([^']+)'/g)].map(([, topic]) => `inspectord/${topic}`);
	const at = (x: number, y: number) => ({ z: TAB, x, y });
	const nodes: Node[] = [
		{ id: TAB, type: 'tab', label: 'inspectord' },
		{
			id: BROKER,
			type: 'mqtt-broker',
			name: 'broker',
			broker: '127.0.0.1',
			port: '1883',
			clientid: 'node-red',
			protocolVersion: '5',
			cleansession: false,
			autoUnsubscribe: false,
			sessionExpiry: '604800',
			keepalive: '30',
			autoConnect: true,
			usetls: false,
		},
		...topics.map((topic, i) => ({
			id: `in-${i}`,
			type: 'mqtt in',
			...at(160, 80 + 40 * i),
			topic,
			qos: '1',
			datatype: 'buffer',
			broker: BROKER,
			nl: false,
			rap: true,
			rh: 0,
			inputs: 0,
			wires: [['ledger']],
		})),
		{
			id: 'tick',
			type: 'inject',
			...at(160, 80 + 40 * topics.length),
			name: 'tick',
			props: [{ p: 'topic', vt: 'str' }],
			topic: 'tick',
			repeat: '5',
			once: true,
			onceDelay: '5',
			wires: [['ledger']],
		},
		{
			id: 'ledger',
			type: 'function',
			...at(420, 180),
			name: 'ledger',
			outputs: OUTPUTS.length,
			libs: [{ var: 'crypto', module: 'crypto' }],
			initialize: "context.set('sinceMs', Date.now());",
			func: `${ledger.replace(/^export /gm, '')}${ENTERED}`,
			wires: OUTPUTS.map((name) => [name]),
		},
		...OUTPUTS.map((name, i) => ({
			id: name,
			type: 'file',
			...at(640, 120 + 40 * i),
			name,
			filename: `${name}.jsonl`,
			filenameType: 'str',
			appendNewline: true,
			createDir: false,
			overwriteFile: 'false',
			encoding: 'none',
			wires: name === 'parts' ? [['receipt']] : [[]],
		})),
		{
			id: 'receipt',
			type: 'function',
			...at(800, 120),
			name: 'receipt',
			outputs: 1,
			func: RECEIPT.trim(),
			wires: [['ack']],
		},
		{
			id: 'ack',
			type: 'mqtt out',
			...at(960, 120),
			name: 'ack',
			topic: '',
			qos: '1',
			retain: 'false',
			broker: BROKER,
			wires: [],
		},
	];
	return `${JSON.stringify(nodes, null, '\t')}\n`;
}
