import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { type Random, randomFrom } from '../../src/base/random.js';
import type { Service } from '../../src/base/service.js';
import { type Difference, difference, type Spec } from '../../src/config/difference.js';
import type { Step } from '../../src/control/attempt.js';
import type { Movable, Prepared, Running } from '../../src/control/movable.js';
import { type Moved, type MoveWorld, move, outcomeOf } from '../../src/control/move.js';
import { simulatedPace } from '../simulated-pace.js';
import { warningsDuring } from '../warnings.js';

const moves = suite('a move');

const LIMITS: MoveWorld['limits'] = {
	probe: 500,
	prepare: 400,
	stop: 100,
	start: 300,
	retell: 80,
	health: 1000,
};
const LEAST_STOP_MS = 30;

function aborted(signal: AbortSignal): Promise<never> {
	return new Promise((_, reject) => {
		signal.addEventListener('abort', () => reject(signal.reason), { once: true });
	});
}

/** What goes wrong with a service at a step: it takes so many milliseconds longer, for ever, or it fails. */
type Fault = { readonly step: Step; readonly how: 'fails' | 'hangs' | 'dies' | number };

type Wanted = {
	readonly kind: 'journal' | 'broker' | 'station' | 'schedule';
	readonly name: string;
	readonly fixed: number;
	readonly told: number;
	/** What it wants for itself. */
	readonly camera?: string;
	/** Lets go of it before it has ended. */
	readonly letsGo?: boolean;
	readonly faults?: readonly Fault[];
};

type Instance = { readonly id: number; readonly spec: Movable; told: unknown; failing?: string };

const standsOn: Readonly<Record<Wanted['kind'], Pick<Movable, 'on' | 'after' | 'live'>>> = {
	journal: { on: [], after: [], live: [] },
	broker: { on: ['journal'], after: [], live: [] },
	station: { on: ['journal'], after: ['broker'], live: ['told'] },
	schedule: { on: [], after: ['station'], live: [] },
};

