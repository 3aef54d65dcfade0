import { existsSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePng } from '../../src/opencv/picture.js';
import { type Answer, answerSchema } from '../../src/protocol/answer.js';
import type { Result } from '../../src/protocol/requests.js';
import type { StationState } from '../../src/protocol/states.js';
import { type VerdictMessage, verdictSchema } from '../../src/protocol/verdict.js';
import { drawPart } from '../../src/sim/line.js';
import { askLocally } from '../../src/socket/ask.js';
import { eventually, freePort } from '../free-port.js';
import { gpiomonStandIn } from '../gpio/stand-in.js';
import { type Heard, hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { type Running, startWith } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const triggers = suite('parts that are asked for');

const forever = new AbortController().signal;

/** A box whose station `s` waits for requests, and `every` for none. */
async function line(trigger = '{ mode: request }', deadlineMs = 5000, more: readonly string[] = []) {
	const folder = await temporaryFolder();
	const broker = await startMosquitto(await freePort(), folder.path);
	const subscriber = await listen(broker.url);
	await tinyBundle(join(folder.path, 'bundle'));
	await mkdir(join(folder.path, 'pictures'));
	for (const i of [0, 1])
		await writeFile(join(folder.path, `pictures/${i}.png`), encodePng(drawPart(1, i, undefined, 96).image));
	const config = join(folder.path, 'line.yaml');
	const lines = [
		'box: t',
		`mqtt: { url: "${broker.url}" }`,
		'stations:',
		'  s: { camera: { source: pictures, loop: true }, recipe: r }',
		'  every: { camera: { source: pictures, loop: true }, recipe: e }',
		'recipes:',
		`  r: { model: bundle, threads: 1, threshold: 1000, deadlineMs: ${deadlineMs}, trigger: ${trigger} }`,
		'  e: { model: bundle, threads: 1, trigger: { everyMs: 1000 } }',
		...more,
	];
	await writeFile(config, `${lines.join('\n')}\n`);
	const boxes: Running[] = [];
	let ids = 0;
	const ask = async (name: string, what: object): Promise<Answer> => {
		let last = '';
		ids += 1;
		const json = JSON.stringify({ id: `test-${ids}`, ...what });
		await askLocally(join(folder.path, 't-state/ask.sock'), name, json, (text) => (last = text), forever);
		return answerSchema.parse(JSON.parse(last));
	};
	const payloads = <T>(wanted: (heard: Heard) => boolean): readonly T[] =>
		subscriber.heard.filter(wanted).map(({ payload }) => JSON.parse(payload.toString()) as T);
	const verdicts = () =>
		payloads<VerdictMessage>(({ topic }) => topic === 'inspectord/t/s/verdict').map((verdict) =>
			verdictSchema.parse(verdict),
		);
	const pidOf = async () => {
		const { stations } = (await ask('diagnostics', {})).result as Result<'diagnostics'>;
		return stations.find(({ station }) => station === 's')!.pid!;
	};
	const box = (env: NodeJS.ProcessEnv = {}) => {
		boxes.push(startWith(env, 'run', '--config', config));
		return boxes.at(-1)!;
	};
	const states = (station = 's') =>
		payloads<StationState>(({ topic }) => topic === `inspectord/t/${station}/state`);
	return {
		path: folder.path,
		ask,
		box,
		pidOf,
		verdicts,
		states,
		trigger: (what: object = {}) => ask('trigger', { station: 's', ...what }),
		/** Of these parts, once each has one. */
		verdictsOf: (parts: readonly string[]) =>
			eventually(`a verdict on ${parts}`, () => {
				const found = parts.map((part) => verdicts().find((verdict) => verdict.part === part));
				return found.every((verdict) => verdict !== undefined) && found;
			}),
		late: async () =>
			((await ask('events', { station: 's', limit: 100 })).result as Result<'events'>).events.filter(
				({ kind }) => kind === 'late',
			),
		ready: () => eventually('it inspects', () => states().at(-1)?.state === 'running', 60_000),
		[Symbol.asyncDispose]: async () => {
			for (const running of boxes) await running[Symbol.asyncDispose]();
			await subscriber[Symbol.asyncDispose]();
			await broker[Symbol.asyncDispose]();
			await folder[Symbol.asyncDispose]();
		},
	};
}

const isTaken = (name: string) => name.startsWith('signal.taken');

const reasonsOf = (verdicts: readonly VerdictMessage[]) =>
	verdicts.map(({ part, verdict, reason }) => [part, reason ?? verdict]);

triggers(
	'have one verdict each, which says what the signal said; a station whose frames are its parts has none',
	async () => {
		if (!hasMosquitto()) return;
		await using here = await line();
		here.box();
		await here.ready();
		const metadata = { mould: 3, shift: 'früh', isFirst: true, none: null };
		const accepted = await here.trigger({ part: 'P-1', metadata });
		assert.is(accepted.code, 'ok', accepted.text);
		assert.equal((accepted.result as Result<'trigger'>).waiting, 1);
		const [first] = await here.verdictsOf(['P-1']);
		assert.is(first!.verdict, 'accept');
		assert.equal(first!.trigger, {
			at: (accepted.result as Result<'trigger'>).at,
			deadlineMs: 5000,
			metadata,
		});
		const told = await here.trigger({ part: 'P-2', wait: true });
		const { verdict } = told.result as Result<'trigger'>;
		const [second] = await here.verdictsOf(['P-2']);
		assert.equal(verdict, {
			id: second!.id,
			sequence: second!.sequence,
			verdict: 'accept',
			reason: null,
			score: second!.score,
			threshold: 1000,
		});
		// Times of one clock, whoever made the verdict.
		assert.ok(second!.monotonicMs > first!.monotonicMs);
		const odd = ['Schräg/日本 🔩', 'x'.repeat(256), '\ud800', ' ', '__proto__', 'twice', 'twice'];
		for (const part of odd) assert.is((await here.trigger({ part, wait: true })).code, 'ok', part);
		const heard = await eventually(
			'all are said',
			() => here.verdicts().length === 2 + odd.length && here.verdicts(),
		);
		assert.equal(
			heard.slice(2).map(({ part }) => part),
			odd,
		);
		assert.is(new Set(heard.map(({ id }) => id)).size, heard.length);
		assert.equal(
			heard.map(({ runSequence }) => runSequence),
			heard.map((_, i) => i + 1),
		);
		for (const [what, code] of [
			[{ station: 'S' }, 'invalid'],
			[{ part: '' }, 'invalid'],
			[{ part: 'x'.repeat(257) }, 'invalid'],
			[{ part: 7 }, 'invalid'],
			[{ metadata: { text: 'ä'.repeat(520) } }, 'invalid'],
			[{ metadata: { deep: {} } }, 'invalid'],
			[{ metadata: [] }, 'invalid'],
			[{ station: 'every' }, 'conflict'],
		] as const)
			assert.is((await here.trigger(what)).code, code, JSON.stringify(what));
		assert.is(here.verdicts().length, heard.length);
	},
);

triggers(
	'are errors at their deadlines when the station hangs, and what it finds later is no verdict',
	async () => {
		if (!hasMosquitto()) return;
		await using here = await line('{ mode: request, queue: 2 }', 1500);
		here.box();
		await here.ready();
		const pid = await here.pidOf();
		process.kill(pid, 'SIGSTOP');
		await here.trigger({ part: 'A' });
		assert.is((await here.trigger({ part: 'B' })).code, 'ok');
		const full = await here.trigger({ part: 'C' });
		assert.is(full.code, 'busy');
		assert.match(full.text, /trigger\.queue/);
		assert.equal(reasonsOf(await here.verdictsOf(['A', 'B'])), [
			['A', 'deadline'],
			['B', 'deadline'],
		]);
		// The queue has room again, whatever the station does.
		assert.equal(
			((await here.trigger({ part: 'D', wait: true })).result as Result<'trigger'>).verdict!.reason,
			'deadline',
		);
		const late = await eventually(
			'it is in error',
			() => here.states().at(-1)?.state === 'error' && here.states().at(-1),
		);
		assert.is(late!.error!.code, 'deadline');
		process.kill(pid, 'SIGCONT');
		const found = await eventually('what it found is noted', async () => {
			const events = await here.late();
			return events.length === 2 && events;
		});
		assert.equal(
			found.map(({ part, verdict, body }) => [part, verdict, (body as { found: string }).found]),
			[
				['A', null, 'error'],
				['B', null, 'error'],
			],
		);
		await eventually('it is in time again', async () => {
			const { result } = await here.trigger({ part: 'E', wait: true });
			return (result as Result<'trigger'> | null)?.verdict?.verdict === 'accept';
		});
		await eventually('it says so', () => here.states().at(-1)?.state === 'running');
		await eventually(
			'what was dropped is counted',
			() => here.states().at(-1)!.counts.droppedTriggers === 1,
			20_000,
		);
		const parts = here.verdicts().map(({ part }) => part);
		assert.equal(parts.slice(0, 3), ['A', 'B', 'D']);
		assert.equal(
			here.verdicts().map(({ sequence }) => sequence),
			parts.map((_, i) => i + 1),
		);
	},
);

triggers(
	'that wait for a station that is killed are errors, and what comes while none inspects is one at its deadline',
	async () => {
		if (!hasMosquitto()) return;
		await using here = await line('{ mode: request }', 700);
		here.box();
		await here.ready();
		const pid = await here.pidOf();
		process.kill(pid, 'SIGSTOP');
		await here.trigger({ part: 'A' });
		const [bundle, away] = [join(here.path, 'bundle'), join(here.path, 'away')];
		await rename(bundle, away);
		process.kill(pid, 'SIGKILL');
		assert.equal(reasonsOf(await here.verdictsOf(['A'])), [['A', 'child-died']]);
		const { result } = await here.trigger({ part: 'B', wait: true });
		assert.is((result as Result<'trigger'>).verdict!.reason, 'deadline');
		await rename(away, bundle);
		await eventually('the next one inspects', async () => {
			const answer = await here.trigger({ part: 'C', wait: true });
			return (answer.result as Result<'trigger'>).verdict!.verdict === 'accept';
		});
		assert.is(here.verdicts().filter(({ part }) => part === 'A').length, 1);
	},
);

triggers('that waited when the box was killed are errors of the next start', async () => {
	if (!hasMosquitto()) return;
	await using here = await line('{ mode: request }', 60_000);
	const first = here.box();
	await here.ready();
	const pid = await here.pidOf();
	process.kill(pid, 'SIGSTOP');
	await here.trigger({ part: 'Schräg 🔩', metadata: { mould: 3 } });
	// Its claim and its answer stand on disk, and before them all that the signal did.
	first.child.kill('SIGKILL');
	await first.ended;
	process.kill(pid, 'SIGKILL');
	here.box();
	const [verdict] = await here.verdictsOf(['Schräg 🔩']);
	assert.equal([verdict!.reason, verdict!.trigger!.metadata], ['interrupted', { mould: 3 }]);
	await eventually(
		'it inspects',
		async () => (await here.trigger({ part: 'next', wait: true })).code === 'ok',
	);
	assert.is(here.verdicts().length, 2);
});

triggers('that wait when the box is stopped are errors', async () => {
	if (!hasMosquitto()) return;
	await using here = await line('{ mode: request, delayMs: 60000 }', 120_000);
	const box = here.box();
	await here.ready();
	await here.trigger({ part: 'A' });
	await here.trigger({ part: 'B' });
	box.child.kill('SIGTERM');
	assert.is((await box.ended).code, 0);
	assert.equal(reasonsOf(await here.verdictsOf(['A', 'B'])), [
		['A', 'station-stopped'],
		['B', 'station-stopped'],
	]);
});

triggers(
	'go through edits: one that is told loses none, and one that starts the station anew makes those that wait errors',
	async () => {
		if (!hasMosquitto()) return;
		await using here = await line('{ mode: request, queue: 64 }');
		here.box();
		await here.ready();
		const edit = (recipe: object) => here.ask('config', { patch: { recipes: { r: recipe } } });
		const run = async (edited: Promise<Answer>, name: string) => {
			let isDone = false;
			void edited.then(() => {
				isDone = true;
			});
			const asked: string[] = [];
			for (let i = 0; !isDone; i += 1) {
				const part = `${name}-${i}`;
				const { code } = await here.trigger({ part });
				if (code === 'ok') asked.push(part);
				await new Promise((resolve) => setTimeout(resolve, 20));
			}
			assert.is((await edited).code, 'ok', (await edited).text);
			return here.verdictsOf(asked);
		};
		const told = await run(edit({ trigger: { debounceMs: 1 }, threshold: 900 }), 'told');
		assert.ok(told.length > 0);
		assert.equal(
			told.filter((verdict) => verdict!.verdict !== 'accept'),
			[],
		);
		const anew = await run(edit({ precision: 'fp32' }), 'anew');
		assert.ok(anew.length > 0);
		for (const verdict of anew)
			assert.ok(verdict!.verdict === 'accept' || verdict!.reason === 'station-stopped', verdict!.reason!);
		const heard = here.verdicts();
		assert.equal(
			heard.map(({ sequence }) => sequence),
			heard.map((_, i) => i + 1),
		);
	},
);

triggers(
	'are signalled by files: what is no signal harms none, and none is lost or judged twice',
	async () => {
		if (!hasMosquitto()) return;
		await using here = await line('{ mode: file, file: plc/signal, leastMs: 5 }');
		const box = here.box();
		await here.ready();
		const signal = join(here.path, 'plc/signal');
		let mark = '';
		const write = async (content: string, parts: number) => {
			await writeFile(`${signal}.new`, content);
			const { ino, mtimeNs } = await stat(`${signal}.new`, { bigint: true });
			mark = `${ino}-${mtimeNs}`;
			await rename(`${signal}.new`, signal);
			await eventually('it is judged', () => here.verdicts().length === parts);
		};
		// The folder is not there yet.
		await mkdir(join(here.path, 'plc'));
		await write('', 1);
		await write('P-1\n', 2);
		await write('{"part":"P-2","metadata":{"mould":3}}', 3);
		await writeFile(signal, '{"part":');
		await eventually('it is refused', () => /it is no JSON in UTF-8; it was removed/.test(box.err()));
		await write('P-3', 4);
		assert.equal(
			here.verdicts().map(({ part, verdict, trigger }) => [part, verdict, trigger!.metadata]),
			[
				[null, 'accept', {}],
				['P-1', 'accept', {}],
				['P-2', 'accept', { mould: 3 }],
				['P-3', 'accept', {}],
			],
		);
		assert.is((await here.trigger()).code, 'conflict');
		await eventually('it is removed', async () => !(await readdir(join(here.path, 'plc'))).some(isTaken));
		box.child.kill('SIGKILL');
		await box.ended;
		// The disk had forgotten that P-3 was removed; P-4 comes while nobody is there, and so did P-5, which was taken and not written down.
		for (const [name, part] of [
			[`signal.taken-${mark}`, 'P-3'],
			['signal.taken-7-7', 'P-5'],
			['signal', 'P-4'],
		] as const)
			await writeFile(join(here.path, 'plc', name), part);
		here.box();
		await here.verdictsOf(['P-4', 'P-5']);
		assert.equal(reasonsOf(here.verdicts()).slice(3), [
			['P-3', 'accept'],
			['P-5', 'interrupted'],
			['P-4', 'interrupted'],
		]);
		await eventually('they are removed', async () => (await readdir(join(here.path, 'plc'))).length === 0);
	},
);

triggers('are judged in quiet hours, in which a station that takes frames by itself rests', async () => {
	if (!hasMosquitto()) return;
	const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16);
	const quiet = `quiet: { from: "${inHours(-2)}", to: "${inHours(2)}" }`;
	await using here = await line(undefined, undefined, [`schedule: { ${quiet}, zone: UTC }`]);
	here.box();
	await here.ready();
	const states = () => here.states('every').map(({ state }) => state);
	await eventually('it rests', () => states().at(-1) === 'resting', 60_000);
	await here.trigger({ part: 'P-1' });
	assert.equal(reasonsOf(await here.verdictsOf(['P-1'])), [['P-1', 'accept']]);
	assert.equal([states().includes('running'), here.states('every').at(-1)!.counts.parts], [false, 0]);
	assert.is((await here.ask('config', { patch: { schedule: null } })).code, 'ok');
	await eventually('it inspects', () => here.states('every').at(-1)!.counts.parts > 0, 60_000);
});

