import { dirname } from 'node:path/posix';
import { masked } from '../base/secrets.js';
import { addressesOf } from './broker.js';
import { valueAt } from './difference.js';
import { isInside, letsBrokerIn, letsSourceIn, type RealPath } from './pattern.js';
import type { Config } from './schema.js';
import { mannerOf } from './setting.js';

/** Where an edit comes from: over MQTT, through the box's own socket, or from its file. */
export type Origin = 'remote' | 'local' | 'file';

/** Who edits: from where, and whether somebody has signed it who may. */
export type Editing = { readonly origin: Origin; readonly isSigned: boolean };

/** A setting that may not be changed so. */
export type Forbidden = { readonly path: string; readonly message: string };

/**
 * What of an edit may not be changed so, by the rows of the schema and by what the configuration that stands allows. `changed`: where
 * the two differ (config/difference); paths in both are absolute.
 */
export async function forbidden(
	before: Config,
	after: Config,
	changed: readonly string[],
	{ origin, isSigned }: Editing,
	realPath: RealPath,
): Promise<readonly Forbidden[]> {
	if (origin === 'file') return [];
	const unsigned = isSigned ? [] : needsSignature(before, after, changed);
	const found = await Promise.all(
		settingsIn(before, after, changed).map(async (keys): Promise<Forbidden[]> => {
			const message = await reasonAgainst(before, after, keys, origin, realPath);
			return message === undefined ? [] : [{ path: keys.join('.'), message }];
		}),
	);
	const isFree = (path: string) => !found.flat().some((fault) => fault.path === path);
	const message = 'is changed by a signed request alone (inspectord sign)';
	return [...found.flat(), ...unsigned.filter(isFree).map((path) => ({ path, message }))];
}

/** What of an edit only a signed request may change, by the configuration that stands. */
function needsSignature(before: Config, after: Config, changed: readonly string[]): readonly string[] {
	const { settings } = before.control.signed;
	return settingsIn(before, after, changed)
		.map((keys) => keys.join('.'))
		.filter((path) => settings.some((name) => isPartOf(name, path)));
}

/** Where bundles may lie that are asked for over MQTT: where the owner says, or beside those that the configuration names. */
export function bundleFolders({ recipes, control: { allow } }: Config): readonly string[] {
	if (allow.bundles !== undefined) return [allow.bundles];
	return [...new Set(Object.values(recipes).map(({ model }) => dirname(model)))];
}

/** Every setting that an edit touches: also all of a station or recipe that comes or goes. */
export function settingsIn(
	before: Config,
	after: Config,
	changed: readonly string[],
): readonly (readonly string[])[] {
	return changed.flatMap((path) => {
		const keys = path === '' ? [] : path.split('.');
		const ends = [...endsOf(valueAt(before, keys)), ...endsOf(valueAt(after, keys))];
		const paths = ends.map((end) => [...keys, ...end]);
		return [...new Map(paths.map((one) => [one.join('.'), one])).values()];
	});
}

async function reasonAgainst(
	before: Config,
	after: Config,
	keys: readonly string[],
	origin: Origin,
	realPath: RealPath,
): Promise<string | undefined> {
	const { remote, edit } = mannerOf(keys);
	if (edit === 'file') return 'is changed in the file on the box alone';
	if (origin === 'local' || remote === 'may') return undefined;
	if (remote === 'never') return 'is changed on the box alone: in its file, or by its socket';
	const value = valueAt(after, keys);
	// What is taken away reaches nothing, and a list of addresses is looked at one by one.
	if (typeof value !== 'string') return undefined;
	const { allow } = before.control;
	if (remote === 'bundles') {
		const models = Object.values(before.recipes).map(({ model }) => model);
		if (models.includes(value)) return undefined;
		const folders = bundleFolders(before);
		for (const folder of folders) if (await isInside(folder, value, realPath)) return undefined;
		return `"${value}" does not lie in ${listed(folders)}, from where bundles may be taken over MQTT: control.allow.bundles in the file on the box names another folder`;
	}
	const isCamera = remote === 'cameras';
	const standing = isCamera
		? Object.values(before.stations).map(({ camera }) => camera.source)
		: addressesOf(before.mqtt);
	if (standing.includes(value)) return undefined;
	const patterns = allow[remote];
	if (isCamera ? await letsSourceIn(patterns, value, realPath) : await letsBrokerIn(patterns, value))
		return undefined;
	const which = patterns.length === 0 ? 'none' : listed(patterns);
	return `"${masked(value)}" does not stand in the configuration, and control.allow.${remote} in the file on the box lets ${which} in over MQTT`;
}

function listed(texts: readonly string[]): string {
	return texts.map((text) => `"${text}"`).join(', ');
}

/** Whether a path has the keys of a name, one after the other. */
function isPartOf(name: string, path: string): boolean {
	return `.${path}.`.includes(`.${name}.`);
}

/** The ways to everything in a value that holds nothing itself. */
function endsOf(value: unknown): (readonly string[])[] {
	if (typeof value !== 'object' || value === null) return value === undefined ? [] : [[]];
	const inner = Object.entries(value).flatMap(([key, each]) => endsOf(each).map((end) => [key, ...end]));
	return inner.length === 0 ? [[]] : inner;
}