/** Services of functions: `alive` is what really runs, `log` what was done, `broken` what must never be. */
function worldOf(seed = 1) {
	const pace = simulatedPace();
	const random = randomFrom(seed);
	const stopping = new AbortController();
	const alive = new Set<Instance>();
	/** Names of those that are prepared and have not begun. */
	const waiting = new Set<string>();
	/** Names of those that have let go and have not ended. */
	const leaving = new Set<string>();
	const instanceOf = new WeakMap<Service, Instance>();
	const faultsOf = new WeakMap<object, readonly Fault[]>();
	const log: string[] = [];
	const broken: string[] = [];
	let instances = 0;
	let running: Running<Movable> = new Map();
	/** As the move tells it. */
	let seen: readonly string[] | undefined;
	const told: string[] = [];

	const takes = (ms: number) => pace.pause(ms, new AbortController().signal);
	const step = async (name: Step, { name: service, faults = [] }: Wanted) => {
		await takes(random.below(5));
		const fault = faults.find((one) => one.step === name);
		if (fault?.how === 'hangs') await new Promise<never>(() => {});
		if (typeof fault?.how === 'number') await takes(fault.how);
		if (fault?.how === 'fails') throw new Failure('child-died', `${service} fails at ${name}`);
	};
	const stillThere = (what: string, is: (other: Spec) => boolean) => {
		const others = [...alive].filter(({ spec }) => is(spec)).map(({ spec }) => spec.name);
		if (others.length > 0) broken.push(`${what} while ${others} runs`);
	};

	const specOf = (wanted: Wanted): Movable => {
		const { kind, name, fixed, told, camera, letsGo = false, faults = [] } = wanted;
		const begin = async (standing: Running<Movable>): Promise<Service> => {
			log.push(`start ${name}`);
			for (const other of spec.on)
				if (![...standing.values()].some((one) => one.spec.kind === other))
					broken.push(`starts ${name} without ${other}`);
			stillThere(`starts ${name}`, (other) => other.name === name || other.on.includes(kind));
			if (camera !== undefined) stillThere(`starts ${name}`, ({ holds = [] }) => holds.includes(camera));
			await step('start', wanted);
			instances += 1;
			const instance: Instance = { id: instances, spec, told };
			alive.add(instance);
			const service: Service = {
				name,
				get failing() {
					return instance.failing;
				},
				...(letsGo && {
					letGo: async () => {
						log.push(`let ${name} go`);
						await step('stop', wanted);
						alive.delete(instance);
						leaving.add(name);
					},
				}),
				abandon: () => {
					log.push(`abandon ${name}`);
					alive.delete(instance);
				},
				[Symbol.asyncDispose]: async () => {
					log.push(`stop ${name}`);
					if (leaving.delete(name)) return;
					stillThere(`stops ${name}`, (other) => other.on.includes(kind));
					await step('stop', wanted);
					alive.delete(instance);
					log.push(`stopped ${name}`);
				},
			};
			instanceOf.set(service, instance);
			return service;
		};
		const prepared = (signal: AbortSignal): Prepared => {
			if (waiting.size > 0) broken.push(`prepares ${name} while ${[...waiting]} waits`);
			waiting.add(name);
			signal.addEventListener('abort', () => waiting.delete(name));
			log.push(`prepared ${name}`);
			return {
				message: `${name} is proven`,
				assertWaiting: () => {
					if (faults.some(({ step: at, how }) => at === 'prepare' && how === 'dies'))
						throw new Failure('child-died', `${name} died`);
				},
				begin: (standing) => {
					waiting.delete(name);
					return begin(standing);
				},
				[Symbol.asyncDispose]: async () => void waiting.delete(name),
			};
		};
		const spec: Movable = {
			kind,
			name,
			settings: { fixed, told, camera },
			...standsOn[kind],
			probe: async (_running, _signal, isPrepared = false) => {
				log.push(`probe ${name}${isPrepared ? ' without what is prepared' : ''}`);
				const path = `stations.${name}`;
				return step('probe', wanted).then(
					() => [{ path, message: 'it is there' }],
					(failure: Failure) => [{ path, message: failure.message, failure }],
				);
			},
			...(camera !== undefined && { holds: [camera] }),
			...(kind === 'station' && {
				prepare: {
					path: `recipes.${name}`,
					attempt: async (signal: AbortSignal) => {
						log.push(`prepare ${name}`);
						await Promise.race([step('prepare', wanted), aborted(signal)]);
						return prepared(signal);
					},
				},
			}),
			begin,
			retell: async (service) => {
				log.push(`retell ${name}`);
				const instance = instanceOf.get(service)!;
				// What fails has understood half of it.
				instance.told = 'half';
				await step('retell', wanted);
				instance.told = told;
			},
			healthy: async (_service, signal) => {
				log.push(`watch ${name}`);
				await pace.pause(1, signal);
				await step('health', wanted);
			},
		};
		faultsOf.set(spec, faults);
		return spec;
	};

	return {
		alive,
		waiting,
		log,
		broken,
		told,
		random,
		pace,
		stop: () => stopping.abort(new Failure('interrupted', 'Interrupted')),
		specs: (...wanted: readonly Wanted[]) => wanted.map(specOf),
		running: () => running,
		ids: () => new Map([...alive].map(({ id, spec }) => [spec.name, id])),
		faultsOfRunning: (name: string) =>
			faultsOf.get([...alive].find(({ spec }) => spec.name === name)?.spec ?? {}),
		/** What really runs, with the settings that it really has. */
		runs: () => [...alive].map(({ spec, told }) => `${spec.name} ${fixedOf(spec)} ${String(told)}`).sort(),
		move: async (wanted: readonly Movable[]): Promise<Moved<Movable>> => {
			log.length = 0;
			const world = {
				pace,
				limits: LIMITS,
				leastStopMs: LEAST_STOP_MS,
				probesAtOnce: 3,
				signal: stopping.signal,
				tell: (line: string) => void told.push(line),
				onLeaving: () => void log.push('leaving'),
				onChange: (now: Running<Movable>) => {
					seen = [...now.keys()];
				},
			};
			told.length = 0;
			const moved = await pace.during(move(running, wanted, world));
			if (seen !== undefined && `${[...seen].sort()}` !== `${[...moved.running.keys()].sort()}`)
				broken.push(`what runs was told as ${seen}`);
			if (waiting.size > 0) broken.push(`${[...waiting]} still waits`);
			if (leaving.size > 0) broken.push(`${[...leaving]} has not ended`);
			running = moved.running;
			return moved;
		},
	};
}

