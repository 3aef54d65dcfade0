import { basename, dirname } from 'node:path';
import { Failure } from '../../base/failure.js';
import { countOf } from '../../base/words.js';
import type { Result } from '../../protocol/requests.js';
import { type Handler, Refusal, type Work } from '../answer.js';
import type { Editor } from '../edit.js';
import { beside, editTold, modelIn, recipeIn, stationsOf, unfit } from '../settings.js';
import { bundleNamed, placesIn, type Shelf } from '../shelf.js';

export type BundlesWorld = Shelf & {
	/** @throws Refusal where nothing can be edited */
	readonly editor: () => Pick<Editor, 'current' | 'edit' | 'history' | 'textOf'>;
	/** Where a recipe's bundle lies, without links. */
	readonly placeOf: (model: string) => Promise<string>;
};

/** Bundles that a list names. */
const MOST_LISTED = 100;

type Row = Result<'bundles'>['bundles'][number];

export function bundlesRequest(world: BundlesWorld): Handler<'bundles'> {
	const { editor, folders, look, placeOf } = world;

	const recipeNamed = (name: string) => recipeIn(editor().current().config, name);

	const usersOf = async (): Promise<(place: string) => string[]> => {
		const { recipes } = editor().current().config;
		const places = await Promise.all(
			Object.entries(recipes).map(async ([name, { model }]) => [name, await placeOf(model)] as const),
		);
		return (place) => places.filter(([, other]) => other === place).map(([name]) => name);
	};

	const rowOf = async (place: string, recipes: readonly string[]): Promise<Row> => {
		const seen = await look(place).catch((thrown) => {
			if (thrown instanceof Failure) return thrown;
			throw thrown;
		});
		if (seen instanceof Failure)
			return {
				...{ bundle: basename(place), at: null, threshold: null, precision: null, pictures: null },
				...{ complete: false, fault: seen.message, recipes },
			};
		const { id, manifest, lacks } = seen;
		const { createdAt, calibration, precision, training } = manifest;
		return {
			bundle: id,
			at: new Date(createdAt).toISOString(),
			threshold: calibration.threshold,
			precision: precision.runs,
			pictures: training.images,
			complete: lacks === null,
			fault: lacks?.message ?? null,
			recipes,
		};
	};

	const list = async (wanted: string | undefined): Promise<Result<'bundles'>> => {
		const of = wanted === undefined ? undefined : dirname(recipeNamed(wanted).recipe.model);
		const found = await placesIn(
			folders().filter((folder) => of === undefined || folder === of),
			world,
		);
		const users = await usersOf();
		const bundles: Row[] = [];
		for (const place of found.slice(0, MOST_LISTED)) bundles.push(await rowOf(place, users(place)));
		bundles.sort((a, b) => (b.at ?? '').localeCompare(a.at ?? ''));
		return { bundles, isMore: found.length > MOST_LISTED, edited: null };
	};

	/** An edit of the recipe's bundle, and what came of it. */
	const change = async (
		recipe: string,
		written: string,
		{ by, signal, progress }: Work,
	): Promise<Result<'bundles'>> => {
		const { config, text } = editor().current();
		const before = config.recipes[recipe]!.model;
		const patch = { recipes: { [recipe]: { model: written } } };
		const what = `bundle of ${recipe}: ${basename(before)} → ${basename(written)}`;
		const edited =
			written === modelIn(text, recipe)
				? undefined
				: await editor().edit({ by, change: { patch }, what }, { signal, progress });
		const place = await placeOf(editor().current().config.recipes[recipe]!.model);
		const told = { recipe, stations: stationsOf(config, recipe), was: basename(before) };
		return {
			bundles: [await rowOf(place, (await usersOf())(place))],
			isMore: false,
			edited: edited ? { ...editTold(edited), ...told } : null,
		};
	};

	/** What the recipe had in the newest revision in which it had another. @throws Refusal conflict */
	const modelBefore = async (recipe: string): Promise<string> => {
		const now = modelIn(editor().current().text, recipe);
		for (const { rev } of editor().history()) {
			const before = modelIn(await editor().textOf(rev), recipe);
			if (before !== undefined && before !== now) return before;
		}
		throw new Refusal('conflict', `Recipe "${recipe}" had no other bundle in the revisions that are kept`);
	};

	return async ({ action, recipe: wanted, bundle }, work) => {
		if (action !== 'activate' && bundle !== undefined) throw unfit('bundle', `${action} takes none`);
		if (action === 'list') {
			const result = await list(wanted);
			return {
				text: `${countOf(result.bundles.length, 'bundle')}${result.isMore ? ' and more' : ''}`,
				result,
			};
		}
		if (wanted === undefined) throw unfit('recipe', `is missing: ${action} needs one`);
		const recipe = recipeNamed(wanted).name;
		if (action === 'activate' && bundle === undefined)
			throw unfit('bundle', 'is missing: activate needs one');
		const written =
			bundle === undefined
				? await modelBefore(recipe)
				: beside(editor().current(), recipe, await bundleNamed(bundle, world));
		const result = await change(recipe, written, work);
		const [now] = result.bundles;
		return {
			text: `recipe ${recipe} inspects with ${now?.bundle}${result.edited ? '' : ' already'}`,
			result,
		};
	};
}
