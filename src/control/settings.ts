import { basename, dirname, isAbsolute, join } from 'node:path';
import type { Config, RecipeConfig } from '../config/schema.js';
import { readYaml } from '../config/yaml.js';
import type { Result } from '../protocol/requests.js';
import { Refusal, unknownName } from './answer.js';
import type { Edited, Standing } from './edit.js';

/** A recipe by its name. @throws Refusal invalid */
export function recipeIn(
	{ recipes }: Config,
	name: string,
): { readonly name: string; readonly recipe: RecipeConfig } {
	const recipe = Object.hasOwn(recipes, name) ? recipes[name] : undefined;
	if (!recipe) throw unknownName('recipe', 'recipe', name, Object.keys(recipes));
	return { name, recipe };
}

/** A station by its name. @throws Refusal invalid */
export function stationIn({ stations }: Config, name: string): Config['stations'][string] {
	const station = Object.hasOwn(stations, name) ? stations[name] : undefined;
	if (!station) throw unknownName('station', 'station', name, Object.keys(stations));
	return station;
}

/** The stations that run a recipe. */
export function stationsOf({ stations }: Config, recipe: string): string[] {
	return Object.entries(stations).flatMap(([name, station]) => (station.recipe === recipe ? [name] : []));
}

/** A recipe's bundle as it stands in a configuration's text. */
export function modelIn(text: string, recipe: string): string | undefined {
	const read = readYaml(text);
	if ('faults' in read) return undefined;
	const { recipes } = (read.value ?? {}) as {
		recipes?: Readonly<Record<string, { model?: unknown } | null>>;
	};
	const model = recipes && Object.hasOwn(recipes, recipe) ? recipes[recipe]?.model : undefined;
	return typeof model === 'string' ? model : undefined;
}

/** A bundle's path as it is to stand in a configuration: relative where the one is that it replaces, and both lie in one folder. */
export function beside(
	{ config, text }: Pick<Standing, 'config' | 'text'>,
	recipe: string,
	path: string,
): string {
	const written = modelIn(text, recipe);
	const before = config.recipes[recipe]?.model;
	if (
		written === undefined ||
		before === undefined ||
		isAbsolute(written) ||
		dirname(before) !== dirname(path)
	)
		return path;
	return join(dirname(written), basename(path));
}

/** An edit as its request tells it. */
export function editTold({ rev, before, changed }: Edited): NonNullable<Result<'threshold'>['edited']> {
	return { rev, before, changed };
}

/** Something that does not fit to what else is asked. */
export function unfit(path: string, message: string): Refusal {
	return new Refusal('invalid', `${path}: ${message}`, [{ path, message }]);
}