const fixedOf = (spec: Spec) => (spec.settings as Wanted).fixed;

/** As `runs` tells it when they run whole. */
const whole = (specs: readonly Spec[]) =>
	specs.map((spec) => `${spec.name} ${fixedOf(spec)} ${(spec.settings as Wanted).told}`).sort();

const namesOf = ({ setbacks }: Moved<Movable>) => setbacks.map(({ step, service }) => `${step} ${service}`);

/** Some configuration: a journal, a broker, up to five stations, perhaps a schedule. */
function someConfiguration(random: Random): Wanted[] {
	const some = (kind: Wanted['kind'], name: string): Wanted => ({
		kind,
		name,
		fixed: random.below(kind === 'station' ? 8 : 20) === 0 ? 1 : 0,
		told: random.below(2),
		letsGo: random.below(2) === 0,
	});
	const stations = ['a', 'b', 'c', 'd', 'e'].filter(() => random.below(3) > 0);
	const cameras = [...stations];
	// Two that change places.
	if (random.below(10) === 0) cameras.push(cameras.shift() ?? 'a');
	return [
		some('journal', 'journal'),
		some('broker', 'broker'),
		...stations.map((name, i) => ({ ...some('station', name), camera: cameras[i]! })),
		...(random.below(2) === 0 ? [some('schedule', 'schedule')] : []),
	];
}

/** What must be named: all of the first step at which something fails; some of those that are ill. */
function mustBeNamed(
	{ stop, start, retell }: Difference<Movable>,
	fails: (step: Step, spec: Spec) => boolean,
) {
	const at = (step: Step, specs: readonly Spec[]) =>
		specs.filter((spec) => fails(step, spec)).map(({ name }) => `${step} ${name}`);
	const isJournal = ({ kind }: Spec) => kind === 'journal';
	const taking = stop.some(isJournal) ? [] : start.filter(({ kind }) => kind === 'station');
	const [first] = taking;
	const left = new Set(stop);
	const stopping = (is: (spec: Spec) => boolean) => {
		const now = [...left].filter(is);
		for (const spec of now) left.delete(spec);
		return at('stop', now);
	};
	const steps = [
		[...at('probe', [...start, ...retell]), ...at('prepare', taking.length === 1 ? taking : [])],
		at('prepare', first ? [first] : []),
		stopping(({ name }) => !taking.some((spec) => spec.name === name)),
		...start.flatMap((spec) => {
			if (!taking.includes(spec)) return [at('start', [spec])];
			return [
				spec === first ? [] : at('prepare', [spec]),
				stopping(({ name, holds = [] }) => name === spec.name || holds.includes(spec.holds![0]!)),
				at('start', [spec]),
			];
		}),
		at('retell', retell).slice(0, 1),
		at('health', [...start, ...retell]),
	];
	return steps.find((names) => names.length > 0) ?? [];
}

