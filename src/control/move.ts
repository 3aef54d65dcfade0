import { Failure, reasonOf } from '../base/failure.js';
import { inLanes } from '../base/lanes.js';
import type { Pace } from '../base/retry.js';
import type { Service } from '../base/service.js';
import { type Difference, difference, type Spec } from '../config/difference.js';

/** One thing that was tried: where the configuration speaks of it, and what was found. */
export type Finding = { readonly path: string; readonly message: string; readonly failure?: Failure };

/** A service that can be moved to. */
export type Movable = Spec & {
	/** Tries what it needs and those that run do not have yet, and leaves those alone. Failures of the world are findings. */
	probe(running: readonly Spec[], signal: AbortSignal): Promise<readonly Finding[]>;
	/** `standing`: what runs at this moment, with what it stands on. */
	begin(standing: Running<Movable>): Service | Promise<Service>;
	/** Tells it those settings that it can be told while it runs. */
	retell(service: Service): void | Promise<void>;
	/** Resolves when it has shown that it does its work. @throws Failure why it does not */
	healthy(service: Service, signal: AbortSignal): Promise<void>;
};

/** What runs, by name, in the order in which it starts. */
export type Running<S extends Movable> = ReadonlyMap<string, { readonly spec: S; readonly service: Service }>;

export type Step = 'probe' | 'stop' | 'start' | 'retell' | 'health';

/** What failed, and at which step. */
export type Setback = { readonly step: Step; readonly service: string; readonly reason: unknown };

export type Moved<S extends Movable> = {
	readonly running: Running<S>;
	/** What was wanted; what ran before; or what is left, where the way back failed too or there was no time for it. */
	readonly stands: 'new' | 'old' | 'rest';
	readonly setbacks: readonly Setback[];
	readonly setbacksBack: readonly Setback[];
};

export type MoveWorld = {
	readonly pace: Pick<Pace, 'now' | 'pause'>;
	/** What a step of one service may take, in milliseconds; `stop`: of all together. */
	readonly limits: Readonly<Record<Step, number>>;
	/** What one whose turn to stop comes late gets nevertheless. */
	readonly leastStopMs: number;
	readonly probesAtOnce: number;
	/** Everything is about to end: nothing is waited for, and there is no way back. */
	readonly signal: AbortSignal;
};

/**
 * Moves from what runs to what is wanted: tries what differs, stops, starts, tells, and watches whether it works; after a setback
 * it goes back. What does not stop in time is abandoned. From nothing, nothing is tried or watched: what is missing then is a
 * state. To nothing it goes on in spite of setbacks.
 */
export async function move<S extends Movable>(
	running: Running<S>,
	wanted: readonly S[],
	world: MoveWorld,
): Promise<Moved<S>> {
	const before = specsOf(running);
	const isFirst = before.length === 0;
	const isLast = wanted.length === 0;
	const way = difference(before, wanted);
	const differs = [...way.start, ...way.retell];
	const refused = isFirst ? [] : await probeAll(differs, before, world);
	if (refused.length > 0) return { running, stands: 'old', setbacks: refused, setbacksBack: [] };

	const fleet = fleetOf(running, world);
	const isCut = () => world.signal.aborted && !isLast;
	const acts = [...fleet.acts(way), ...(isFirst ? [] : [() => fleet.watch(differs)])];
	const { setbacks, isDone } = await inTurn(acts, (failed) => isCut() || (failed && !isLast));
	if (isDone && (setbacks.length === 0 || isLast))
		return { running: fleet.inOrder(wanted), stands: 'new', setbacks, setbacksBack: [] };

	const now = () => fleet.inOrder([...before, ...wanted]);
	if (isCut()) return { running: now(), stands: 'rest', setbacks, setbacksBack: [] };
	const back = difference(specsOf(now()), before);
	const { setbacks: setbacksBack } = await inTurn(fleet.acts(back), isCut);
	const old = now();
	const isWhole = old.size === before.length && before.every((spec) => old.get(spec.name)?.spec === spec);
	return { running: old, stands: isWhole ? 'old' : 'rest', setbacks, setbacksBack };
}

const verbs: Readonly<Record<Step, string>> = {
	probe: 'try',
	stop: 'stop',
	start: 'start',
	retell: 'change',
	health: 'trust',
};

const left: Readonly<Record<Moved<Movable>['stands'], string>> = {
	new: 'the new configuration stands',
	old: 'what ran before runs',
	rest: 'what ran before does not run whole',
};

/** In one line: what failed at which step, and what stands. */
export function outcomeOf({ setbacks, setbacksBack, stands }: Omit<Moved<Movable>, 'running'>): string {
	const told = ({ step, service, reason }: Setback) =>
		isLate(reason) ? reason.message : `Cannot ${verbs[step]} "${service}": ${reasonOf(reason)}`;
	const back = setbacksBack.map((setback, i) => `${i === 0 ? 'on the way back: ' : ''}${told(setback)}`);
	return [...setbacks.map(told), ...back, left[stands]].join('; ');
}

function isLate(reason: unknown): reason is Failure {
	return reason instanceof Failure && reason.code === 'service-late';
}

