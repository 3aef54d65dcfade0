import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { pause } from '../../src/base/retry.js';
import { type Config, configSchema } from '../../src/config/schema.js';
import type { Movable } from '../../src/control/movable.js';
import { type Moved, outcomeOf } from '../../src/control/move.js';
import { createDaemon } from '../../src/daemon/daemon.js';
import type { StationService } from '../../src/daemon/station.js';
import { encodePng } from '../../src/opencv/picture.js';
import type { AlarmMessage } from '../../src/protocol/alarm.js';
import type { VerdictMessage } from '../../src/protocol/verdict.js';
import { drawPart } from '../../src/sim/line.js';
import { childrenOf } from '../children-of.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const edits = suite('a daemon that moves to another configuration');

type Edit = {
	readonly url?: string;
	readonly journal?: string;
	readonly a?: object;
	readonly b?: object;
	readonly camera?: string;
	readonly log?: Config['log'];
};

/** Stations `a` and `b` that inspect pictures for ever, and a broker; all runs in this process but its stations. */
async function line(first: Edit = {}) {
	const folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	await mkdir(at('pictures'));
	for (const i of [0, 1])
		await writeFile(at(`pictures/${i}.png`), encodePng(drawPart(1, i, undefined, 96).image));
	await tinyBundle(at('bundle'));
	const broker = await startMosquitto(await freePort(), folder.path);
	const stop = new AbortController();
	const verdicts: VerdictMessage[] = [];
	const logged: string[] = [];
	const daemon = await createDaemon({
		env: process.env,
		version: '0',
		conceal: () => {},
		log: (level, about, message) => void logged.push(`${level} ${about}: ${message}`),
		onVerdict: (message) => void verdicts.push(message),
		signal: stop.signal,
	});
	const config = ({
		url = broker.url,
		journal = 'journal',
		a = {},
		b = {},
		camera = at('pictures'),
		log = 'info',
	}: Edit = {}): Config =>
		configSchema.parse({
			box: 't',
			mqtt: { url },
			stations: {
				a: { camera: { source: at('pictures'), loop: true }, recipe: 'a' },
				b: { camera: { source: camera, loop: true }, recipe: 'b' },
			},
			recipes: {
				a: { model: at('bundle'), trigger: { everyMs: 50 }, threads: 1, ...a },
				b: { model: at('bundle'), trigger: { everyMs: 50 }, threads: 1, ...b },
			},
			journal: { folder: at(journal) },
			log,
		});
	const of = (station: string) => verdicts.filter((verdict) => verdict.station === station);
	const started = await daemon.moveTo(config(first));
	assert.is(started.stands, 'new');
	return {
		at,
		broker,
		config,
		verdicts: of,
		logged,
		moveTo: (edit: Edit, tell?: (line: string) => void): Promise<Moved<Movable>> =>
			daemon.moveTo(config(edit), 'carefully', tell),
		moveToWhole: (whole: Config) => daemon.moveTo(whole),
		/** The processes' runs that the newest verdicts are of, once both stations have given one more. */
		runs: async () => {
			const counts = { a: of('a').length, b: of('b').length };
			await eventually('both inspect', () => of('a').length > counts.a + 1 && of('b').length > counts.b + 1);
			return { a: of('a').at(-1)!.run, b: of('b').at(-1)!.run };
		},
		[Symbol.asyncDispose]: async () => {
			stop.abort(new Failure('interrupted', 'Interrupted'));
			const ended = await daemon.moveTo(null);
			assert.equal(ended.setbacks, [], outcomeOf(ended));
			assert.equal(await childrenOf(process.pid).then((all) => all.length), 1, 'only the broker is left');
			await broker[Symbol.asyncDispose]();
			await folder[Symbol.asyncDispose]();
		},
	};
}