moves('leaves either the old or the new, whole, whatever fails, and names what failed', async () => {
	const seen: string[] = [];
	for (let seed = 1; seed <= 300; seed += 1) {
		const world = worldOf(seed);
		const { random } = world;
		await world.move(world.specs(...someConfiguration(random)));
		for (let i = 0; i < 8; i += 1) {
			const before = [...world.running().values()].map(({ spec }) => spec);
			const ids = world.ids();
			const plain = someConfiguration(random);
			const { start, retell, stay } = difference(before, world.specs(...plain));
			const stepsOf = ({ name }: Wanted): readonly Step[] => {
				if (start.some((spec) => spec.name === name))
					return ['probe', 'prepare', 'prepare', 'start', 'health', 'stop', 'stop'];
				return retell.some((spec) => spec.name === name) ? ['probe', 'retell', 'retell', 'health'] : [];
			};
			const faulty = plain.map((one): Wanted => {
				const steps = stepsOf(one);
				const step = steps[random.below(steps.length * 6)];
				return step ? { ...one, faults: [{ step, how: random.below(2) === 0 ? 'hangs' : 'fails' }] } : one;
			});
			const wanted = world.specs(...faulty);
			const way = difference(before, wanted);
			const expected = mustBeNamed(way, (step, { name }) => {
				const faults =
					step === 'stop' ? world.faultsOfRunning(name) : faulty.find((one) => one.name === name)?.faults;
				return faults?.some((fault) => fault.step === step) === true;
			});
			const [step = 'nothing', first] = expected[0]?.split(' ') ?? [];

			const moved = await world.move(wanted);

			const about = `seed ${seed}, move ${i}: ${outcomeOf(moved)}\n${world.log.join(', ')}`;
			assert.equal(world.broken, [], about);
			const specs = step === 'nothing' ? wanted : before;
			assert.is(moved.stands, step === 'nothing' ? 'new' : 'old', about);
			assert.equal(world.runs(), whole(specs), about);
			const names = specs.map(({ name }) => name);
			assert.equal([...moved.running.keys()], names, about);
			const named = namesOf(moved);
			if (step === 'health')
				assert.ok(named.length > 0 && named.every((name) => expected.includes(name)), about);
			// What does not listen is stopped, which may fail, too.
			else if (step === 'retell')
				assert.ok(named[0] === expected[0] && named.every((name) => name.endsWith(` ${first}`)), about);
			else assert.equal([...named].sort(), [...expected].sort(), about);
			for (const { name } of step === 'probe' ? before : stay)
				assert.is(world.ids().get(name), ids.get(name), about);
			seen.push(step);
		}
	}
	for (const step of ['nothing', 'probe', 'prepare', 'stop', 'start', 'retell', 'health'])
		assert.ok(seen.filter((one) => one === step).length >= 20, step);
});

const line: readonly Wanted[] = [
	{ kind: 'journal', name: 'journal', fixed: 0, told: 0 },
	{ kind: 'broker', name: 'broker', fixed: 0, told: 0 },
	{ kind: 'station', name: 'a', fixed: 0, told: 0 },
	{ kind: 'station', name: 'b', fixed: 0, told: 0 },
	{ kind: 'schedule', name: 'schedule', fixed: 0, told: 0 },
];

/** The line with other settings or faults for some of its services. */
const lineWith = (others: Readonly<Record<string, Partial<Wanted>>>): Wanted[] =>
	line.map((one) => ({ ...one, ...others[one.name] }));

moves('from nothing starts in order, and tries and watches nothing', async () => {
	const world = worldOf();
	const faults = ['probe', 'health'].map((step) => ({ step: step as Step, how: 'fails' as const }));
	const moved = await world.move(world.specs(...lineWith({ a: { faults } })));
	assert.is(moved.stands, 'new');
	assert.equal(world.log, ['start journal', 'start broker', 'start a', 'start b', 'start schedule']);
});

moves('from nothing goes back to nothing when one does not start', async () => {
	const world = worldOf();
	const moved = await world.move(
		world.specs(...lineWith({ b: { faults: [{ step: 'start', how: 'fails' }] } })),
	);
	assert.is(moved.stands, 'old');
	assert.equal(namesOf(moved), ['start b']);
	assert.is((moved.setbacks[0]!.reason as Failure).code, 'child-died');
	assert.equal(world.runs(), []);
	assert.is(moved.running.size, 0);
});

