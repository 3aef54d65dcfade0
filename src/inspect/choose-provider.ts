import { Failure, type FailureCode } from '../base/failure.js';
import type { Provider } from '../base/provider.js';
import { candidatesOf, type ProviderWish } from '../config/provider.js';
import type { OpenSession } from '../graph/session.js';
import { median } from '../measure/statistics.js';
import type { Bundle } from '../model/bundle.js';
import {
	type Engine,
	type EngineKey,
	engineKeyOf,
	fingerprintOf,
	keyDifference,
	type Machine,
} from '../model/engine.js';
import { DEGRADATIONS, type Degraded } from '../protocol/states.js';
import { openScorer, precisionOf, type Scorer, type ScorerOptions } from './scorer.js';

/** Why a provider cannot be used here, whatever the model. */
export type Lack = {
	readonly failure: Failure;
	/** Nothing of it is here, so that nobody can have meant it: not listed, or without its libraries. */
	readonly isAbsent: boolean;
};

/** Of the machine, whatever the model. */
export type ProviderWorld = {
	readonly openSession: OpenSession;
	/** Null where nothing speaks against it: the binding lists it, and its libraries are here and fit. */
	lackOf(provider: Provider): Lack | null;
	machine(): Promise<Machine>;
	/** The engine that was built under this very key, read and whole. @throws Failure engine-missing, engine-invalid, engine-failed */
	engineFor(key: EngineKey): Promise<Engine>;
	/** Hears what is tried next: a provider's libraries can take the whole process down. */
	trying?(provider: Provider): Promise<void>;
	/** Milliseconds of a clock that does not jump. */
	now(): number;
};

export type ChoiceSettings = Pick<ScorerOptions, 'threads' | 'precision'> & {
	/** With these a process died that tried them: passed over where something else may compute. */
	readonly avoided?: readonly Provider[] | undefined;
	/** What a picture may take on anything but the processor, in the middle. */
	readonly ceilingMs: number;
};

/** A bundle's model, proven on what was chosen to compute it. */
export type Choice = {
	readonly scorer: Scorer;
	/** What was chosen; where its nodes ran the scorer tells, by ONNX Runtime's own record. */
	readonly provider: Provider;
	/** Of what it computes on; null on a processor. */
	readonly fingerprint: string | null;
	/** Why it is not what the recipe prefers, or what is here. */
	readonly degraded: Degraded | null;
};

type Setback = Lack & { readonly provider: Provider };

/** Pictures whose times are compared with the ceiling: so many, and when these take long already, fewer. */
const TIMED = { least: 3, most: 9, budgetMs: 2000 } as const;

/**
 * Walks what may compute, and takes the first that is proven: it is here, it opens, every node ran there, golden vectors are scored as
 * they should be and in time. What only one may compute fails with that one.
 * @throws Failure why the last one cannot be used; bundle-invalid, precision-refused where another would not help
 */
export async function chooseProvider(
	bundle: Bundle,
	wish: ProviderWish,
	settings: ChoiceSettings,
	world: ProviderWorld,
): Promise<Choice> {
	const candidates = candidatesOf(wish);
	const setbacks: Setback[] = [];
	for (const [i, provider] of candidates.entries()) {
		try {
			if (i + 1 < candidates.length && settings.avoided?.includes(provider)) throw deadly(provider);
			const proven = await proveOn(provider, bundle, settings, world);
			return { ...proven, provider, degraded: shortfall(wish, setbacks) };
		} catch (thrown) {
			const setback = await setbackOf(provider, thrown, world);
			if (i + 1 === candidates.length) throw setback.failure;
			setbacks.push(setback);
		}
	}
	throw new Error('there is always something that may compute');
}

function deadly(provider: Provider): Failure {
	return new Failure(
		'model-failed',
		`Cannot use provider "${provider}": the station's process died when it tried it`,
		'Are its libraries of one build, and of the same versions as the driver? The log has the last words of the process.',
	);
}

