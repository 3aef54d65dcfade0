import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Of } from '../../src/base/hash.js';
import type { Random } from '../../src/base/random.js';
import { dataOf } from '../../src/config/yaml.js';
import { PLANS, patchTo, planIn } from './plans.js';
import type { Being } from './time.js';

export type EngineerWorld = {
	/** The configuration's file, and the journal's folder. */
	readonly path: string;
	readonly folder: string;
	readonly recipes: readonly string[];
	/** What the file says with these thresholds, by recipe, and a plan; cut off before the last recipe it is no configuration. */
	readonly textOf: (thresholds: Readonly<Record<string, number>>, plan: number) => string;
	/** Of the first file. */
	readonly plan: number;
	readonly nature: Being;
	readonly random: Random;
	/** Asks the box. @returns whether anybody heard it */
	readonly ask: (request: object) => boolean;
	readonly violated: (what: string) => void;
};

/** Somebody wants a threshold, and no two are the same, or another schedule. */
type Wish = {
	readonly id: string;
	readonly recipe: string | undefined;
	/** What it must be answered, where that is known. */
	readonly wanted: 'ok' | 'invalid' | undefined;
	/** Whatever it is answered, it is only tried. */
	readonly isDry: boolean;
	code: string | undefined;
};

type Thresholds = Readonly<Record<string, number>>;

export type Answered = {
	readonly id: string | null;
	/** Progress has none. */
	readonly code?: string;
	readonly result?: { readonly rev?: string; readonly confirmBy?: string | null } | null;
};

const FIRST = 0.4;
/** So many edits are of the schedule. */
const OF_PLANS = 0.3;
/** Answers with these say that nothing was moved. */
const UNMOVED = ['invalid', 'denied', 'conflict', 'busy'];
const CONFIRM_S = { least: 5, more: 40 } as const;
/** A hand writes in two steps, so long apart at most. */
const TORN_MS = 800;