/** A station's verdicts are numbered without a hole, over all of its processes. */
function assertWhole(verdicts: readonly VerdictMessage[]): void {
	assert.equal(
		verdicts.map(({ sequence }) => sequence),
		verdicts.map((_, i) => verdicts[0]!.sequence + i),
	);
}

edits('starts a station anew whose settings differ, and no other notices', async () => {
	if (!hasMosquitto()) return;
	await using world = await line();
	const before = await world.runs();
	const moved = await world.moveTo({ b: { region: { x: 0, y: 0, width: 96, height: 96 } } });
	assert.is(moved.stands, 'new', outcomeOf(moved));
	const after = await world.runs();
	assert.is(after.a, before.a);
	assert.is.not(after.b, before.b);
	for (const station of ['a', 'b']) assertWhole(world.verdicts(station));
});

edits('inspects on while another bundle is proven, and stops only when that waits', async () => {
	if (!hasMosquitto()) return;
	await using world = await line();
	await tinyBundle(world.at('other'));
	const before = await world.runs();
	const told: string[] = [];
	const known = await childrenOf(process.pid);
	/** How many parts were judged at each line. */
	const seen: number[] = [];
	const over = new AbortController();
	const counting = mostChildren(over.signal);
	const moved = await world.moveTo({ b: { model: world.at('other') } }, (line) => {
		told.push(
			line.replace(/ \(pocket\) proves .*/, ' is proven').replace(world.at('').replace(/\/$/, ''), ''),
		);
		seen.push(world.verdicts('b').length);
	});
	over.abort();
	assert.is(moved.stands, 'new', outcomeOf(moved));
	const [prepared, camera, proven, ...rest] = [
		'"station b" is prepared',
		'camera "/pictures" is in use by a station already',
		'bundle "/other" is proven',
		'"station b" lets go',
		'"station b" starts',
		'"station b" works',
	];
	assert.equal(told.slice(0, 2).sort(), [prepared, camera].sort());
	assert.equal(told.slice(2), [proven, ...rest]);
	assert.ok(seen[2]! > seen[0]! + 5, 'the old one inspects meanwhile');
	assert.is(await counting, known.length + 1, 'no more than one model besides');
	await eventually(
		'the old one has ended',
		async () => (await childrenOf(process.pid)).length === known.length,
	);
	assert.equal(moved.moving.restarted, ['station b']);
	const after = await world.runs();
	assert.is(after.a, before.a);
	assert.is.not(after.b, before.b);
	assertWhole(world.verdicts('b'));
	assert.ok(world.verdicts('b').every(({ verdict }) => verdict !== 'error'));
});

/** How many children there were at a time, at most. */
async function mostChildren(signal: AbortSignal): Promise<number> {
	let most = 0;
	while (!signal.aborted) {
		most = Math.max(most, (await childrenOf(process.pid)).length);
		await pause(10, signal);
	}
	return most;
}

edits('stops nothing when what is prepared is killed', async () => {
	if (!hasMosquitto()) return;
	await using world = await line();
	await tinyBundle(world.at('other'));
	const before = await world.runs();
	const known = await childrenOf(process.pid);
	const moving = world.moveTo({ b: { model: world.at('other') } });
	const held = await eventually('it is held', async () =>
		(await childrenOf(process.pid)).find((pid) => !known.includes(pid)),
	);
	process.kill(held, 'SIGKILL');
	const moved = await moving;
	assert.is(moved.stands, 'old');
	assert.match(outcomeOf(moved), /^Cannot prepare "station b": Station "b" died \(killed by SIGKILL\); /);
	assert.equal(await world.runs(), before);
	assert.equal((await childrenOf(process.pid)).sort(), [...known].sort());
});

edits('leaves no process behind when the box goes down while one is prepared', async () => {
	if (!hasMosquitto()) return;
	let moving: Promise<Moved<Movable>>;
	{
		await using world = await line();
		await tinyBundle(world.at('other'));
		const known = await childrenOf(process.pid);
		moving = world.moveTo({ b: { model: world.at('other') } });
		await eventually('it is started', async () =>
			(await childrenOf(process.pid)).some((pid) => !known.includes(pid)),
		);
	}
	assert.is.not((await moving).stands, 'new');
});

