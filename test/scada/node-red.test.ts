import * as crypto from 'node:crypto';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { examples } from '../../src/protocol/examples.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto } from '../mosquitto.js';
import { EXAMPLES, type Example, example, type Plant, plant, type Said } from './plant.js';

const flows = suite('docs/scada/flow.json');

const RED = fileURLToPath(new URL('../../../.setup/scada/node_modules/node-red/red.js', import.meta.url));

type Node = { readonly id: string; readonly func?: string };
type Told = readonly (readonly { readonly payload: Said }[])[];

const flow = async (): Promise<Node[]> => JSON.parse(await readFile(`${EXAMPLES}flow.json`, 'utf8'));

flows('its function, as Node-RED calls it, sorts what is said by outputs and remembers it', async () => {
	const { func } = (await flow()).find(({ id }) => id === 'ledger')!;
	const kept = new Map<string, unknown>([['sinceMs', 0]]);
	const context = {
		get: (key: string) => kept.get(key),
		set: (key: string, value: unknown) => kept.set(key, structuredClone(value)),
	};
	const call = new Function('msg', 'context', 'crypto', func!) as (...args: unknown[]) => Told;
	const say = (topic: string, payload: Buffer) =>
		call({ topic, payload, retain: false }, context, crypto).map((one) =>
			one.map((told) => told.payload.kind),
		);
	const { heatmaps, ...verdict } = examples.verdict;
	const jpeg = Buffer.from([0xff, 0xd8]);
	const sha256 = createHash('sha256').update(jpeg).digest('hex');
	const bytes = (value: object) => Buffer.from(JSON.stringify(value));
	const told = bytes({ ...verdict, heatmaps: [{ ...heatmaps[0]!, sha256 }] });
	assert.equal(say(heatmaps[0]!.topic, jpeg), [[], [], [], []]);
	assert.equal(say('inspectord/cell-4/lid/verdict', told), [['part'], [], [], ['picture']]);
	assert.equal(say('inspectord/cell-4/lid/verdict', told), [['repeated'], [], [], []]);
	assert.equal(say('inspectord/cell-4/lid/gap', bytes(examples.gap)), [[], ['gap'], [], []]);
	assert.equal(say('inspectord/cell-4/state', bytes(examples.boxState)), [[], [], ['state'], []]);
	assert.equal(say('tick', Buffer.alloc(0)), [[], [], [], []]);
});

/** Node-RED itself, with the flow as it is shipped but for the broker's port. */
async function nodeRed({ path, port }: Plant): Promise<Example> {
	const userDir = join(path, 'node-red');
	await mkdir(userDir, { recursive: true });
	const shipped = await readFile(`${EXAMPLES}flow.json`, 'utf8');
	await writeFile(join(userDir, 'flow.json'), shipped.replace('"1883"', `"${port}"`));
	const settings = {
		uiPort: await freePort(),
		uiHost: '127.0.0.1',
		flowFile: 'flow.json',
		fileWorkingDirectory: path,
		contextStorage: { default: { module: 'localfilesystem', config: { flushInterval: 1 } } },
		telemetry: { enabled: false },
	};
	await writeFile(join(userDir, 'settings.js'), `module.exports = ${JSON.stringify(settings)};`);
	return example(process.execPath, [RED, '--userDir', userDir], path);
}

const saidIn = async (path: string, name: string): Promise<Said[]> => {
	const text = await readFile(join(path, `${name}.jsonl`), 'utf8').catch(() => '');
	return text
		.split('\n')
		.filter((line) => line !== '')
		.map((line) => JSON.parse(line));
};

flows('Node-RED writes every part once, through kill -9 of the broker and a restart of its own', async () => {
	if (!hasMosquitto()) return;
	if (!existsSync(RED)) {
		console.log('skipped: Node-RED is fetched by npm run scada');
		return;
	}
	await using line = await plant([], ', receipts: true');
	const parts = () => saidIn(line.path, 'parts');
	const partsReach = async (n: number) =>
		eventually(
			`${n} parts`,
			async () => (await parts()).filter(({ kind }) => kind === 'part').length >= n,
			60_000,
		);
	{
		await using red = await nodeRed(line);
		await eventually('it subscribes', () => existsSync(join(line.path, 'node-red')));
		await new Promise((resolve) => setTimeout(resolve, 8000));
		line.box();
		await partsReach(60);
		await line.broker.kill('SIGKILL');
		await new Promise((resolve) => setTimeout(resolve, 6000));
		await line.restartBroker();
		await partsReach(250);
		await new Promise((resolve) => setTimeout(resolve, 2000));
		await red.end('SIGTERM');
	}
	await using red = await nodeRed(line);
	const before = (await parts()).length;
	await partsReach(before + 100);
	const box = line.boxes.at(-1)!;
	box.child.kill('SIGTERM');
	await box.ended;
	await new Promise((resolve) => setTimeout(resolve, 2000));
	await red.end('SIGTERM');
	const recorded = await line.recorded();
	const told = (await parts()).filter(({ kind }) => kind === 'part').map(({ id }) => id as string);
	assert.equal(
		{
			untold: recorded.filter(({ id, waits }) => !waits && !told.includes(id)),
			unknown: told.filter((id) => !recorded.some((part) => part.id === id)),
			twice: told.filter((id, i) => told.indexOf(id) !== i),
		},
		{ untold: [], unknown: [], twice: [] },
	);
	assert.ok(recorded.filter(({ waits }) => !waits).length > 100, 'receipts arrive');
	assert.equal(await saidIn(line.path, 'alarms'), []);
	const pictures = await saidIn(line.path, 'pictures');
	assert.ok(pictures.length > 20 && pictures.every(({ is }) => is === 'whole'));
});

flows.run();
