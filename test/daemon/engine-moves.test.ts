import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePng } from '../../src/opencv/picture.js';
import type { Engines, EngineTold } from '../../src/protocol/engines.js';
import type { StationState } from '../../src/protocol/states.js';
import type { VerdictMessage } from '../../src/protocol/verdict.js';
import { drawPart } from '../../src/sim/line.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { program, startWith } from '../program.js';
import type { EngineDoes } from '../stand-in-tensorrt/session.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';
import { standInTrtexec } from '../trtexec/stand-in.js';
import type { StandInDoes } from '../trtexec/stand-in-options.js';

const moves = suite('a daemon that moves to engines, with stand-ins for TensorRT, trtexec and nvidia-smi');

const PRELOAD = new URL('../stand-in-tensorrt/preload.js', import.meta.url).href;

const VERSION = '10.3.0';

type Does = Partial<Record<'station' | 'job', EngineDoes>>;

/** A box with a station that prefers TensorRT, which a stand-in plays, and somebody who listens. */
async function box(trtexec: StandInDoes, does: Does = {}) {
	const folder = await temporaryFolder();
	const at = (...names: string[]) => join(folder.path, ...names);
	await mkdir(at('pictures'));
	for (const i of [0, 1, 2])
		await writeFile(at(`pictures/${i}.png`), encodePng(drawPart(1, i, undefined, 96).image));
	await tinyBundle(at('bundle'));
	await mkdir(at('lib'));
	await writeFile(at(`lib/libnvinfer.so.${VERSION}`), 'a stand-in');
	await mkdir(at('bin'));
	await writeFile(at('bin/nvidia-smi'), '#!/bin/sh\necho "Stand-in, 540.4.0, 8.7"\n');
	await chmod(at('bin/nvidia-smi'), 0o755);
	const told = (next: Does) => writeFile(at('does.json'), JSON.stringify(next));
	await told(does);
	const broker = await startMosquitto(await freePort(), folder.path);
	const subscriber = await listen(broker.url);
	const config = at('line.yaml');
	await writeFile(
		config,
		[
			`box: t\nmqtt: { url: "${broker.url}" }\ncontrol: { remote: engineer }\nengines: { folder: engines }`,
			'stations: { s: { camera: { source: pictures, loop: true }, recipe: r } }',
			'recipes: { r: { model: bundle, provider: { prefer: tensorrt }, threshold: 1000, trigger: { everyMs: 50 } } }',
		].join('\n'),
	);
	const env = {
		INSPECTORD_TRTEXEC: await standInTrtexec(folder.path, VERSION, trtexec),
		LD_LIBRARY_PATH: at('lib'),
		PATH: `${at('bin')}:${process.env.PATH}`,
		NODE_OPTIONS: `--import=${PRELOAD}`,
		STAND_IN_MODEL: at('bundle/model.onnx'),
		STAND_IN_DOES: at('does.json'),
	};
	const last = <T>(topic: string): T | undefined => {
		const heard = subscriber.heard.filter((one) => one.topic === `inspectord/t/${topic}`).at(-1);
		return heard && heard.payload.length > 0 ? (JSON.parse(heard.payload.toString()) as T) : undefined;
	};
	return {
		at,
		told,
		start: () => startWith(env, 'run', '--config', config),
		state: () => last<StationState>('s/state'),
		engine: (): EngineTold | undefined => last<Engines>('engines')?.engines[0],
		engineStates: () =>
			subscriber.heard
				.filter(({ topic }) => topic === 'inspectord/t/engines')
				.flatMap(({ payload }) =>
					(JSON.parse(payload.toString()) as Engines).engines.map(({ state }) => state),
				),
		verdicts: () =>
			subscriber.heard
				.filter(({ topic }) => topic === 'inspectord/t/s/verdict')
				.map(({ payload }) => JSON.parse(payload.toString()) as VerdictMessage),
		ask: (...words: string[]) => program('ask', ...words, '--config', config, '--json'),
		[Symbol.asyncDispose]: async () => {
			await subscriber[Symbol.asyncDispose]();
			await broker[Symbol.asyncDispose]();
			await folder[Symbol.asyncDispose]();
		},
	};
}

type Box = Awaited<ReturnType<typeof box>>;

const ended = async (daemon: ReturnType<Box['start']>): Promise<void> => {
	daemon.child.kill('SIGTERM');
	const { code, err } = await daemon.ended;
	assert.is(code, 0, err);
};

/** Numbered without a hole over all processes, and none an error. */
function assertWhole(verdicts: readonly VerdictMessage[]): void {
	const numbers = [...new Set(verdicts.map(({ sequence }) => sequence))].sort((a, b) => a - b);
	assert.equal(
		numbers,
		numbers.map((_, i) => numbers[0]! + i),
	);
	assert.equal(
		verdicts.filter(({ verdict }) => verdict === 'error').map(({ reason }) => reason),
		[],
	);
}

const LONG = 90_000;