edits('tells a station a threshold, and it drops no part for it', async () => {
	if (!hasMosquitto()) return;
	await using world = await line();
	const before = await world.runs();
	const moved = await world.moveTo({ b: { threshold: 1e-6 } });
	assert.is(moved.stands, 'new', outcomeOf(moved));
	await eventually('b rejects', () => world.verdicts('b').at(-1)!.verdict === 'reject');
	assert.equal(await world.runs(), before);
	const revisions = (station: string) => new Set(world.verdicts(station).map(({ revision }) => revision));
	assert.equal([revisions('a').size, revisions('b').size], [1, 2]);
	for (const station of ['a', 'b']) assertWhole(world.verdicts(station));
	assert.ok(world.verdicts('a').every(({ verdict }) => verdict !== 'reject'));
	// Its two pictures in turn: no frame was left out.
	const frames = world.verdicts('b').map(({ frame }) => frame);
	assert.equal(
		frames,
		frames.map((_, i) => `${i % 2}.png`),
	);
	const parts = world.verdicts('b').map(({ runSequence }) => runSequence);
	assert.equal(
		parts,
		parts.map((_, i) => i + 1),
	);
});

edits('watches over other alarms at once, and no station notices', async () => {
	if (!hasMosquitto()) return;
	await using world = await line();
	await using heard = await listen(world.broker.url, 'inspectord/t/b/alarm');
	const before = await world.runs();
	const states = () =>
		heard.heard.map(({ payload }) =>
			payload.length === 0 ? 'none' : (JSON.parse(payload.toString()) as AlarmMessage).alarms[0]!.state,
		);
	const watching = (above: number) => ({
		b: { alarms: { seen: { score: { above, clearBelow: above / 2, parts: 1 } } } },
	});
	for (const [edit, state] of [
		[watching(1e-9), 'active-unacknowledged'],
		[watching(1000), 'latched-unacknowledged'],
		[{}, 'none'],
	] as const) {
		const moved = await world.moveTo(edit);
		assert.is(moved.stands, 'new', outcomeOf(moved));
		await eventually(`it is ${state}`, () => states().at(-1) === state);
	}
	assert.equal(await world.runs(), before);
	for (const station of ['a', 'b']) {
		assertWhole(world.verdicts(station));
		assert.is(new Set(world.verdicts(station).map(({ revision }) => revision)).size, 1);
	}
});

edits('goes back to the old threshold when a station does not answer', async () => {
	if (!hasMosquitto()) return;
	await using world = await line();
	const before = await world.runs();
	const { running } = await world.moveTo({});
	const { pid } = (running.get('station b')!.service as StationService).vitals;
	process.kill(pid!, 'SIGSTOP');
	const moved = await world.moveTo({ b: { threshold: 1e-6 } });
	process.kill(pid!, 'SIGCONT');
	assert.is(moved.stands, 'old');
	assert.match(
		outcomeOf(moved),
		/^Cannot trust "station b": not done within 10000 ms; what ran before runs$/,
	);
	assert.equal(await world.runs(), before);
	assert.is(world.verdicts('b').at(-1)!.threshold, world.verdicts('b')[0]!.threshold);
	assertWhole(world.verdicts('b'));
});

