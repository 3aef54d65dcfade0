import type { RecipeConfig } from '../config/schema.js';
import type { Bundle } from '../model/bundle.js';
import type { Origin } from '../protocol/verdict.js';
import type { Choice } from './choose-provider.js';
import type { Inspection } from './frame.js';
import type { Watch } from './watch.js';

/** What a station inspects with that does not change while its process runs. */
export type Equipment = Pick<Inspection, 'encodeJpeg' | 'now'> & {
	readonly bundle: Bundle;
	/** By that bundle. */
	readonly watch: Watch;
	/** Of that bundle, proven on what was chosen. */
	readonly choice: Choice;
	readonly run: Omit<Origin, 'recipe' | 'threshold' | 'revision' | 'model'>;
};

/** What it is told, some of it between two parts. */
type Told = {
	readonly recipeName: string;
	readonly recipe: RecipeConfig;
	readonly revision: string | null;
};

/** By what parts are inspected from now on. */
export function inspectionOf(
	{ bundle, watch, choice, run, encodeJpeg, now }: Equipment,
	{ recipeName, recipe, revision }: Told,
): Inspection {
	const {
		name,
		input,
		calibration,
		files: { models },
	} = bundle.manifest;
	const { scorer, fingerprint } = choice;
	const threshold = recipe.threshold === 'bundle' ? calibration.threshold : recipe.threshold;
	const model = {
		name,
		bundle: bundle.id,
		sha256: scorer.model,
		provider: scorer.provider,
		precision: scorer.precision,
		fingerprint,
		engine: scorer.engine,
	};
	return {
		origin: { ...run, model, recipe: recipeName, threshold, revision },
		recipe,
		// Of what an engine is made where the bundle has no model of its precision.
		recipeModel: models[scorer.precision] ?? models.fp32!,
		allowedProvider: choice.provider,
		region: recipe.region ?? input.region ?? undefined,
		taught: input.picture ?? undefined,
		watch,
		scorer,
		threshold,
		mapMedian: calibration.mapMedian,
		encodeJpeg,
		now,
	};
}
