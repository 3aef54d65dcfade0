import { eitherOf, expectWaiters, type Pace } from '../base/retry.js';
import type { Service } from '../base/service.js';
import type { Difference, Spec } from '../config/difference.js';
import { attempt, type Setback, type Step } from './attempt.js';
import type { Finding, Movable, Prepared, Running, Seen } from './movable.js';

export type FleetWorld = {
	readonly pace: Pick<Pace, 'now' | 'pause'>;
	/** What a step of one service may take, in milliseconds; `stop`: of all together. */
	readonly limits: Readonly<Record<Step, number>>;
	/** What one whose turn to stop comes late gets nevertheless. */
	readonly leastStopMs: number;
	/** Hears how far it is, in words. */
	readonly tell?: (line: string) => void;
	/** All is tried, and something stops now. */
	readonly onLeaving?: () => void;
	/** Hears of each change what runs. */
	readonly onChange?: (running: Running<Movable>) => void;
	/** Everything is about to end: nothing is waited for, and there is no way back. */
	readonly signal: AbortSignal;
};

export type Act = () => Promise<readonly Setback[]>;

/** One after the other, until it is enough. */
export async function inTurn(
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
export function fleetOf<S extends Movable>(
	running: Running<S>,
	all: readonly S[],
	world: FleetWorld,
	found: (finding: Finding) => void,
) {
	const { pace, limits, signal, tell, onLeaving, onChange } = world;
	const fleet = new Map(running);
	const failing = new Map([...running].map(([name, { service }]) => [name, service.failing]));
	const prepared = new Map<string, Prepared>();
	/** Have let go, and end behind what took their place. */
	const leaving: { readonly spec: S; readonly service: Service }[] = [];
	const inOrder = (specs: readonly S[]): Running<S> =>
		new Map(
			specs.flatMap(({ name }) => {
				const entry = fleet.get(name);
				return entry ? [[name, entry] as const] : [];
			}),
		);
	const changed = () => onChange?.(inOrder(all));

	/** What ends badly or not in time is abandoned, and counts as gone. */
	const stop = async (specs: readonly S[]): Promise<readonly Setback[]> => {
		const deadlineMs = pace.now() + limits.stop;
		const ends = new Map<string, Promise<readonly Setback[]>>();
		const stopOne = async (spec: S): Promise<readonly Setback[]> => {
			await Promise.all(specs.filter((other) => standsOn(other, spec)).map(ended));
			const entry = fleet.get(spec.name);
			// What took its place already is another.
			if (entry?.spec !== spec) return [];
			const { service } = entry;
			tell?.(`"${spec.name}" stops`);
			const limitMs = Math.max(deadlineMs - pace.now(), world.leastStopMs);
			const tried = await attempt('stop', spec, () => service[Symbol.asyncDispose](), pace, limitMs);
			fleet.delete(spec.name);
			changed();
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

	/** One that comes after all is not wanted any more. */
	const endLater = (coming: Promise<AsyncDisposable>): void =>
		void coming.then((late) => late[Symbol.asyncDispose]()).catch(() => {});

	const prepare = async (spec: S): Promise<readonly Setback[]> => {
		if (!spec.prepare || prepared.has(spec.name)) return [];
		const { path, attempt: preparing } = spec.prepare;
		tell?.(`"${spec.name}" is prepared`);
		const over = new AbortController();
		using either = eitherOf(signal, over.signal);
		const coming = (async () => preparing(either.signal))();
		const tried = await attempt('prepare', spec, () => coming, pace, limits.prepare);
		if ('value' in tried) {
			prepared.set(spec.name, tried.value);
			found({ path, message: tried.value.message });
			return [];
		}
		over.abort(tried.setback.reason);
		endLater(coming);
		return [{ ...tried.setback, path }];
	};

	const start = async (spec: S): Promise<readonly Setback[]> => {
		tell?.(`"${spec.name}" starts`);
		const beginning = (async () => (prepared.get(spec.name) ?? spec).begin(fleet))();
		const tried = await attempt('start', spec, () => beginning, pace, limits.start);
		if ('value' in tried) {
			prepared.delete(spec.name);
			fleet.set(spec.name, { spec, service: tried.value });
			changed();
			return [];
		}
		endLater(beginning);
		return [tried.setback];
	};

	/** What stands in its place, or has what it wants, stops when it is ready to begin. */
	const clear = async (spec: S, stopping: readonly S[]): Promise<readonly Setback[]> => {
		try {
			prepared.get(spec.name)?.assertWaiting();
		} catch (reason) {
			return [{ step: 'prepare', service: spec.name, reason }];
		}
		const before = stopping.find(({ name }) => name === spec.name);
		const wants = (spec.holds ?? []).filter((one) => !before?.holds?.includes(one));
		const holding = stopping.filter(
			(other) => other !== before && other.holds?.some((one) => wants.includes(one)),
		);
		const cleared = await Promise.all([stop(holding), before ? release(before) : []]);
		return cleared.flat();
	};

	const release = async (spec: S): Promise<readonly Setback[]> => {
		const entry = fleet.get(spec.name);
		if (entry?.spec !== spec || !entry.service.letGo) return stop([spec]);
		const { service } = entry;
		tell?.(`"${spec.name}" lets go`);
		const tried = await attempt('stop', spec, async () => service.letGo?.(), pace, limits.stop);
		fleet.delete(spec.name);
		changed();
		if (!('setback' in tried)) {
			leaving.push({ spec, service });
			return [];
		}
		service.abandon?.();
		return [tried.setback];
	};

	const endLeaving = async (): Promise<void> => {
		await Promise.all(
			leaving.splice(0).map(async ({ spec, service }) => {
				const ending = () => service[Symbol.asyncDispose]();
				const tried = await attempt('stop', spec, ending, pace, world.leastStopMs);
				if ('setback' in tried) service.abandon?.();
			}),
		);
	};

	const retell = async (spec: S): Promise<readonly Setback[]> => {
		const told = fleet.get(spec.name);
		if (!told) return [];
		tell?.(`"${spec.name}" is told`);
		const tried = await attempt('retell', spec, async () => spec.retell(told.service), pace, limits.retell);
		if ('value' in tried) {
			fleet.set(spec.name, { spec, service: told.service });
			changed();
			return [];
		}
		// Nobody knows what it has understood.
		return [tried.setback, ...(await stop([told.spec]))];
	};

	const watch = async (way: Difference<S>): Promise<readonly Setback[]> => {
		const watched = [
			...way.start.map((spec) => ({ spec, how: 'started', limitMs: limits.health }) as const),
			...way.retell.map((spec) => ({ spec, how: 'told', limitMs: limits.retell }) as const),
		];
		const enough = new AbortController();
		using either = eitherOf(signal, enough.signal);
		expectWaiters(either.signal, watched.length);
		const setbacks: Setback[] = [];
		await Promise.all(
			watched.map(async ({ spec, how, limitMs }) => {
				const { service } = fleet.get(spec.name)!;
				const seen: Seen = { how, failingBefore: failing.get(spec.name) };
				const tried = await attempt(
					'health',
					spec,
					() => spec.healthy(service, either.signal, seen),
					pace,
					limitMs,
				);
				if (!('setback' in tried)) return tell?.(`"${spec.name}" works`);
				// What the others say after the first is that their watch was ended.
				if (!enough.signal.aborted) setbacks.push(tried.setback);
				enough.abort();
			}),
		);
		return setbacks;
	};

	return {
		prepare,
		/** Of what is prepared the first is ready before anything stops. */
		acts: (way: Difference<S>, preparing: readonly S[] = []): readonly Act[] => {
			const takesOver = (spec: Spec) => preparing.some(({ name }) => name === spec.name);
			const leaving = async () => {
				if (way.stop.length > 0) onLeaving?.();
				return [];
			};
			return [
				...preparing.slice(0, 1).map((spec) => () => prepare(spec)),
				leaving,
				() => stop(way.stop.filter((spec) => !takesOver(spec))),
				...way.start.flatMap((spec): readonly Act[] => {
					if (!takesOver(spec)) return [() => start(spec)];
					return [() => prepare(spec), () => clear(spec, way.stop), () => start(spec)];
				}),
				...way.retell.map((spec) => () => retell(spec)),
			];
		},
		watch,
		/** Nothing that has not begun is left. */
		endPrepared: async (): Promise<void> => {
			const left = [...prepared];
			prepared.clear();
			const end = ([name, one]: (typeof left)[number]) =>
				attempt('stop', { name }, () => one[Symbol.asyncDispose](), pace, world.leastStopMs);
			await Promise.all([...left.map(end), endLeaving()]);
		},
		inOrder,
	};
}

function standsOn({ on, after }: Spec, { kind }: Spec): boolean {
	return on.includes(kind) || after.includes(kind);
}