moves('stops in reverse, at the same time where nothing stands between', async () => {
	const world = worldOf();
	await world.move(world.specs(...line));
	const moved = await world.move([]);
	assert.equal(
		{ running: moved.running.size, stands: moved.stands, setbacks: moved.setbacks, moving: moved.moving },
		{
			running: 0,
			stands: 'new',
			setbacks: [],
			moving: { stopped: line.map(({ name }) => name), started: [], restarted: [], told: [] },
		},
	);
	const { log } = world;
	assert.equal(
		[...log.slice(0, 3), ...log.slice(3, 5).sort()],
		['leaving', 'stop schedule', 'stopped schedule', 'stop a', 'stop b'],
	);
	assert.equal(log.slice(7), ['stop broker', 'stopped broker', 'stop journal', 'stopped journal']);
});

moves('to nothing goes on whatever fails, within its deadline, and names who hangs', async () => {
	const world = worldOf();
	await world.move(
		world.specs(
			...lineWith({
				schedule: { faults: [{ step: 'stop', how: 'fails' }] },
				a: { faults: [{ step: 'stop', how: 'hangs' }] },
				// Its turn comes when the deadline is over, and it gets a while nevertheless.
				broker: { faults: [{ step: 'stop', how: LEAST_STOP_MS - 10 }] },
				journal: { faults: [{ step: 'stop', how: 'hangs' }] },
			}),
		),
	);
	const fromMs = world.pace.now();
	const moved = await world.move([]);
	assert.equal(namesOf(moved), ['stop schedule', 'stop a', 'stop journal']);
	assert.ok(world.pace.now() - fromMs <= LIMITS.stop + 2 * LEAST_STOP_MS);
	assert.equal(world.runs(), []);
	assert.equal(
		world.log.filter((what) => what.startsWith('abandon')),
		['abandon schedule', 'abandon a', 'abandon journal'],
	);
	assert.match(
		outcomeOf(moved),
		/^Cannot stop "schedule": schedule fails at stop; Cannot stop "a": not done within \d+ ms; /,
	);
});

moves('touches only what differs, and tells what can be told', async () => {
	const world = worldOf();
	await world.move(world.specs(...line));
	const moved = await world.move(world.specs(...lineWith({ a: { told: 1 }, b: { fixed: 1 } })));
	assert.is(moved.stands, 'new');
	const { log } = world;
	assert.equal(log.slice(0, 4).sort(), [
		'prepare b',
		'prepared b',
		'probe a',
		'probe b without what is prepared',
	]);
	assert.equal(log.slice(4, 9), ['leaving', 'stop b', 'stopped b', 'start b', 'retell a']);
	assert.equal(log.slice(9).sort(), ['watch a', 'watch b']);
	assert.equal(moved.moving, { stopped: [], started: [], restarted: ['b'], told: ['a'] });
	assert.equal(world.told.slice(0, 4).sort(), [
		'"b" is prepared',
		'b is proven',
		'it is there',
		'it is there',
	]);
	assert.equal(world.told.slice(4, 7), ['"b" stops', '"b" starts', '"a" is told']);
	assert.equal(world.told.slice(7).sort(), ['"a" works', '"b" works']);
	assert.equal(world.runs(), ['a 0 1', 'b 1 0', 'broker 0 0', 'journal 0 0', 'schedule 0 0']);
});

moves('prepares one after the other, and no more than one waits at a time', async () => {
	const world = worldOf();
	await world.move(world.specs(...line));
	const moved = await world.move(world.specs(...lineWith({ a: { fixed: 1 }, b: { fixed: 1 } })));
	assert.is(moved.stands, 'new');
	assert.equal(world.broken, []);
	const { log } = world;
	assert.equal(log.slice(0, 2).sort(), ['probe a', 'probe b']);
	const turn = (name: string) => [`stop ${name}`, `stopped ${name}`, `start ${name}`];
	const ready = (name: string) => [`prepare ${name}`, `prepared ${name}`];
	assert.equal(log.slice(2, 13), [...ready('a'), 'leaving', ...turn('a'), ...ready('b'), ...turn('b')]);
});

