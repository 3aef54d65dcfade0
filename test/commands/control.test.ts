import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sha256Of } from '../../src/base/hash.js';
import { encodePng } from '../../src/opencv/picture.js';
import type { Answer, Code } from '../../src/protocol/answer.js';
import { requestExamples } from '../../src/protocol/request-examples.js';
import {
	demandOf,
	REQUESTS,
	type RequestName,
	type Result,
	type Row,
	requestNames,
} from '../../src/protocol/requests.js';
import { drawPart } from '../../src/sim/line.js';
import { answerOf, answerOver, toldBy } from '../answer-of.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, startMosquitto } from '../mosquitto.js';
import { start } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const control = suite('the examples of docs/control.md');

/** Names in the examples. */
const SHOWN = { older: 'lid@5e81c08b', newer: 'lid@0c1d94e7', rev: '12-1c947c1d' } as const;

/** What a healthy box has none of. */
const ABSENT: Readonly<Partial<Record<RequestName, readonly string[]>>> = {
	health: [
		...['clock.synchronised', 'clock.since', 'machine.hottest', 'machine.throttled', 'machine.throttlings'],
		...['machine.powerMode', 'machine.watts', 'machine.rails.0'],
		...['machine.clocks.locked', 'machine.clocks.cpuMHz', 'machine.clocks.gpuMHz'],
	],
	state: ['stations.0.drift.0'],
	letters: ['letters'],
	snapshot: ['topic'],
	threshold: ['values.0.below'],
	events: ['events.0.body.frame'],
	config: ['document.stations.lid.camera.source'],
	engines: ['engines', 'kept'],
};

/** Of what takes TensorRT and its engines, as no machine of the tests has them: how it is answered there. */
const UNDONE: Readonly<Partial<Record<RequestName, readonly [code: Code, text: RegExp]>>> = {
	engines: ['failed', /no TensorRT library|There is no engine|no NVIDIA driver|compute capability/],
};

/** What the example shows and the answer does not have: keys, values where the example has one, entries of lists. */
function lacking(example: unknown, answered: unknown, path: string, absent: readonly string[]): string[] {
	if (example === null || absent.includes(path)) return [];
	if (
		answered === null ||
		typeof answered !== typeof example ||
		Array.isArray(answered) !== Array.isArray(example)
	)
		return [path];
	if (typeof example !== 'object') return [];
	const inner = answered as Readonly<Record<string, unknown>>;
	const of = Array.isArray(example) ? example.slice(0, 1) : example;
	return Object.entries(of).flatMap(([key, one]) =>
		lacking(one, inner[key], path === '' ? key : `${path}.${key}`, absent),
	);
}

type Box = AsyncDisposable & {
	/** What is asked, with the names that bundles and revisions have here. */
	readonly here: (text: string) => Promise<string>;
	readonly ask: Readonly<Record<'socket' | 'broker', (name: RequestName, what: object) => Promise<Answer>>>;
};

