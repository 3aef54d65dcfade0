import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { shownPath } from '../base/file-name.js';
import type { Config } from '../config/schema.js';
import { Refusal } from '../control/answer.js';
import { goodImages } from '../disk/dataset.js';
import { linkOutOf } from '../disk/inside.js';
import { gridOf, optionsOf, type Plan } from '../protocol/lesson.js';
import type { TeachRequest } from '../protocol/teach-messages.js';

/**
 * What a plan means on this box now: everything that is read and written lies where its owner allows it. `kept`: where a station's
 * parts are kept. @throws Refusal conflict where the configuration names no such place, invalid for a folder that leads elsewhere; Failure images-missing, file-unreadable
 */
export async function requestFor(plan: Plan, config: Config, kept: string): Promise<TeachRequest> {
	const { name, folder, station } = plan;
	const { tiles, rotate, shift, region: given, ...options } = optionsOf(plan);
	const region = given ?? (station === undefined ? undefined : recipeOf(station, config)?.region);
	return {
		...options,
		tiles: tiles === 'auto' ? 'auto' : gridOf(tiles),
		...((rotate > 0 || shift > 0) && { wobble: { degrees: rotate, shift } }),
		...(region && { region }),
		images: folder === undefined ? kept : await imagesIn(folder, config),
		isAdded: true,
		isLinked: false,
		out: join(bundlesFolder(plan, config), name),
		name,
	};
}

function recipeOf(station: string, { stations, recipes }: Config): Config['recipes'][string] | undefined {
	return recipes[stations[station]?.recipe ?? ''];
}

/** Where bundles may be taken from, and so be written to. */
function bundlesFolder({ station }: Plan, config: Config): string {
	const { allow } = config.control;
	if (allow.bundles !== undefined) return allow.bundles;
	const recipe = station === undefined ? undefined : recipeOf(station, config);
	const folders = new Set(
		(recipe ? [recipe] : Object.values(config.recipes)).map(({ model }) => dirname(model)),
	);
	const [only, other] = [...folders];
	if (only !== undefined && other === undefined) return only;
	throw new Refusal(
		'conflict',
		`Recipes have their bundles in ${folders.size} folders: control.allow.bundles in the file on the box says where lessons write theirs`,
	);
}

async function imagesIn(folder: string, { control }: Config): Promise<string> {
	const { pictures } = control.allow;
	if (pictures === undefined)
		throw new Refusal(
			'conflict',
			'Lessons may read no folder of this box: control.allow.pictures in the file on the box names the one that they may',
		);
	if (isAbsolute(folder) || /\p{Cc}/u.test(folder))
		throw refused(folder, 'must be relative to control.allow.pictures');
	const root = await realpath(pictures).catch(() => pictures);
	const path = await realpath(join(root, folder)).catch(() => undefined);
	if (path === undefined) throw refused(folder, 'there is no such folder');
	if (path !== root && !path.startsWith(`${root === '/' ? '' : root}/`))
		throw refused(folder, 'leads out of control.allow.pictures');
	const link = await linkOutOf(root, path);
	if (link !== undefined)
		throw refused(folder, `"${shownPath(link.slice(root.length + 1))}" leads out of control.allow.pictures`);
	await goodImages(path);
	return path;
}

function refused(folder: string, state: string): Refusal {
	return new Refusal('invalid', `folder: ${state}`, [
		{ path: 'folder', message: `${JSON.stringify(folder)}: ${state}` },
	]);
}