const harmful: readonly (readonly [
	what: string,
	edit: (world: Awaited<ReturnType<typeof line>>) => Promise<Edit>,
	setback: RegExp,
])[] = [
	[
		'a camera that is not there',
		async () => ({ camera: '/dev/video97' }),
		/^Cannot try "station b": Cannot open camera "\/dev\/video97"/,
	],
	[
		'a bundle that is not there',
		async ({ at }) => ({ b: { model: at('absent') } }),
		/^Cannot prepare "station b": Cannot use bundle/,
	],
	[
		'a broker that is not there',
		async () => ({ url: `mqtt://127.0.0.1:${await freePort()}` }),
		/^Cannot try "broker": Cannot reach broker/,
	],
	[
		'two faults',
		async ({ at }) => ({ url: 'mqtt://127.0.0.1:1', a: { model: at('absent') } }),
		/^Cannot try "broker": .*; Cannot prepare "station a": /,
	],
];

edits('refuses what does harm, and nothing has moved', async () => {
	if (!hasMosquitto()) return;
	await using world = await line();
	const before = await world.runs();
	for (const [what, edit, setback] of harmful) {
		const moved = await world.moveTo(await edit(world));
		assert.is(moved.stands, 'old', what);
		assert.match(outcomeOf(moved), setback);
		assert.match(outcomeOf(moved), /; what ran before runs$/);
		assert.equal(await world.runs(), before, what);
	}
	for (const station of ['a', 'b']) assertWhole(world.verdicts(station));
});

edits('goes back when a station turns out to be ill: it is as before, and loses no number', async () => {
	if (!hasMosquitto()) return;
	await using world = await line();
	const before = await world.runs();
	// Larger than the pictures: only inspecting shows it.
	const moved = await world.moveTo({ b: { region: { x: 0, y: 0, width: 960, height: 960 } } });
	assert.is(moved.stands, 'old');
	assert.match(outcomeOf(moved), /^Cannot trust "station b": .*; what ran before runs$/, outcomeOf(moved));
	await eventually('b inspects as before', () => world.verdicts('b').at(-1)!.verdict !== 'error');
	const after = await world.runs();
	assert.is(after.a, before.a);
	assert.is.not(after.b, before.b);
	for (const station of ['a', 'b']) assertWhole(world.verdicts(station));
});

edits('lets a station be edited whose camera was dead before, and counts go on', async () => {
	if (!hasMosquitto()) return;
	await using world = await line({ camera: '/dev/video97' });
	await eventually('b has no camera', () =>
		world.logged.some((told) => told.startsWith('error b: error: Cannot open')),
	);
	await eventually('a inspects', () => world.verdicts('a').length > 3);
	const dead = { camera: '/dev/video97' };
	const told = await world.moveTo({ ...dead, b: { threshold: 0.5 } });
	assert.is(told.stands, 'new', outcomeOf(told));
	const restarted = await world.moveTo({ ...dead, a: { threads: 2 }, b: { threads: 2 } });
	assert.is(restarted.stands, 'new', outcomeOf(restarted));
	const { counts } = (restarted.running.get('station a')!.service as StationService).vitals;
	// One that is counted may be on its way to the disk.
	const heard = world.verdicts('a').length;
	assert.ok(counts.parts >= heard && counts.parts <= heard + 3, `${counts.parts} of ${heard}`);
	const moved = await world.moveTo({ a: { threads: 2 }, b: { threads: 2 } });
	assert.is(moved.stands, 'new', outcomeOf(moved));
	await world.runs();
	assertWhole(world.verdicts('a'));
});

edits('lets stations exchange their cameras, and a recipe have another name', async () => {
	if (!hasMosquitto()) return;
	await using world = await line();
	await cp(world.at('pictures'), world.at('more'), { recursive: true });
	assert.is((await world.moveTo({ camera: world.at('more') })).stands, 'new');
	const { stations, recipes, ...rest } = world.config();
	const [a, b] = [stations.a!, stations.b!];
	const more = { ...a.camera, source: world.at('more') };
	const swapped = await world.moveToWhole({
		...rest,
		recipes,
		stations: { a: { ...a, camera: more }, b: { ...b, camera: a.camera } },
	});
	assert.is(swapped.stands, 'new', outcomeOf(swapped));
	assert.equal(swapped.moving.restarted, ['station a', 'station b']);
	const before = await world.runs();
	const renamed = await world.moveToWhole({
		...rest,
		stations: { a, b: { ...b, recipe: 'other' } },
		recipes: { a: recipes.a!, other: recipes.b! },
	});
	assert.is(renamed.stands, 'new', outcomeOf(renamed));
	assert.equal(renamed.moving, { stopped: [], started: [], restarted: ['station a'], told: ['station b'] });
	await eventually('b says so', () => world.verdicts('b').at(-1)!.recipe === 'other');
	assert.is((await world.runs()).b, before.b);
	for (const station of ['a', 'b']) assertWhole(world.verdicts(station));
});

