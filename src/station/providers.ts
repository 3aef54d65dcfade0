import { Failure } from '../base/failure.js';
import type { Provider } from '../base/provider.js';
import { wishOf } from '../config/provider.js';
import type { RecipeConfig } from '../config/schema.js';
import { threadsFor as shareOf } from '../config/threads.js';
import { findEngine, readSetback } from '../disk/engines.js';
import {
	type Choice,
	type ChoiceSettings,
	chooseProvider,
	type ProviderWorld,
} from '../inspect/choose-provider.js';
import { precisionOf } from '../inspect/scorer.js';
import { acceleratorHere } from '../machine/accelerator.js';
import { processorHere } from '../machine/processor.js';
import type { Bundle } from '../model/bundle.js';
import type { Engine, EngineKey } from '../model/engine.js';
import { type ThreadsHere, threadsHere } from '../model/threads.js';
import { loadOrt, ortPlace } from '../ort/library.js';
import { lackOf } from '../ort/presence.js';
import { openSession } from '../ort/session.js';

export type EnginePlace = {
	/** Where engines are kept. */
	readonly engineFolder: string;
	/** Engines (SHA-256) that are not to be used, though they lie there. */
	readonly shunned: readonly string[];
};

/** What lies in a folder of engines. */
type EnginesLying = { readonly find: typeof findEngine; readonly setback: typeof readSetback };

/** What computes a recipe's bundle, proven, where so many stations share the processor. `avoided`: comes last. @throws Failure */
export async function equipmentFor(
	recipe: RecipeConfig,
	bundle: Bundle,
	providers: ProviderWorld,
	{
		stations = 1,
		avoided,
	}: { readonly stations?: number; readonly avoided?: readonly Provider[] | undefined } = {},
): Promise<{ readonly choice: Choice; readonly threads: ThreadsHere }> {
	const threads = await threadsFor(recipe, bundle, stations);
	const settings = { ...choiceSettings(recipe, threads), avoided };
	return { choice: await chooseProvider(bundle, wishOf(recipe.provider), settings, providers), threads };
}

/** What a recipe says of how its model is computed, but for where. */
function choiceSettings({ precision, deadlineMs }: RecipeConfig, { threads }: ThreadsHere): ChoiceSettings {
	return { threads, precision, ceilingMs: deadlineMs };
}

/** Threads that a recipe's model runs with on this processor, which so many stations share. */
async function threadsFor(
	{ threads, precision }: RecipeConfig,
	{ manifest }: Bundle,
	stations: number,
): Promise<ThreadsHere> {
	const asked = { threads, precision: precisionOf(manifest, precision) };
	const processor = await processorHere();
	return threadsHere(manifest, asked, processor, shareOf(0, processor.cores, stations));
}

/** Loads ONNX Runtime, from the folder that INSPECTORD_ORT names where it does: before any session is opened. @throws Failure library-unusable */
export function openProviders(
	env: Readonly<Record<string, string | undefined>>,
	engines: EnginePlace,
): ProviderWorld {
	const place = ortPlace(env.INSPECTORD_ORT);
	loadOrt(place);
	let machine: ReturnType<typeof acceleratorHere> | undefined;
	return {
		openSession,
		lackOf: (provider) => lackOf(provider, place),
		machine: () => {
			machine ??= acceleratorHere(env);
			return machine;
		},
		engineFor: (key) => engineFor(key, engines),
		now: () => performance.now(),
	};
}

/** @throws Failure engine-missing, engine-invalid, engine-failed */
export async function engineFor(
	key: EngineKey,
	{ engineFolder, shunned }: EnginePlace,
	lying: EnginesLying = { find: findEngine, setback: readSetback },
): Promise<Engine> {
	const found = await lying.find(engineFolder, key);
	const cannot = `Cannot use provider "tensorrt" in ${key.precision}`;
	if (found && !shunned.includes(found.record.engine)) return found;
	if (found)
		throw new Failure(
			'engine-failed',
			`${cannot}: the station did not run with engine "${found.id}" when it moved to it`,
			'See its events; inspectord engine remove lets it be built again.',
		);
	const setback = await lying.setback(engineFolder, key);
	if (setback)
		throw new Failure(
			'engine-failed',
			`${cannot}: no engine could be built (${setback.at}): ${setback.message}`,
			'inspectord engine build tries it again.',
		);
	throw new Failure(
		'engine-missing',
		`${cannot}: "${engineFolder}" holds no engine of this model for this machine`,
		'Build one with inspectord engine build, or let the daemon do it (engines.build).',
	);
}