triggers(
	'are signalled by a line of a GPIO chip (with a stand-in for gpiomon, not on hardware)',
	async () => {
		if (!hasMosquitto()) return;
		await using here = await line('{ mode: gpio, debounceMs: 200, gpio: { chip: /dev/null, line: 3 } }');
		const box = here.box(await gpiomonStandIn(here.path, 'v2.2'));
		await here.ready();
		const edges = join(here.path, 'edges');
		await eventually('it watches', () => existsSync(edges));
		await appendFile(edges, 'RISING\nRISING\nRISING\n');
		await eventually('it is judged', () => here.verdicts().length === 1);
		const pid = Number(await readFile(join(here.path, 'pid'), 'utf8'));
		process.kill(pid, 'SIGKILL');
		await eventually('it is told', () =>
			/Cannot watch line 3 of "\/dev\/null": gpiomon ended/.test(box.err()),
		);
		await eventually('it is watched again', async () => {
			const next = Number(await readFile(join(here.path, 'pid'), 'utf8'));
			return next !== pid && next !== 0;
		});
		await appendFile(edges, 'RISING\n');
		await eventually('it is judged', () => here.verdicts().length === 2);
		await eventually('bounces are counted', () => here.states().at(-1)!.counts.droppedTriggers === 2, 20_000);
	},
);

triggers.run();