/** @throws what is no setback of the provider's */
async function setbackOf(
	provider: Provider,
	thrown: unknown,
	{ lackOf, machine }: ProviderWorld,
): Promise<Setback> {
	if (!(thrown instanceof Failure) || !isDegradation(thrown.code)) throw thrown;
	const isAbsent = lackOf(provider)?.isAbsent === true || (await isWithoutDevice(provider, machine));
	return { provider, failure: thrown, isAbsent };
}

/** Libraries alone compute nothing. */
async function isWithoutDevice(provider: Provider, machine: ProviderWorld['machine']): Promise<boolean> {
	return (provider === 'tensorrt' || provider === 'cuda') && (await machine()).driver === null;
}

function isDegradation(code: FailureCode): code is Degraded['code'] {
	return Object.hasOwn(DEGRADATIONS, code);
}

/** Nothing where nobody could have expected more. */
function shortfall({ how }: ProviderWish, setbacks: readonly Setback[]): Degraded | null {
	const felt = setbacks.filter(({ isAbsent }, i) => !isAbsent || (how === 'prefer' && i === 0));
	const [first] = felt;
	if (!first) return null;
	return {
		code: first.failure.code as Degraded['code'],
		message: felt.map(({ failure }) => failure.message).join('; '),
	};
}

/** @throws Failure (then nothing stays open) */
async function proveOn(
	provider: Provider,
	bundle: Bundle,
	{ ceilingMs, avoided: _, ...settings }: ChoiceSettings,
	world: ProviderWorld,
): Promise<Pick<Choice, 'scorer' | 'fingerprint'>> {
	const { openSession, lackOf } = world;
	const lack = lackOf(provider);
	if (lack) throw lack.failure;
	await world.trying?.(provider);
	if (provider === 'cpu')
		return { scorer: await openScorer(bundle, openSession, { ...settings, provider }), fingerprint: null };
	// TensorRT would build an engine anew at every start, for minutes.
	const engine = provider === 'tensorrt' ? await engineOf(bundle, settings, world) : undefined;
	const scorer = await openScorer(bundle, openSession, { ...settings, provider, engine });
	try {
		const medianMs = await timed(scorer, bundle, world.now);
		if (!(medianMs <= ceilingMs))
			throw new Failure(
				'provider-slow',
				`Cannot use provider "${provider}" for bundle "${bundle.dir}": a picture takes ${Math.round(medianMs)} ms there, the deadline allows ${ceilingMs} ms`,
				'Allow more time (deadlineMs), teach a smaller network, or choose another provider.',
			);
		return { scorer, fingerprint: await fingerprintOn(provider, world) };
	} catch (failure) {
		await scorer.close();
		throw failure;
	}
}

/** @throws Failure engine-missing, engine-invalid, engine-failed */
async function engineOf(
	{ manifest }: Bundle,
	{ precision }: Pick<ChoiceSettings, 'precision'>,
	{ machine, engineFor }: ProviderWorld,
): Promise<Engine> {
	const key = engineKeyOf(manifest, precisionOf(manifest, precision), await machine());
	const engine = await engineFor(key);
	const difference = keyDifference(engine.record.key, key);
	if (difference === '') return engine;
	throw new Failure(
		'engine-invalid',
		`Cannot use engine "${engine.engine}": it was built for ${difference}`,
		'Build it again on this machine (inspectord engine build).',
	);
}

async function fingerprintOn(provider: Provider, { machine }: ProviderWorld): Promise<string | null> {
	if (provider === 'webgpu') return null;
	const { tensorrt, ...others } = await machine();
	return fingerprintOf(provider === 'tensorrt' ? { tensorrt, ...others } : others);
}

/** Of a picture, in the middle, when the device is warm. */
async function timed(
	{ score }: Pick<Scorer, 'score'>,
	{ golden }: Pick<Bundle, 'golden'>,
	now: () => number,
): Promise<number> {
	const { image } = golden[0]!;
	await score(image);
	const times: number[] = [];
	const begunMs = now();
	while (times.length < TIMED.least || (times.length < TIMED.most && now() - begunMs < TIMED.budgetMs)) {
		const beforeMs = now();
		await score(image);
		times.push(now() - beforeMs);
	}
	return median(times);
}
