import { countOf } from '../../base/words.js';
import type { Config, RecipeConfig } from '../../config/schema.js';
import type { Tally } from '../../measure/thresholds.js';
import { instantOf } from '../../protocol/fields.js';
import type { Ask, Result } from '../../protocol/requests.js';
import type { StationState } from '../../protocol/states.js';
import type { Handler } from '../answer.js';
import type { Editor } from '../edit.js';
import { editTold, recipeIn, stationIn, stationsOf, unfit } from '../settings.js';
import type { BundleSeen } from '../shelf.js';

export type ThresholdWorld = {
	/** @throws Refusal where nothing can be edited */
	readonly editor: () => Pick<Editor, 'current' | 'edit'>;
	/** As they were told last. */
	readonly states: () => readonly StationState[];
	/** @throws Failure bundle-invalid */
	readonly look: (model: string) => Promise<BundleSeen>;
	/** What thresholds would have decided on parts that stand in the journal. @throws Failure */
	readonly scores: (
		query: {
			readonly recipe: string;
			/** SHA-256 of the model's bytes. */
			readonly model: string;
			readonly station?: string | undefined;
			readonly sinceMs?: number | undefined;
			readonly limit: number;
		},
		thresholds: readonly number[],
		signal: AbortSignal,
	) => Promise<
		Tally & { readonly fromMs: number | null; readonly toMs: number | null; readonly isMore: boolean }
	>;
};

/** Parts that are looked at: the newest. */
const MOST_PARTS = 100_000;

export function thresholdRequest({ editor, states, look, scores }: ThresholdWorld): Handler<'threshold'> {
	return async ({ since, values, apply, ...asked }, { by, signal, progress }) => {
		const { config } = editor().current();
		const { name, recipe } = recipeMeant(config, asked);
		const sinceMs = since === undefined ? undefined : Date.parse(since);
		const seen = await look(recipe.model);
		const { manifest } = seen;
		const taught = manifest.calibration.threshold;
		const running = states().find((state) => state.recipe === name && state.model)?.model;
		const precision = recipe.precision === 'bundle' ? manifest.precision.runs : recipe.precision;
		const model = running?.sha256 ?? manifest.files.models[precision] ?? '';
		const threshold = recipe.threshold === 'bundle' ? taught : recipe.threshold;
		const wanted = apply === 'bundle' ? taught : apply;
		const tried = [
			...new Set([...(values ?? [threshold, taught]), ...(wanted === undefined ? [] : [wanted])]),
		];
		const query = { recipe: name, model, station: asked.station, sinceMs, limit: MOST_PARTS };
		const { fromMs, toMs, thresholds, ...found } = await scores(query, tried, signal);
		const held = Object.values(manifest.files.models).includes(model) ? manifest.calibration.scores : null;
		const what = `threshold of ${name}: ${recipe.threshold} → ${apply}`;
		const edited =
			apply === undefined || apply === recipe.threshold
				? null
				: await editor().edit(
						{ by, change: { patch: { recipes: { [name]: { threshold: apply } } } }, what },
						{ signal, progress },
					);
		const stations = stationsOf(config, name);
		const result: Result<'threshold'> = {
			recipe: name,
			stations,
			bundle: running?.bundle ?? seen.id,
			threshold: wanted ?? threshold,
			taught,
			...found,
			from: fromMs === null ? null : instantOf(fromMs),
			to: toMs === null ? null : instantOf(toMs),
			good: held?.length ?? null,
			values: thresholds.map((one) => ({
				...one,
				goodRejects: held?.filter((score) => score > one.threshold).length ?? null,
			})),
			edited: edited && editTold(edited),
		};
		const where = stations.length > 1 ? `, on ${stations.join(', ')}` : '';
		const text =
			wanted === undefined
				? `${countOf(found.parts, 'part')} of recipe ${name}${where}`
				: `the threshold of recipe ${name} is ${wanted}${edited ? ' now' : ' already'}${where}`;
		return { text, result };
	};
}

/** @throws Refusal invalid */
function recipeMeant(
	config: Config,
	{ station, recipe }: Pick<Ask<'threshold'>, 'station' | 'recipe'>,
): { readonly name: string; readonly recipe: RecipeConfig } {
	const runs = station === undefined ? undefined : stationIn(config, station).recipe;
	const names = Object.keys(config.recipes);
	const name = recipe ?? runs ?? (names.length === 1 ? names[0] : undefined);
	if (name === undefined)
		throw unfit('recipe', `is missing: name a station or a recipe, of ${names.join(', ')}`);
	const found = recipeIn(config, name);
	if (runs !== undefined && runs !== name) throw unfit('recipe', `station "${station}" runs "${runs}"`);
	return found;
}