for (const how of ['fails', 'hangs', 'dies'] as const) {
	moves(`stops nothing when what is prepared ${how}`, async () => {
		const world = worldOf();
		await world.move(world.specs(...line));
		const ids = world.ids();
		const faults: Fault[] = [{ step: 'prepare', how }];
		const moved = await world.move(world.specs(...lineWith({ a: { fixed: 1, faults }, b: { told: 1 } })));
		assert.is(moved.stands, 'old');
		assert.equal(namesOf(moved), ['prepare a']);
		assert.equal(world.ids(), ids);
		assert.equal(world.waiting.size, 0);
		assert.equal(world.broken, []);
	});
}

moves('lets go of what others want before they begin', async () => {
	const world = worldOf();
	const withCameras = (a: string, b: string) =>
		world.specs(...lineWith({ a: { camera: a }, b: { camera: b } }));
	await world.move(withCameras('0', '1'));
	const swapped = await world.move(withCameras('1', '0'));
	assert.is(swapped.stands, 'new');
	assert.equal(world.broken, []);
	// One is renamed, another one takes the camera of one that goes.
	const renamed = line
		.filter(({ name }) => name !== 'a')
		.map((one) => (one.name === 'b' ? { ...one, camera: '1' } : one));
	const moved = await world.move(world.specs(...renamed, { ...line[2]!, name: 'c', camera: '0' }));
	assert.is(moved.stands, 'new');
	assert.equal(world.broken, []);
	assert.equal(moved.moving, { stopped: ['a'], started: ['c'], restarted: ['b'], told: [] });
});

moves('that is interrupted while something is prepared leaves nothing of it', async () => {
	const world = worldOf();
	await world.move(world.specs(...line));
	const faults: Fault[] = [{ step: 'prepare', how: 50 }];
	void world.pace.pause(25, new AbortController().signal).then(world.stop);
	const moved = await world.move(world.specs(...lineWith({ a: { fixed: 1, faults } })));
	assert.is(moved.stands, 'old');
	assert.equal(namesOf(moved), ['prepare a']);
	assert.equal(world.runs(), whole(world.specs(...line)));
	assert.is(world.waiting.size, 0);
});

moves('names every thing that a probe has found', async () => {
	const world = worldOf();
	await world.move(world.specs(...line));
	const faults: Fault[] = [{ step: 'probe', how: 'fails' }];
	const moved = await world.move(
		world.specs(...lineWith({ a: { fixed: 1, faults }, b: { told: 1, faults } })),
	);
	assert.is(
		outcomeOf(moved),
		'Cannot try "a": a fails at probe; Cannot try "b": b fails at probe; what ran before runs',
	);
	assert.equal(
		world.log.filter((what) => !/^(probe|prepared?) /.test(what)),
		[],
	);
	assert.is(world.waiting.size, 0);
});

moves('that comes too late to start is ended when it comes', async () => {
	const world = worldOf();
	await world.move(world.specs(...line));
	const faults: Fault[] = [{ step: 'start', how: LIMITS.start + 50 }];
	const moved = await world.move(world.specs(...lineWith({ schedule: { fixed: 1, faults } })));
	assert.is(moved.stands, 'old');
	await world.pace.during(world.pace.pause(1000, new AbortController().signal));
	assert.equal(world.runs(), whole(world.specs(...line)));
});

moves('says so when the way back fails, too, and keeps what runs', async () => {
	const world = worldOf();
	let starts = 0;
	const [journal, broker, a, b] = world.specs(...line);
	const once: Movable = {
		...a!,
		begin: async (standing) => {
			starts += 1;
			if (starts > 1) throw new Failure('camera-unavailable', 'Cannot open camera "0": it is gone');
			return a!.begin(standing);
		},
	};
	await world.move([journal!, broker!, once, b!]);
	const wanted = world.specs(...lineWith({ a: { fixed: 1, faults: [{ step: 'health', how: 'fails' }] } }));
	const moved = await world.move([journal!, broker!, wanted[2]!, b!]);
	assert.is(moved.stands, 'rest');
	assert.is(
		outcomeOf(moved),
		'Cannot trust "a": a fails at health; on the way back: Cannot start "a": Cannot open camera "0": it is gone; what ran before does not run whole',
	);
	assert.equal(world.runs(), ['b 0 0', 'broker 0 0', 'journal 0 0']);
	assert.equal([...moved.running.keys()], ['journal', 'broker', 'b']);
});

