import { Failure, reasonOf } from '../base/failure.js';
import { inLanes } from '../base/lanes.js';
import { type Difference, difference, type Spec } from '../config/difference.js';
import { attempt, type Setback, verbs } from './attempt.js';
import { type FleetWorld, fleetOf, inTurn } from './fleet.js';
import type { Finding, Movable, Running } from './movable.js';

/** `regardless`: nothing is tried or watched, and there is no way back. */
export type How = 'carefully' | 'regardless';

export type Moved<S extends Movable> = {
	readonly running: Running<S>;
	/** What was wanted; what ran before; or what is left, where the way back failed too or there was no time for it. */
	readonly stands: 'new' | 'old' | 'rest';
	readonly setbacks: readonly Setback[];
	readonly setbacksBack: readonly Setback[];
	/** What was tried. */
	readonly findings: readonly Finding[];
	/** Names of those that differ: what moved, or was to move. */
	readonly moving: Readonly<Record<'stopped' | 'started' | 'restarted' | 'told', readonly string[]>>;
};

export type MoveWorld = FleetWorld & { readonly probesAtOnce: number };

/**
 * Moves from what runs to what is wanted: tries what differs, stops, starts, tells, and watches whether it works; after a setback
 * it goes back. What can be prepared is, one after the other, and what stood in its place stops only then. What does not stop in
 * time is abandoned. From nothing, nothing is tried or watched: what is missing then is a state. To nothing, or regardless, it
 * goes on in spite of setbacks.
 */
export async function move<S extends Movable>(
	running: Running<S>,
	wanted: readonly S[],
	world: MoveWorld,
	how: How = 'carefully',
): Promise<Moved<S>> {
	const before = specsOf(running);
	const isTried = before.length > 0 && how === 'carefully';
	/** Goes on in spite of setbacks. */
	const isSure = wanted.length === 0 || how === 'regardless';
	const way = difference(before, wanted);
	const prepared = isTried ? preparedOf(way) : [];
	const findings: Finding[] = [];
	const found = (finding: Finding) => {
		findings.push(finding);
		if (!finding.failure) world.tell?.(finding.message);
	};
	const ending = (
		stands: Moved<S>['stands'],
		now: Running<S>,
		setbacks: readonly Setback[],
		setbacksBack: readonly Setback[] = [],
	): Moved<S> => ({ running: now, stands, setbacks, setbacksBack, findings, moving: movingOf(way) });

	const fleet = fleetOf(running, [...wanted, ...before], world, found);
	/** Preparing it is trying it; of several all are tried before the first has moved. */
	const alone = prepared.length === 1 ? prepared[0] : undefined;
	const tries = isTried
		? [probeAll(way, alone, before, world, found), alone ? fleet.prepare(alone) : []]
		: [];
	const refused = (await Promise.all(tries)).flat();
	if (refused.length > 0) {
		await fleet.endPrepared();
		return ending('old', running, refused);
	}
	const isCut = () => world.signal.aborted && wanted.length > 0;
	const acts = [...fleet.acts(way, prepared), ...(isTried ? [() => fleet.watch(way)] : [])];
	const { setbacks, isDone } = await inTurn(acts, (failed) => isCut() || (failed && !isSure));
	await fleet.endPrepared();
	if (isDone && (setbacks.length === 0 || isSure)) return ending('new', fleet.inOrder(wanted), setbacks);

	const now = () => fleet.inOrder([...before, ...wanted]);
	if (isCut()) return ending('rest', now(), setbacks);
	const back = difference(specsOf(now()), before);
	const { setbacks: setbacksBack } = await inTurn(fleet.acts(back), isCut);
	const old = now();
	const isWhole = old.size === before.length && before.every((spec) => old.get(spec.name)?.spec === spec);
	return ending(isWhole ? 'old' : 'rest', old, setbacks, setbacksBack);
}

/** Those that are made ready beside what runs: all that they hold on to stays. */
function preparedOf<S extends Movable>({ stop, start }: Difference<S>): readonly S[] {
	const moving = new Set([...stop, ...start].map(({ kind }) => kind));
	return start.filter(({ prepare, on }) => prepare && !on.some((kind) => moving.has(kind)));
}

function movingOf({ stop, start, retell }: Difference<Spec>): Moved<Movable>['moving'] {
	const namesOf = (specs: readonly Spec[]) => specs.map(({ name }) => name);
	const stopping = namesOf(stop);
	const starting = namesOf(start);
	return {
		stopped: stopping.filter((name) => !starting.includes(name)),
		started: starting.filter((name) => !stopping.includes(name)),
		restarted: starting.filter((name) => stopping.includes(name)),
		told: namesOf(retell),
	};
}

const left: Readonly<Record<Moved<Movable>['stands'], string>> = {
	new: 'the new configuration stands',
	old: 'what ran before runs',
	rest: 'what ran before does not run whole',
};

/** In one line: what failed at which step, and what stands. */
export function outcomeOf({
	setbacks,
	setbacksBack,
	stands,
}: Pick<Moved<Movable>, 'setbacks' | 'setbacksBack' | 'stands'>): string {
	const told = ({ step, service, reason }: Setback) =>
		isLate(reason) ? reason.message : `Cannot ${verbs[step]} "${service}": ${reasonOf(reason)}`;
	const back = setbacksBack.map((setback, i) => `${i === 0 ? 'on the way back: ' : ''}${told(setback)}`);
	return [...setbacks.map(told), ...back, left[stands]].join('; ');
}

function isLate(reason: unknown): reason is Failure {
	return reason instanceof Failure && reason.code === 'service-late';
}

/** What moving would try, and nothing more. */
export async function tryOut<S extends Movable>(
	running: Running<S>,
	wanted: readonly S[],
	signal: AbortSignal,
): Promise<readonly Finding[]> {
	const before = specsOf(running);
	const { start, retell } = difference(before, wanted);
	const found: Finding[] = [];
	for (const spec of [...start, ...retell]) found.push(...(await spec.probe(before, signal)));
	return found;
}

async function probeAll<S extends Movable>(
	{ start, retell }: Difference<S>,
	alone: S | undefined,
	running: readonly S[],
	world: MoveWorld,
	found: (finding: Finding) => void,
): Promise<readonly Setback[]> {
	const { pace, limits, signal } = world;
	const setbacks = await inLanes(
		[...start, ...retell],
		world.probesAtOnce,
		async (spec): Promise<readonly Setback[]> => {
			const trying = () => spec.probe(running, signal, spec === alone);
			const tried = await attempt('probe', spec, trying, pace, limits.probe);
			if ('setback' in tried) return [tried.setback];
			tried.value.forEach(found);
			return tried.value.flatMap(({ path, failure }) =>
				failure ? [{ step: 'probe', service: spec.name, reason: failure, path }] : [],
			);
		},
	);
	return setbacks.flat();
}

function specsOf<S extends Movable>(running: Running<S>): readonly S[] {
	return [...running.values()].map(({ spec }) => spec);
}