/** Edits the configuration from afar and by hand, and knows with which thresholds a part may be judged. */
export function createEngineer(world: EngineerWorld) {
	const { path, folder, recipes, textOf, nature, random, ask, violated } = world;
	let count = 0;
	const wishes = new Map<number, Wish>();
	const byId = new Map<string, Wish>();
	const answers = new Map<string, string>();
	/** As the last verdict of each station was judged. */
	const judged = new Map<string, number>();
	let told:
		| {
				readonly rev: string;
				readonly confirmBy: string | null;
				readonly thresholds: Thresholds;
				readonly plan: number | undefined;
		  }
		| undefined;
	/** Schedules that may be in force: what stands, or would be gone back to, and what was wanted since. */
	const plans = new Set([world.plan]);

	const wish = (wanted: Wish['wanted'], isDry = false) => {
		count += 1;
		const threshold = Number((FIRST + count / 10_000).toFixed(4));
		const id = `edit-${count}`;
		const recipe = recipes[random.below(recipes.length)]!;
		const one: Wish = { id, recipe, wanted, isDry, code: undefined };
		wishes.set(threshold, one);
		byId.set(id, one);
		return { id, recipe, threshold };
	};
	const wishPlan = (wanted: Wish['wanted'], isDry: boolean) => {
		count += 1;
		const id = `edit-${count}`;
		byId.set(id, { id, recipe: undefined, wanted, isDry, code: undefined });
		const plan = random.below(PLANS.length);
		if (!isDry) plans.add(plan);
		return { id, patch: { schedule: patchTo(plan) } };
	};
	const wishThreshold = (wanted: Wish['wanted'], isDry: boolean) => {
		const { id, recipe, threshold } = wish(wanted, isDry);
		const changed = { threshold, ...(wanted === 'invalid' && { deadlineMs: -1 }) };
		return { id, patch: { recipes: { [recipe]: changed } } };
	};
	const edit = (wanted: Wish['wanted']): void => {
		const [isDry, isConfirmed] = [wanted === undefined && random.uniform() < 0.2, random.uniform() < 0.4];
		const isPlan = wanted !== 'invalid' && random.uniform() < OF_PLANS;
		const { id, patch } = (isPlan ? wishPlan : wishThreshold)(wanted, isDry);
		const confirmTimeoutS = CONFIRM_S.least + random.below(CONFIRM_S.more);
		const isAsked = ask({
			id,
			client: 'engineer',
			patch,
			...(isDry && { dryRun: true }),
			...(wanted === undefined && !isDry && isConfirmed && { confirmTimeoutS }),
		});
		if (!isAsked && wanted === 'ok') violated(`nobody hears ${id} though nothing is wrong`);
	};
	const readFile = () => readFileSync(path, 'utf8');
	const configured = (text: string) => dataOf(text) as Configured;

	return {
		edit: () => edit(undefined),
		editWrongly: () => edit('invalid'),
		/** While nothing is wrong. */
		editCalmly: () => edit('ok'),
		/** Writes into the file, half of it first. */
		byHand: (): void => {
			const before = readFile();
			// Another hand is at it.
			if (!before.endsWith('\n') || !before.includes(`\n  ${recipes.at(-1)}:\n`)) return;
			const { schedule, ...said } = configured(before);
			const isPlan = random.uniform() < OF_PLANS;
			const plan = isPlan ? random.below(PLANS.length) : planIn(schedule)!;
			plans.add(plan);
			const wished = isPlan ? undefined : wish(undefined);
			const text = textOf(
				{ ...thresholdsOf(said), ...(wished && { [wished.recipe]: wished.threshold }) },
				plan,
			);
			const last = text.indexOf(`\n  ${recipes.at(-1)}:`, text.indexOf('\nrecipes:'));
			const first = text.indexOf('\nstations:') + '\nstations:\n  '.length;
			writeFileSync(path, text.slice(0, first + random.below(last - first)));
			nature.later(random.uniform() * TORN_MS, () => writeFileSync(path, text));
		},
		answered: ({ id, code, result }: Answered): void => {
			// A signal is answered also while the disk takes nothing: then it may be answered again.
			if (!id?.startsWith('edit-') || code === undefined) return;
			const said = JSON.stringify([code, result?.rev]);
			const before = answers.get(id);
			if (before !== undefined && before !== said) violated(`${id} was answered ${before} and ${said}`);
			answers.set(id, said);
			const known = byId.get(id);
			if (!known || before !== undefined) return;
			known.code = code;
			if (known.wanted === 'invalid' && code === 'ok') violated(`${id} was taken, and is no configuration`);
			if (!result?.confirmBy || random.uniform() < 0.4) return;
			const afterMs = random.uniform() * 1300 * CONFIRM_S.more;
			nature.later(afterMs, () => void ask({ id: `${id}-confirmed`, client: 'engineer', action: 'confirm' }));
		},
		toldConfiguration: ({ rev, confirmBy, configuration }: ToldConfiguration): void => {
			told = {
				rev,
				confirmBy,
				thresholds: thresholdsOf(configuration),
				plan: planIn(configuration.schedule),
			};
		},
		/** Schedules that may be in force. */
		plans: (): readonly number[] => [...plans],
		planTold: (): number | undefined => told?.plan,
		/** What the file says, while no hand is at it. */
		planNow: (): number | undefined => planIn(configured(readFile()).schedule),
		/** Stations are called as their recipes. */
		judged: (station: string, threshold: number | null): void => {
			if (threshold === null || judged.get(station) === threshold) return;
			judged.set(station, threshold);
			const known = wishes.get(threshold);
			if (!known) {
				if (threshold !== FIRST) violated(`nobody wanted ${threshold} at ${station}`);
				return;
			}
			if (known.recipe !== station)
				violated(`${station} judges with ${threshold}, which is ${known.recipe}'s`);
			if (known.isDry || known.wanted === 'invalid' || UNMOVED.includes(known.code ?? ''))
				violated(`${station} judges with ${threshold} of ${known.id}, which was not taken: ${known.code}`);
		},
		/** When everything is well, or has ended: the file, its history, what is told and what judges agree. */
		settle: (): void => {
			for (const { id, wanted, code } of byId.values())
				if (wanted === 'ok' && code !== 'ok') violated(`${id} was answered ${code}, and nothing was wrong`);
			const place = join(folder, 'revisions', 'index.json');
			if (!existsSync(place) || !told) {
				violated('there is no history of the configuration, or nobody tells which runs');
				return;
			}
			const { revisions, pending, refused } = JSON.parse(readFileSync(place, 'utf8'));
			const held = sha256Of(readFile());
			const stands = pending?.sha256 === held ? pending : revisions.at(-1);
			if (held !== stands.sha256 && held !== refused)
				violated(`the file is not revision ${stands.rev}, and was not refused`);
			if (told.confirmBy !== null) violated(`revision ${told.rev} still waits to be confirmed`);
			if (told.rev !== stands.rev) violated(`revision ${told.rev} is told, and ${stands.rev} stands`);
			const text = readFileSync(join(folder, 'revisions', `${stands.rev}.yaml`), 'utf8');
			const standing = configured(text);
			const wanted = thresholdsOf(standing);
			const plan = planIn(standing.schedule);
			if (plan === undefined || plan !== told.plan)
				violated(`revision ${stands.rev} has schedule ${plan}, it is told ${told.plan}`);
			plans.clear();
			const proven = revisions.findLastIndex(({ isProven }: { readonly isProven?: boolean }) => isProven);
			for (const { rev } of revisions.slice(Math.max(0, proven)))
				plans.add(
					planIn(configured(readFileSync(join(folder, 'revisions', `${rev}.yaml`), 'utf8')).schedule)!,
				);
			for (const recipe of recipes) {
				const [says, tells, does] = [wanted[recipe], told.thresholds[recipe], judged.get(recipe)];
				if (says !== tells || (does !== undefined && does !== says))
					violated(
						`revision ${stands.rev} says ${says} for ${recipe}, it is told ${tells}, and does ${does}`,
					);
			}
		},
	};
}

type Configured = {
	readonly schedule?: unknown;
	readonly recipes?: Readonly<Record<string, { readonly threshold?: number }>>;
};
export type ToldConfiguration = {
	readonly rev: string;
	readonly confirmBy: string | null;
	readonly configuration: Configured;
};

function thresholdsOf({ recipes = {} }: Configured): Thresholds {
	return Object.fromEntries(
		Object.entries(recipes).map(([name, { threshold = FIRST }]) => [name, threshold]),
	);
}