edits('speaks to another broker while its stations inspect on, and says goodbye to the old one', async () => {
	if (!hasMosquitto()) return;
	await using world = await line();
	await using old = await listen(world.broker.url);
	await mkdir(world.at('other'));
	await using other = await startMosquitto(await freePort(), world.at('other'));
	await using heard = await listen(other.url);
	const before = await world.runs();
	const moved = await world.moveTo({ url: other.url });
	assert.is(moved.stands, 'new', `${outcomeOf(moved)}\n${world.logged.join('\n')}`);
	assert.equal(await world.runs(), before);
	const said = (at: typeof heard, topic: string) =>
		at.heard
			.filter((one) => one.topic === topic)
			.map(({ payload }) => JSON.parse(payload.toString()).state as string);
	await eventually('the old one hears goodbye', () => said(old, 'inspectord/t/state').at(-1) === 'offline');
	await eventually('the new one hears the box', () => said(heard, 'inspectord/t/state').at(-1) === 'online');
	for (const station of ['a', 'b'])
		await eventually(
			'and its stations',
			() => said(heard, `inspectord/t/${station}/state`).at(-1) === 'running',
		);
	await eventually('no verdict is lost between them', () => {
		const sequences = (at: typeof heard) =>
			at.heard
				.filter(({ topic }) => topic === 'inspectord/t/a/verdict')
				.map(({ payload }) => (JSON.parse(payload.toString()) as VerdictMessage).sequence);
		const all = [...new Set([...sequences(old), ...sequences(heard)])].sort((x, y) => x - y);
		return sequences(heard).length > 5 && all.every((sequence, i) => sequence === all[0]! + i);
	});
	await world.moveTo({});
});

edits('moves all that stands on the journal when that moves', async () => {
	if (!hasMosquitto()) return;
	await using world = await line();
	const before = await world.runs();
	const moved = await world.moveTo({ journal: 'another' });
	assert.is(moved.stands, 'new', outcomeOf(moved));
	const after = await world.runs();
	assert.is.not(after.a, before.a);
	const again = await world.moveTo({ journal: 'pictures/0.png' });
	assert.is(again.stands, 'old');
	assert.match(outcomeOf(again), /^Cannot try "journal": Cannot write folder ".*": a file stands there/);
	await world.runs();
});

edits('answers moves one after the other', async () => {
	if (!hasMosquitto()) return;
	await using world = await line();
	const moves = [world.moveTo({ b: { deadlineMs: 4000 } }), world.moveTo({ b: { deadlineMs: 3000 } })];
	assert.equal(
		(await Promise.all(moves)).map(({ stands }) => stands),
		['new', 'new'],
	);
	await world.runs();
});

edits('logs as the configuration says that stands', async () => {
	if (!hasMosquitto()) return;
	await using world = await line();
	await world.runs();
	assert.ok(world.logged.includes('info a: running'));
	const told = world.logged.length;
	assert.is((await world.moveTo({ log: 'warning', b: { threads: 2 } })).stands, 'new');
	await world.runs();
	assert.equal(world.logged.slice(told), []);
	await world.moveTo({});
	assert.ok(world.logged.slice(told).includes('info b: running'));
});

edits.run();
