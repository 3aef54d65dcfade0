import type { Pace } from '../../base/retry.js';
import type { Event } from '../../protocol/events.js';
import { instantOf, messageId } from '../../protocol/fields.js';
import type { Result } from '../../protocol/requests.js';
import type { StationState } from '../../protocol/states.js';
import type { Origin } from '../../protocol/verdict.js';
import { type Handler, Refusal } from '../answer.js';
import type { Editor } from '../edit.js';
import { editTold, recipeIn, stationIn } from '../settings.js';

export type RecipeWorld = {
	/** @throws Refusal where nothing can be edited */
	readonly editor: () => Pick<Editor, 'current' | 'edit'>;
	/** Hears every verdict once it stands in the journal, until it is disposed. */
	readonly hearVerdicts: (hear: (event: Event) => void) => Disposable;
	/** As they were told last. */
	readonly states: () => readonly StationState[];
	/** Of the journal. */
	readonly series: () => string;
	readonly pace: Pick<Pace, 'now' | 'pause'>;
};

/** The first part gets so long after the recipe runs. */
const FIRST_PART_MS = 60_000;

/** How often it is looked whether it has come. */
const LOOK_MS = 50;

export function recipeRequest(world: RecipeWorld): Handler<'recipe'> {
	const { editor, hearVerdicts, states, series, pace } = world;
	return async ({ station, recipe }, { by, signal, progress }) => {
		const { config } = editor().current();
		const { recipe: was } = stationIn(config, station);
		const { trigger } = recipeIn(config, recipe).recipe;
		const result = { station, recipe, was, verdict: null, edited: null };
		if (was === recipe) return { text: `station ${station} runs recipe ${recipe} already`, result };
		let first: Event | undefined;
		let doubt = '';
		using _hearing = hearVerdicts((event) => {
			const origin = event.origin as Origin;
			if (event.station !== station || origin.recipe !== recipe) return;
			if (event.score !== null) first ??= event;
			else
				doubt = ` (${(event.body as { readonly error?: { readonly message: string } | null }).error?.message})`;
		});
		const patch = { stations: { [station]: { recipe } } };
		const what = `recipe of ${station}: ${was} → ${recipe}`;
		const edited = editTold(await editor().edit({ by, change: { patch }, what }, { signal, progress }));
		const text = `station ${station} runs recipe ${recipe} now`;
		// Nobody knows when the next part is due.
		if (trigger.mode !== 'every') return { text, result: { ...result, edited } };
		progress(1, 2, `${text}: its first part is waited for`);
		const lastMs = pace.now() + FIRST_PART_MS;
		while (!first && pace.now() < lastMs && !isOver(states(), station)) {
			await pace.pause(LOOK_MS, signal);
			signal.throwIfAborted();
		}
		if (!first) throw new Refusal('late', `${text}, but none of its parts was scored${doubt}`);
		return { text, result: { ...result, verdict: verdictTold(first, series()), edited } };
	};
}

/** Nothing more comes of its source. */
function isOver(states: readonly StationState[], station: string): boolean {
	return states.some((told) => told.station === station && told.state === 'finished');
}

function verdictTold(
	{ id, sequence, atMs, verdict, score, origin }: Event,
	series: string,
): NonNullable<Result<'recipe'>['verdict']> {
	const { threshold, model } = origin as Origin;
	return {
		id: messageId(series, id),
		sequence: sequence!,
		at: instantOf(atMs),
		verdict: verdict!,
		score: score!,
		threshold,
		bundle: model?.bundle ?? null,
	};
}