/** A box as the examples have it: stations `lid`, `jar` (on request) and `cap`, which rejects everything and has an alarm. */
async function boxOf(url: string): Promise<Box> {
	const folder = await temporaryFolder();
	const at = (...names: string[]) => join(folder.path, ...names);
	await mkdir(at('pictures'));
	for (let i = 0; i < 4; i += 1)
		await writeFile(at(`pictures/${i}.png`), encodePng(drawPart(1, i, undefined, 96).image));
	const shelved = async (day: number) => {
		const text = await readFile(at('tiny/manifest.json'), 'utf8');
		const manifest = JSON.stringify({
			...JSON.parse(text),
			name: 'lid',
			createdAt: `2026-11-0${day}T00:00:00Z`,
		});
		const id = `lid@${sha256Of(manifest).slice(0, 8)}`;
		await cp(at('tiny'), at('bundles', id), { recursive: true });
		await writeFile(at('bundles', id, 'manifest.json'), manifest);
		return id;
	};
	await tinyBundle(at('tiny'));
	const [older, newer] = [await shelved(1), await shelved(2)];
	await rename(at('tiny'), at('away'));
	const config = at('line.yaml');
	const station = (name: string, recipe = name) =>
		`  ${name}: { camera: { source: pictures, loop: true }, recipe: ${recipe} }\n`;
	const recipe = (name: string, more: string) =>
		`  ${name}: { model: bundles/${older}, threads: 1, ${more} }\n`;
	const text = [
		`box: cell-4\nmqtt: { url: "${url}" }\ncontrol: { remote: engineer }\nhealth: { everyMs: 1000 }\n`,
		`stations:\n${station('lid')}${station('jar')}${station('bad')}recipes:\n`,
		recipe('lid', 'threshold: 1000, trigger: { everyMs: 100 }'),
		recipe('cap', 'threshold: 1000, trigger: { everyMs: 100 }'),
		recipe('jar', 'threshold: 1000, trigger: { mode: request }'),
		recipe(
			'bad',
			'threshold: 1.0e-9, trigger: { everyMs: 300 }, alarms: { stuck: { consecutive: { n: 1 } } }',
		),
	];
	await writeFile(config, text.join(''));
	const box = start('run', '--config', config);
	const state = at('cell-4-state');
	await eventually(
		'the box is as the examples have it',
		async () => {
			const told = await toldBy(state);
			if (!told?.connected || told.alarms[0]?.active !== 1) return false;
			const running = told.stations.filter((one) => one.state === 'running');
			return running.length === 3 && (await answerOf(state, 'health')).code === 'ok';
		},
		120_000,
	);
	return {
		here: async (text) => {
			const revOf = async () => ((await answerOf(state, 'config')).result as Result<'config'>).rev!;
			const rev = text.includes(SHOWN.rev) ? await revOf() : '';
			return text.replaceAll(SHOWN.older, older).replaceAll(SHOWN.newer, newer).replaceAll(SHOWN.rev, rev);
		},
		ask: {
			socket: (name, what) => answerOf(state, name, what),
			broker: (name, what) => answerOver(url, { box: 'cell-4', role: 'engineer' }, name, what),
		},
		[Symbol.asyncDispose]: async () => {
			await box[Symbol.asyncDispose]();
			await folder[Symbol.asyncDispose]();
		},
	};
}

for (const place of ['socket', 'broker'] as const)
	control(
		`are answered as they are shown, by ${place}: those that look, and then those that change something`,
		async () => {
			if (!hasMosquitto()) return;
			await using folder = await temporaryFolder();
			await using broker = await startMosquitto(await freePort(), folder.path);
			await using box = await boxOf(broker.url);
			for (const changes of [false, true])
				for (const name of requestNames)
					for (const example of requestExamples[name]) {
						const row: Row = REQUESTS[name];
						if (demandOf(row, row.ask.parse(example.ask)).changes !== changes) continue;
						const text = await box.here(JSON.stringify(example.ask));
						const shown: Shown = { name, text, shown: example.result, changes };
						let answer = await box.ask[place](name, JSON.parse(text));
						// What only looks may look before a station of this box has judged since the last message.
						for (const until = Date.now() + 30_000; !changes && lackingIn(answer, shown).length > 0; ) {
							if (Date.now() > until) break;
							await setTimeout(200);
							answer = await box.ask[place](name, JSON.parse(text));
						}
						assertAsShown(answer, shown);
					}
		},
	);

type Shown = {
	readonly name: RequestName;
	readonly text: string;
	readonly shown: unknown;
	readonly changes: boolean;
};

function assertAsShown(answer: Answer, { name, text, shown, changes }: Shown): void {
	const undone = changes ? UNDONE[name] : undefined;
	if (undone) {
		assert.match(answer.text, undone[1]);
		assert.ok([undone[0], 'conflict'].includes(answer.code), `${name} ${text}: ${answer.code}`);
		return;
	}
	assert.is(answer.code, 'ok', `${name} ${text}: ${answer.text}`);
	assert.is(REQUESTS[name].result.safeParse(answer.result).error, undefined, name);
	assert.equal(lackingIn(answer, { name, shown }), [], `${name} ${text}`);
}

function lackingIn(answer: Answer, { name, shown }: Pick<Shown, 'name' | 'shown'>): string[] {
	return lacking(shown, answer.result, '', ABSENT[name] ?? []);
}

for (const name of requestNames)
	control(`fit the schemas of "${name}"`, () => {
		const row: Row = REQUESTS[name];
		for (const { ask, result } of requestExamples[name]) {
			assert.is(row.ask.safeParse(ask).error, undefined);
			assert.is(row.result.safeParse(result).error, undefined);
		}
	});

control.run();
