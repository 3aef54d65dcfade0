import { setImmediate as turn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { type Random, randomFrom } from '../../src/base/random.js';
import type { Service } from '../../src/base/service.js';
import { type Difference, difference, type Spec } from '../../src/config/difference.js';
import {
	type Movable,
	type Moved,
	type MoveWorld,
	move,
	outcomeOf,
	type Running,
	type Step,
} from '../../src/control/move.js';

const moves = suite('a move');

/** A clock that jumps to whoever sleeps the shortest, once all else has come to rest. */
function simulatedPace() {
	let nowMs = 0;
	const sleepers = new Set<{ readonly dueMs: number; readonly wake: () => void }>();
	const pause: MoveWorld['pace']['pause'] = (ms, signal) =>
		new Promise((resolve) => {
			const sleeper = {
				dueMs: nowMs + ms,
				wake: () => {
					sleepers.delete(sleeper);
					resolve();
				},
			};
			if (signal.aborted) return resolve();
			sleepers.add(sleeper);
			signal.addEventListener('abort', sleeper.wake, { once: true });
		});
	/** Lets time pass until the work is done. */
	const during = async <T>(work: Promise<T>): Promise<T> => {
		let isDone = false;
		const done = work.finally(() => {
			isDone = true;
		});
		while (!isDone) {
			await turn();
			const [next] = [...sleepers].sort((a, b) => a.dueMs - b.dueMs);
			if (!next || isDone) continue;
			nowMs = Math.max(nowMs, next.dueMs);
			next.wake();
		}
		return done;
	};
	return { now: () => nowMs, pause, during };
}

const LIMITS: MoveWorld['limits'] = { probe: 500, stop: 100, start: 300, retell: 80, health: 1000 };
const LEAST_STOP_MS = 30;

/** What goes wrong with a service at a step: it takes so many milliseconds longer, for ever, or it fails. */
type Fault = { readonly step: Step; readonly how: 'fails' | 'hangs' | number };

type Wanted = {
	readonly kind: 'journal' | 'broker' | 'station' | 'schedule';
	readonly name: string;
	readonly fixed: number;
	readonly told: number;
	readonly faults?: readonly Fault[];
};

type Instance = { readonly id: number; readonly spec: Movable; told: unknown };

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
	const instanceOf = new WeakMap<Service, Instance>();
	const faultsOf = new WeakMap<object, readonly Fault[]>();
	const log: string[] = [];
	const broken: string[] = [];
	let instances = 0;
	let running: Running<Movable> = new Map();

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
		const { kind, name, fixed, told, faults = [] } = wanted;
		const spec: Movable = {
			kind,
			name,
			settings: { fixed, told },
			...standsOn[kind],
			probe: async () => {
				log.push(`probe ${name}`);
				const path = `stations.${name}`;
				return step('probe', wanted).then(
					() => [{ path, message: 'it is there' }],
					(failure: Failure) => [{ path, message: failure.message, failure }],
				);
			},
			begin: async (standing) => {
				log.push(`start ${name}`);
				for (const other of spec.on)
					if (![...standing.values()].some((one) => one.spec.kind === other))
						broken.push(`starts ${name} without ${other}`);
				stillThere(`starts ${name}`, (other) => other.name === name || other.on.includes(kind));
				await step('start', wanted);
				instances += 1;
				const instance: Instance = { id: instances, spec, told };
				alive.add(instance);
				const service: Service = {
					name,
					abandon: () => {
						log.push(`abandon ${name}`);
						alive.delete(instance);
					},
					[Symbol.asyncDispose]: async () => {
						log.push(`stop ${name}`);
						stillThere(`stops ${name}`, (other) => other.on.includes(kind));
						await step('stop', wanted);
						alive.delete(instance);
						log.push(`stopped ${name}`);
					},
				};
				instanceOf.set(service, instance);
				return service;
			},
			retell: async (service) => {
				log.push(`retell ${name}`);
				const instance = instanceOf.get(service)!;
				// What fails has understood half of it.
				instance.told = 'half';
				await step('retell', wanted);
				instance.told = told;
			},
			healthy: async () => {
				log.push(`watch ${name}`);
				await step('health', wanted);
			},
		};
		faultsOf.set(spec, faults);
		return spec;
	};

	return {
		alive,
		log,
		broken,
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
			};
			const moved = await pace.during(move(running, wanted, world));
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
	});
	const stations = ['a', 'b', 'c', 'd', 'e'].filter(() => random.below(3) > 0);
	return [
		some('journal', 'journal'),
		some('broker', 'broker'),
		...stations.map((name) => some('station', name)),
		...(random.below(2) === 0 ? [some('schedule', 'schedule')] : []),
	];
}

/** What must be named: all that do not pass or end, the first that does not start or listen, some of those that are ill. */
function mustBeNamed(
	{ stop, start, retell }: Difference<Movable>,
	fails: (step: Step, spec: Spec) => boolean,
) {
	const at = (step: Step, specs: readonly Spec[]) =>
		specs.filter((spec) => fails(step, spec)).map(({ name }) => `${step} ${name}`);
	const steps = [
		at('probe', [...start, ...retell]),
		at('stop', stop),
		at('start', start).slice(0, 1),
		at('retell', retell).slice(0, 1),
		at('health', [...start, ...retell]),
	];
	return steps.find((names) => names.length > 0) ?? [];
}

moves('leaves either the old or the new, whole, whatever fails, and names what failed', async () => {
	const seen: string[] = [];
	for (let seed = 1; seed <= 200; seed += 1) {
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
					return ['probe', 'start', 'start', 'health', 'stop', 'stop'];
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
	for (const step of ['nothing', 'probe', 'stop', 'start', 'retell', 'health'])
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
		{ ...moved, running: moved.running.size },
		{ running: 0, stands: 'new', setbacks: [], setbacksBack: [] },
	);
	const { log } = world;
	assert.equal(
		[...log.slice(0, 2), ...log.slice(2, 4).sort()],
		['stop schedule', 'stopped schedule', 'stop a', 'stop b'],
	);
	assert.equal(log.slice(6), ['stop broker', 'stopped broker', 'stop journal', 'stopped journal']);
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
	const [first, second, ...rest] = world.log;
	assert.equal([first, second].sort(), ['probe a', 'probe b']);
	assert.equal(rest.slice(0, 4), ['stop b', 'stopped b', 'start b', 'retell a']);
	assert.equal(rest.slice(4).sort(), ['watch a', 'watch b']);
	assert.equal(world.runs(), ['a 0 1', 'b 1 0', 'broker 0 0', 'journal 0 0', 'schedule 0 0']);
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
		world.log.filter((what) => !what.startsWith('probe')),
		[],
	);
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
		['stop', ['broker 0 0', 'journal 0 0', 'schedule 0 0']],
		['start', ['a 1 0', 'broker 0 0', 'journal 0 0', 'schedule 0 0']],
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
			return {
				...spec,
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

moves.run();
