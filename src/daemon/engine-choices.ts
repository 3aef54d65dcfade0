import { sha256Of } from '../base/hash.js';
import type { RecipeConfig } from '../config/schema.js';

type Model = Pick<RecipeConfig, 'model' | 'precision'>;

/** An engine (SHA-256) that a station does not run with, as long as its recipe is what it was. */
export type Shun = {
	readonly station: string;
	readonly engine: string;
	/** What its recipe said of how it computes. */
	readonly recipe: string;
	readonly code: string;
	readonly message: string;
	readonly at: string;
	/** So often in a row. */
	readonly times: number;
	/** When it is moved to it again. */
	readonly againAt: string;
};

/** With which engines stations run that were moved to one, and which they must not run with. */
export type EngineChoices = {
	/** What a station's spec says of its engine: differs from one move to the next. Null: whatever lies there when it begins. */
	of(station: string, model: Model): string | null;
	/** While a station is moved to this one: its new process computes with it, or does not take over. */
	demanded(station: string): string | undefined;
	/** From now on the station's spec holds this engine. The result is told whether it was moved to: if not, all is as before. */
	choose(station: string, model: Model, engine: string): (isMoved: boolean) => void;
	/** Engines that a station must not run with while its recipe is this one. */
	shunned(station: string, recipe: RecipeConfig): readonly string[];
	/** The newest of a station goes first; beyond the most that are kept the oldest goes. */
	shun(shun: Shun): void;
	/** It may be tried again. */
	forgive(isForgiven: (shun: Shun) => boolean): void;
	readonly shuns: readonly Shun[];
};

/** Engines that stations do not run with, in all. */
const MOST_SHUNS = 200;

export function createEngineChoices(): EngineChoices {
	const chosen = new Map<string, Model & { readonly label: string }>();
	const demands = new Map<string, string>();
	let shuns: readonly Shun[] = [];
	let moves = 0;
	return {
		of: (station, { model, precision }) => {
			const choice = chosen.get(station);
			return choice && choice.model === model && choice.precision === precision ? choice.label : null;
		},
		demanded: (station) => demands.get(station),
		choose: (station, { model, precision }, engine) => {
			const before = chosen.get(station);
			moves += 1;
			// The same engine may be moved to again, when the process that had it fell back.
			chosen.set(station, { model, precision, label: `${engine}#${moves}` });
			demands.set(station, engine);
			return (isMoved) => {
				demands.delete(station);
				if (isMoved) return;
				if (before) chosen.set(station, before);
				else chosen.delete(station);
			};
		},
		shunned: (station, recipe) =>
			shuns
				.filter((shun) => shun.station === station && shun.recipe === printOf(recipe))
				.map(({ engine }) => engine),
		shun: (shun) => {
			const others = shuns.filter(
				({ station, engine }) => station !== shun.station || engine !== shun.engine,
			);
			shuns = [shun, ...others].slice(0, MOST_SHUNS);
		},
		forgive: (isForgiven) => {
			shuns = shuns.filter((shun) => !isForgiven(shun));
		},
		get shuns() {
			return shuns;
		},
	};
}

/** What decides whether an engine is good enough for a recipe, and nothing that is edited from shift to shift. */
export function printOf({ model, precision, provider, threads, deadlineMs }: RecipeConfig): string {
	return sha256Of(JSON.stringify([model, precision, provider, threads, deadlineMs])).slice(0, 12);
}
