import { countOf } from '../../base/words.js';
import type { RecipeConfig } from '../../config/schema.js';
import { type EngineTold, engineLine } from '../../protocol/engines.js';
import type { Ask, Result } from '../../protocol/requests.js';
import { type Handler, Refusal, type Work } from '../answer.js';
import type { Editor } from '../edit.js';
import { recipeIn, unfit } from '../settings.js';

type Asked = { readonly model: string; readonly precision: RecipeConfig['precision'] };

export type EnginesRequestWorld = {
	/** @throws Refusal where nothing can be edited */
	readonly editor: () => Pick<Editor, 'current'>;
	/** The path of a bundle by its name and what it holds. @throws Refusal conflict */
	readonly bundleNamed: (name: string) => Promise<string>;
	/** Undefined while the daemon moves. */
	readonly engines: () =>
		| {
				readonly current: { readonly engines: readonly EngineTold[] };
				/** @returns the name of the engine @throws Refusal, Failure */
				ask(model: Asked, again: boolean): Promise<string>;
				of(id: string): { readonly told: EngineTold; readonly isOver: boolean } | undefined;
				/** @throws Refusal, Failure */
				remove(id: string): Promise<void>;
				changed(signal: AbortSignal): Promise<void>;
		  }
		| undefined;
	/** What lies on the disk. */
	readonly kept: () => Promise<Result<'engines'>['kept']>;
};

type Action = Ask<'engines'>['action'];

/** What each action is asked with. */
const takes: Readonly<Record<Action, readonly string[]>> = {
	list: [],
	build: ['recipe', 'bundle', 'precision', 'again'],
	remove: ['engine'],
};

export function enginesRequest(world: EnginesRequestWorld): Handler<'engines'> {
	const engines = () => {
		const service = world.engines();
		if (service) return service;
		throw new Refusal('busy', 'The daemon is being changed: ask again later');
	};

	const modelOf = async ({ recipe, bundle, precision }: Ask<'engines'>): Promise<Asked> => {
		if ((recipe === undefined) === (bundle === undefined))
			throw unfit('recipe', 'build takes either a recipe or a bundle');
		if (bundle !== undefined)
			return { model: await world.bundleNamed(bundle), precision: precision ?? 'bundle' };
		const { recipe: named } = recipeIn(world.editor().current().config, recipe!);
		return { model: named.model, precision: precision ?? named.precision };
	};

	/** Until there is nothing more to come. @throws Refusal failed */
	const followed = async (id: string, { signal, progress }: Work): Promise<EngineTold> => {
		const service = engines();
		for (let line = ''; ; await service.changed(signal)) {
			signal.throwIfAborted();
			if (world.engines() !== service)
				throw new Refusal('interrupted', 'The service was started anew: its topic tells how it goes on');
			const now = service.of(id);
			if (!now) throw new Refusal('failed', `Nobody wants engine "${id}" any more`);
			const { told, isOver } = now;
			if (isOver) return told;
			const share = told.progress?.share ?? null;
			const next = engineLine(told);
			if (next !== line) progress(Math.round((share ?? 0) * 100), share === null ? 0 : 100, next);
			line = next;
		}
	};

	const build = async (asked: Ask<'engines'>, work: Work) => {
		const id = await engines().ask(await modelOf(asked), asked.again ?? false);
		const told = await followed(id, work);
		const [refused] = told.refusedBy;
		if (told.error) throw new Refusal('failed', tailed(told.error));
		if (refused)
			throw new Refusal(
				'failed',
				`${engineLine(told)}; station "${refused.station}" went back: ${refused.message}`,
			);
		return { text: engineLine(told), result: { engines: [told], kept: [], removed: null } };
	};

	return async (asked, work) => {
		const { action, engine } = asked;
		for (const [key, value] of Object.entries(asked))
			if (key !== 'action' && value !== undefined && !takes[action].includes(key))
				throw unfit(key, `is not for "${action}"`);
		if (action === 'build') return build(asked, work);
		if (action === 'list') {
			const told = engines().current.engines;
			const kept = await world.kept();
			return {
				text: countOf(new Set([...told, ...kept].map(({ id }) => id)).size, 'engine'),
				result: { engines: told, kept, removed: null },
			};
		}
		if (engine === undefined) throw unfit('engine', 'is missing: remove needs one');
		await engines().remove(engine);
		return { text: `engine ${engine} is removed`, result: { engines: [], kept: [], removed: engine } };
	};
}

function tailed({ message, tail }: NonNullable<EngineTold['error']>): string {
	return tail === '' ? message : `${message}\n${tail}`;
}