async function probeAll<S extends Movable>(
	specs: readonly S[],
	running: readonly S[],
	world: MoveWorld,
): Promise<readonly Setback[]> {
	const { pace, limits, signal } = world;
	const found = await inLanes(specs, world.probesAtOnce, async (spec): Promise<readonly Setback[]> => {
		const tried = await attempt('probe', spec, () => spec.probe(running, signal), pace, limits.probe);
		if ('setback' in tried) return [tried.setback];
		return tried.value.flatMap(({ failure }) =>
			failure ? [{ step: 'probe', service: spec.name, reason: failure }] : [],
		);
	});
	return found.flat();
}

function specsOf<S extends Movable>(running: Running<S>): readonly S[] {
	return [...running.values()].map(({ spec }) => spec);
}

type Act = () => Promise<readonly Setback[]>;

/** One after the other, until it is enough. */
async function inTurn(
	acts: readonly Act[],
	isEnough: (hasFailed: boolean) => boolean,
): Promise<{ readonly setbacks: readonly Setback[]; readonly isDone: boolean }> {
	const setbacks: Setback[] = [];
	for (const act of acts) {
		if (isEnough(setbacks.length > 0)) return { setbacks, isDone: false };
		setbacks.push(...(await act()));
	}
	return { setbacks, isDone: true };
}

/** What runs, and what changes it; nothing throws, every act resolves to its setbacks. */
function fleetOf<S extends Movable>(running: Running<S>, world: MoveWorld) {
	const { pace, limits, signal } = world;
	const fleet = new Map(running);

	/** What ends badly or not in time is abandoned, and counts as gone. */
	const stop = async (specs: readonly S[]): Promise<readonly Setback[]> => {
		const deadlineMs = pace.now() + limits.stop;
		const ends = new Map<string, Promise<readonly Setback[]>>();
		const stopOne = async (spec: S): Promise<readonly Setback[]> => {
			await Promise.all(specs.filter((other) => standsOn(other, spec)).map(ended));
			const service = fleet.get(spec.name)?.service;
			if (!service) return [];
			const limitMs = Math.max(deadlineMs - pace.now(), world.leastStopMs);
			const tried = await attempt('stop', spec, () => service[Symbol.asyncDispose](), pace, limitMs);
			fleet.delete(spec.name);
			if (!('setback' in tried)) return [];
			service.abandon?.();
			return [tried.setback];
		};
		const ended = (spec: S): Promise<readonly Setback[]> => {
			const end = ends.get(spec.name) ?? stopOne(spec);
			ends.set(spec.name, end);
			return end;
		};
		return (await Promise.all([...specs].reverse().map(ended))).flat();
	};

	const start = async (spec: S): Promise<readonly Setback[]> => {
		const beginning = (async () => spec.begin(fleet))();
		const tried = await attempt('start', spec, () => beginning, pace, limits.start);
		if ('value' in tried) {
			fleet.set(spec.name, { spec, service: tried.value });
			return [];
		}
		// One that comes after all is not wanted any more.
		void beginning.then((service) => service[Symbol.asyncDispose]()).catch(() => {});
		return [tried.setback];
	};

	const retell = async (spec: S): Promise<readonly Setback[]> => {
		const told = fleet.get(spec.name);
		if (!told) return [];
		const tried = await attempt('retell', spec, async () => spec.retell(told.service), pace, limits.retell);
		if ('value' in tried) {
			fleet.set(spec.name, { spec, service: told.service });
			return [];
		}
		// Nobody knows what it has understood.
		return [tried.setback, ...(await stop([told.spec]))];
	};

	const watch = async (specs: readonly S[]): Promise<readonly Setback[]> => {
		const enough = new AbortController();
		const either = AbortSignal.any([signal, enough.signal]);
		const setbacks: Setback[] = [];
		await Promise.all(
			specs.map(async (spec) => {
				const { service } = fleet.get(spec.name)!;
				const tried = await attempt('health', spec, () => spec.healthy(service, either), pace, limits.health);
				// What the others say after the first is that their watch was ended.
				if ('setback' in tried && !enough.signal.aborted) setbacks.push(tried.setback);
				if ('setback' in tried) enough.abort();
			}),
		);
		return setbacks;
	};

	return {
		acts: (way: Difference<S>): readonly Act[] => [
			() => stop(way.stop),
			...way.start.map((spec) => () => start(spec)),
			...way.retell.map((spec) => () => retell(spec)),
		],
		watch,
		inOrder: (specs: readonly S[]): Running<S> =>
			new Map(
				specs.flatMap(({ name }) => {
					const entry = fleet.get(name);
					return entry ? [[name, entry] as const] : [];
				}),
			),
	};
}

function standsOn({ on, after }: Spec, { kind }: Spec): boolean {
	return on.includes(kind) || after.includes(kind);
}

type Attempted<T> = { readonly value: T } | { readonly setback: Setback };

/** Whatever is thrown is a setback, as is what takes too long. */
async function attempt<T>(
	step: Step,
	{ name }: Spec,
	work: () => Promise<T> | PromiseLike<T>,
	pace: MoveWorld['pace'],
	limitMs: number,
): Promise<Attempted<T>> {
	const settled = new AbortController();
	const limit = async (): Promise<never> => {
		await pace.pause(limitMs, settled.signal);
		throw new Failure(
			'service-late',
			`Cannot ${verbs[step]} "${name}": not done within ${Math.round(limitMs)} ms`,
		);
	};
	try {
		return { value: await Promise.race([work(), limit()]) };
	} catch (reason) {
		return { setback: { step, service: name, reason } };
	} finally {
		settled.abort();
	}
}