moves(
	'serves on the processor at once, moves to the engine when that has passed, and begins with it the next time',
	async () => {
		if (!hasMosquitto()) return;
		await using here = await box('is-slow');
		{
			await using daemon = here.start();
			await eventually('it serves without one', () => here.state()?.state === 'running', LONG);
			assert.equal(
				[here.state()?.model?.provider, here.state()?.degraded?.code],
				['cpu', 'engine-missing'],
				JSON.stringify(here.state()),
			);
			await eventually('it is built', () => here.engine()?.state === 'building', LONG);
			const edit = await here.ask('config', '{ "patch": { "recipes": { "r": { "threshold": 900 } } } }');
			assert.is(JSON.parse(edit.out).code, 'ok', edit.out);
			await eventually('it computes with it', () => here.state()?.model?.provider === 'tensorrt', LONG);
			const { model, degraded, threshold } = here.state()!;
			assert.equal([degraded, threshold], [null, 900], 'the edit stands');
			await eventually('that is told', () => here.engine()?.usedBy[0] === 's', LONG);
			assert.is(here.engine()!.engine, model!.engine);
			const count = here.verdicts().length;
			await eventually('it judges', () => here.verdicts().length > count + 3, LONG);
			assert.is(here.verdicts().at(-1)!.model!.engine, model!.engine);
			assert.match(
				here.verdicts().at(-1)!.model!.fingerprint!,
				/^TensorRT 10\.3\.0, SM 8\.7, driver 540\.4\.0/,
			);
			const states = [...new Set(here.engineStates())].filter((one) => one !== 'waiting');
			assert.equal(states, ['building', 'ready', 'moving']);
			const listed = JSON.parse((await here.ask('engines')).out);
			assert.equal(
				[listed.code, listed.result.kept[0].id, listed.result.engines[0].usedBy],
				['ok', here.engine()!.id, ['s']],
				listed.text,
			);
			const removing = async () =>
				JSON.parse((await here.ask('engines', 'action=remove', `engine=${here.engine()!.id}`)).out);
			let refused = await removing();
			// It is being moved to until the station has been watched for a while.
			for (const until = Date.now() + LONG; refused.code === 'busy' && Date.now() < until; )
				refused = await removing();
			assert.equal([refused.code, refused.text.includes('used by s')], ['conflict', true]);
			await ended(daemon);
			assertWhole(here.verdicts());
		}
		const heard = here.engineStates().length;
		await using daemon = here.start();
		await eventually(
			'it begins with it',
			() => here.state()?.state === 'running' && here.state()?.model?.provider === 'tensorrt',
			LONG,
		);
		await eventually('that is told', () => here.engine()?.usedBy[0] === 's', LONG);
		assert.not.ok(here.engineStates().slice(heard).includes('building'), 'it is not built again');
		await ended(daemon);
	},
);

for (const [does, why] of [
	['mistakes', /golden vector/],
	['kills', /killed by SIGSEGV/],
] as const) {
	moves(
		`goes on as before where an engine ${does} in the station, and the next daemon knows it`,
		async () => {
			if (!hasMosquitto()) return;
			await using here = await box('builds', { station: does });
			{
				await using daemon = here.start();
				await eventually('it went back', () => here.engine()?.refusedBy[0], LONG);
				assert.match(here.engine()!.refusedBy[0]!.message, why);
				const count = here.verdicts().length;
				await eventually('it judges on', () => here.verdicts().length > count + 3, LONG);
				assert.equal([here.state()?.state, here.state()?.model?.provider], ['running', 'cpu']);
				await ended(daemon);
				assertWhole(here.verdicts());
			}
			await using daemon = here.start();
			await eventually(
				'it does without it',
				() => here.state()?.state === 'running' && here.state()?.degraded?.code === 'engine-failed',
				LONG,
			);
			await eventually('why is told', () => here.engine()?.refusedBy[0], LONG);
			await ended(daemon);
		},
	);
}

moves('ends a build in time when it ends, and nothing is half there', async () => {
	if (!hasMosquitto()) return;
	await using here = await box('hangs');
	await using daemon = here.start();
	await eventually('it is built', () => here.engine()?.progress?.phase === 'building', LONG);
	await ended(daemon);
	const left = (await readdir(here.at('engines'))).filter((name) => !name.startsWith('timing-'));
	assert.equal(left, []);
	assert.is(here.engine()?.state, 'waiting', 'an end is no failure');
});

moves('says why a build failed, and inspects on', async () => {
	if (!hasMosquitto()) return;
	await using here = await box('refuses-operator');
	await using daemon = here.start();
	await eventually('it failed', () => here.engine()?.state === 'failed', LONG);
	const { error } = here.engine()!;
	assert.is(error!.code, 'engine-failed');
	assert.match(error!.tail, /GridSample/);
	const asked = JSON.parse((await here.ask('engines', 'action=build', 'recipe=r')).out);
	assert.equal([asked.code, /failed before/.test(asked.text)], ['failed', true], asked.text);
	assert.is(here.state()?.state, 'running');
	await ended(daemon);
	assertWhole(here.verdicts());
});

moves.run();