moves('begins what takes over when the one before has let go, and ends that behind it', async () => {
	const world = worldOf();
	await world.move(world.specs(...lineWith({ b: { letsGo: true } })));
	const moved = await world.move(world.specs(...lineWith({ b: { fixed: 1 } })));
	assert.is(moved.stands, 'new');
	assert.equal(
		world.log.filter((what) => /^(let|start|watch|stop)/.test(what)),
		['let b go', 'start b', 'watch b', 'stop b'],
	);
});

moves('that is interrupted does not turn back: all ends', async () => {
	const world = worldOf();
	await world.move(world.specs(...line));
	const wanted = world.specs(...lineWith({ a: { fixed: 1 } })).map((spec) =>
		spec.name === 'a'
			? {
					...spec,
					healthy: async (_: Service, signal: AbortSignal) => {
						world.stop();
						signal.throwIfAborted();
					},
				}
			: spec,
	);
	const moved = await world.move(wanted);
	assert.is(moved.stands, 'rest');
	assert.equal(namesOf(moved), ['health a']);
	assert.is((await world.move([])).setbacks.length, 0);
	assert.equal(world.runs(), []);
});

moves('that is interrupted while it stops or starts begins nothing more', async () => {
	for (const [when, runs] of [
		['stop', ['a 1 0', 'broker 0 0', 'journal 0 0', 'schedule 0 0']],
		['start', ['a 1 0', 'b 0 0', 'broker 0 0', 'journal 0 0', 'schedule 0 0']],
		['first', ['a 1 0', 'broker 0 0', 'journal 0 0']],
	] as const) {
		const world = worldOf();
		if (when !== 'first') await world.move(world.specs(...line));
		const wanted = world.specs(...lineWith({ a: { fixed: 1 }, b: { fixed: 1 } })).map((spec): Movable => {
			if (spec.name !== 'a') return spec;
			if (when === 'stop') {
				return {
					...spec,
					probe: async (running, signal) => {
						world.pace.pause(20, new AbortController().signal).then(world.stop);
						return spec.probe(running, signal);
					},
				};
			}
			const { prepare: _, ...unprepared } = spec;
			return {
				...unprepared,
				begin: async (standing) => {
					world.stop();
					return spec.begin(standing);
				},
			};
		});
		const slow = lineWith({ b: { faults: [{ step: 'stop', how: 40 }] } });
		if (when === 'stop')
			await world.move(world.specs(...slow.map((one) => ({ ...one, fixed: one.name === 'b' ? 2 : 0 }))));
		const moved = await world.move(wanted);
		assert.is(moved.stands, 'rest', when);
		assert.equal(moved.setbacks, [], when);
		assert.equal(world.runs(), [...runs], when);
		await world.move([]);
		assert.equal(world.runs(), [], when);
	}
});

moves('of many services, which are watched at once, is none that Node warns of', async () => {
	const world = worldOf();
	const some = (kind: Wanted['kind'], name: string): Wanted => ({ kind, name, fixed: 0, told: 0 });
	const stations = Array.from({ length: 12 }, (_, i) => some('station', `s${i}`));
	const journal = some('journal', 'journal');
	await world.move(world.specs(journal, ...stations));
	const told = stations.map((one) => ({ ...one, told: 1 }));
	const warnings = await warningsDuring(async () => {
		const { stands } = await world.move(world.specs(journal, ...told));
		assert.is(stands, 'new');
	});
	assert.equal(warnings, []);
});

moves.run();
