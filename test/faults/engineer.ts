import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { sha256Of } from '../../src/base/hash.js';
import { oneOf, type Random } from '../../src/base/random.js';
import { dataOf } from '../../src/config/yaml.js';
import type { VerdictMessage } from '../../src/protocol/verdict.js';
import { BOX, createClaims, HAND } from './claims.js';
import { PLANS, patchTo, planIn } from './plans.js';
import {
	cameraAt,
	FIRST_BUNDLE,
	FRAIL_BUNDLE,
	MUTE_BUNDLE,
	type Shelf,
	sourceOf,
	UNPROVEN_BUNDLES,
} from './shelf.js';
import type { Being } from './time.js';

/** What a configuration says of each recipe, and of the station that is called so. */
export type Said = Readonly<
	Record<string, { readonly threshold: number; readonly bundle: string; readonly camera: string }>
>;

export type EngineerWorld = {
	/** The configuration's file, and the journal's folder. */
	readonly path: string;
	readonly folder: string;
	readonly shelf: Shelf;
	/** In the order of their places. */
	readonly recipes: readonly string[];
	/** Whether parts of this one come by themselves. */
	readonly isSteady: (recipe: string) => boolean;
	/** What the file says; cut off before the last recipe it is no configuration. */
	readonly textOf: (said: Said, plan: number) => string;
	/** Of the first file. */
	readonly plan: number;
	readonly nature: Being;
	readonly random: Random;
	/** So long from now nothing is wrong and somebody edits. */
	readonly calmInMs: () => number;
	/** Asks the box. @returns whether anybody heard it */
	readonly ask: (request: object) => boolean;
	readonly violated: (what: string) => void;
};

/** What somebody has asked for, by an id of its own. */
type Wish = {
	readonly id: string;
	/** Where it is a threshold: no two are the same. */
	readonly recipe: string | undefined;
	/** What it must be answered, where that is known; another refusal will do while something is wrong. */
	readonly wanted: Wanted;
	/** Whatever it is answered, it is only tried. */
	readonly isDry: boolean;
	/** What it was made from, where it says so. */
	baseRev: string | undefined;
	/** As it was asked. */
	request: object;
	/** Since then it judges no more, because nobody confirmed it. */
	overMs: number;
	code: string | undefined;
	/** What waits to be confirmed. */
	rev: string | undefined;
};

type Wanted = 'ok' | 'failed' | 'conflict' | 'invalid' | 'denied' | undefined;

/** Those of edits while nothing is wrong. */
const SURE: readonly Wanted[] = ['ok', 'failed', 'conflict'];

/** A recipe's bundle or camera. */
type Moving = { readonly recipe: string; readonly bundle?: string; readonly camera?: string };

/** A station that nothing may disturb. */
type Watched = { readonly station: string; readonly id: string; runs: Set<string>; errors: number };

export type Answered = {
	readonly id: string | null;
	/** Progress has none. */
	readonly code?: string;
	readonly text?: string;
	readonly result?: { readonly rev?: string; readonly confirmBy?: string | null } | null;
};

export const FIRST_THRESHOLD = 0.4;
/** So many edits are of the schedule, and so many of moves are of a camera, of two stations, only tried. */
const OF_PLANS = 0.3;
const OF_CAMERAS = 0.35;
const OF_TWO = 0.2;
const DRY = 0.2;
/** So many moves are to what does its work. */
const GOOD = 0.6;
/** So many say which revision they were made from, one of those that somebody remembers. */
const OF_BASED = 0.2;
/** A box says so where the way back failed, too. */
const LEFT = 'does not run whole';
/** So many are asked for again that were answered, within this time. */
const AGAIN = 0.1;
const AGAIN_MS = 30_000;
/** The configuration allows cameras of its own machine alone. */
const FORBIDDEN = 'rtsp://192.0.2.1/part';
/** Answers with these say that nothing was moved. */
const UNMOVED = ['invalid', 'denied', 'conflict', 'busy'];
const CONFIRM_S = { least: 5, more: 40 } as const;
const CONFIRMED = '-confirmed';
const MISTAKEN = '-mistaken';
/** So long after its time at most what nobody confirms judges. */
const UNDO_MS = 60_000;
/** A hand writes in two steps, so long apart at most. */
const TORN_MS = 800;
/** For so long nobody can edit where something is tried that never answers. */
const MUTE_MS = 660_000;
/** A revision is looked at so often whether it is proven, which takes at least so long after it was first seen. */
const LOOK_MS = 10_000;
const LONG_MS = 300_000 - LOOK_MS;
/** Revisions that somebody remembers. */
const MOST_REMEMBERED = 12;
const MOST_REVISIONS = 4096;

/** Edits the configuration from afar and by hand, and knows by what a part may be judged. */
export function createEngineer(world: EngineerWorld) {
	const { path, folder, shelf, recipes, isSteady, textOf, nature, random, calmInMs, ask, violated } = world;
	let count = 0;
	const wishes = new Map<number, Wish>();
	const byId = new Map<string, Wish>();
	const answers = new Map<string, string>();
	const claims = createClaims(nature.now);
	/** As the last part of each station was judged that was none of an error. */
	const judged = new Map<string, Said[string]>();
	/** By what a station judges, by the name that its verdicts give to all of it. */
	const revisionsSeen = new Map<string, string>();
	let told: (Standing & { readonly rev: string; readonly confirmBy: string | null }) | undefined;
	let remembered: readonly (Standing & { readonly rev: string })[] = [];
	/** Schedules that may be in force: what stands, or would be gone back to, and what was wanted since. */
	const plans = new Set([world.plan]);
	let muteUntilMs = Number.NEGATIVE_INFINITY;
	let watched: Watched | undefined;
	/** What the file says while something is only tried. */
	let tryingOn: { readonly id: string; readonly text: string } | undefined;
	let lapses: string | undefined;
	let idleSinceMs = Number.POSITIVE_INFINITY;
	/** By the hash of its text. */
	const proven = new Set<string>();
	/** When a revision was first seen. */
	const seenMs = new Map<string, number>();
	let endedMs = Number.NEGATIVE_INFINITY;
	/** When somebody confirmed whatever it was. */
	let anyConfirmedMs = Number.NEGATIVE_INFINITY;
	let whenAnswered: { readonly id: string; readonly act: () => void } | undefined;

	const claimAll = ({ said, plan }: Standing, by: string): void => {
		if (plan !== undefined) plans.add(plan);
		for (const [recipe, { bundle, camera }] of Object.entries(said)) {
			claims.claim(`${recipe} bundle`, bundle, by);
			claims.claim(`${recipe} camera`, camera, by);
		}
	};
	const wish = (wanted: Wanted, isDry: boolean, recipe?: string): Wish => {
		count += 1;
		const one: Wish = {
			...{ id: `edit-${count}`, recipe, wanted, isDry },
			...{
				baseRev: undefined,
				request: {},
				overMs: Number.POSITIVE_INFINITY,
				code: undefined,
				rev: undefined,
			},
		};
		byId.set(one.id, one);
		return one;
	};
	const wishPlan = (wanted: Wanted, isDry: boolean) => {
		const { id } = wish(wanted, isDry);
		const plan = random.below(PLANS.length);
		if (!isDry) plans.add(plan);
		return { id, patch: { schedule: patchTo(plan) } };
	};
	const newThreshold = (wanted: Wanted, isDry: boolean) => {
		const recipe = oneOf(recipes, random);
		const one = wish(wanted, isDry, recipe);
		const threshold = Number((FIRST_THRESHOLD + count / 10_000).toFixed(4));
		wishes.set(threshold, one);
		return { id: one.id, recipe, threshold };
	};
	const wishThreshold = (wanted: Wanted, isDry: boolean) => {
		const { id, recipe, threshold } = newThreshold(wanted, isDry);
		const changed = { threshold, ...(wanted === 'invalid' && { deadlineMs: -1 }) };
		return { id, patch: { recipes: { [recipe]: changed } } };
	};
	const wishMove = (wanted: Wanted, isDry: boolean, moving: readonly Moving[]) => {
		const { id } = wish(wanted, isDry);
		const patch = { recipes: {} as Record<string, object>, stations: {} as Record<string, object> };
		for (const { recipe, bundle, camera } of moving) {
			if (bundle !== undefined) patch.recipes[recipe] = { model: bundle };
			if (camera !== undefined) patch.stations[recipe] = { camera: { source: camera } };
			if (isDry) continue;
			if (bundle !== undefined) claims.claim(`${recipe} bundle`, bundle, id);
			if (camera !== undefined) claims.claim(`${recipe} camera`, camera, id);
		}
		return { id, patch };
	};
	const wishForbidden = () => {
		const { id } = wish('denied', false);
		return { id, patch: { stations: { [oneOf(recipes, random)]: { camera: { source: FORBIDDEN } } } } };
	};
	const camera = (recipe: string, kind: Parameters<typeof sourceOf>[1]) =>
		sourceOf(recipes.indexOf(recipe), kind);
	const wellMoving = (): readonly Moving[] => {
		const first = oneOf(recipes, random);
		const both = random.uniform() < OF_TWO ? [first, oneOf(recipes, random)] : [first];
		return [...new Set(both)].map((recipe) =>
			random.uniform() < OF_CAMERAS
				? { recipe, camera: camera(recipe, oneOf(['shows', 'shows too'], random)) }
				: { recipe, bundle: oneOf(shelf.good(), random) },
		);
	};
	const oneKind = () => (random.uniform() < OF_CAMERAS ? 'camera' : 'bundle');
	/** Of one station, to what it will never work with. `isSure`: whatever was wrong with it before. */
	const badlyMoving = (isSure: boolean, kind = oneKind()): Moving => {
		const recipe = oneOf(recipes, random);
		if (kind === 'camera')
			return { recipe, camera: camera(recipe, oneOf(['refuses', 'hangs', 'opens once'], random)) };
		if (!isSure && nature.now() > muteUntilMs && calmInMs() > MUTE_MS && random.uniform() < 0.5) {
			muteUntilMs = nature.now() + MUTE_MS;
			return { recipe, bundle: MUTE_BUNDLE };
		}
		const frail = !isSure || isSteady(recipe) ? [FRAIL_BUNDLE] : [];
		return { recipe, bundle: oneOf([...UNPROVEN_BUNDLES, ...frail], random) };
	};
	const send = ({ id, patch }: { readonly id: string; readonly patch: object }, more: object = {}): void => {
		const { wanted, isDry } = byId.get(id)!;
		const request = { id, client: 'engineer', patch, ...(isDry && { dryRun: true }), ...more };
		byId.get(id)!.request = request;
		if (ask(request)) return;
		void claims.unmoved(id);
		if (SURE.includes(wanted)) violated(`nobody hears ${id} though nothing is wrong`);
	};
	/** Says what it was made from, which may stand no more. */
	const based = (edit: Parameters<typeof send>[0], rev: string | undefined) => {
		byId.get(edit.id)!.baseRev = rev;
		return rev === undefined ? {} : { baseRev: rev };
	};
	const confirmation = () => ({ confirmTimeoutS: CONFIRM_S.least + random.below(CONFIRM_S.more) });
	/** What is wanted of one that may fail, as most do. */
	const sendDrawn = (make: (wanted: undefined, isDry: boolean) => Parameters<typeof send>[0]): void => {
		const [isDry, isConfirmed] = [random.uniform() < DRY, random.uniform() < 0.4];
		const edit = make(undefined, isDry);
		const from = random.uniform() < OF_BASED ? (oneOf(remembered, random)?.rev ?? told?.rev) : undefined;
		send(edit, { ...(!isDry && isConfirmed ? confirmation() : {}), ...based(edit, from) });
	};
	const readFile = () => readFileSync(path, 'utf8');
	const standingIn = (text: string): Standing => standingOf(dataOf(text) as Configured);
	const index = ():
		| {
				readonly revisions: readonly {
					readonly rev: string;
					readonly sha256: string;
					readonly base?: string | null;
					readonly by?: string;
					readonly isProven?: boolean;
				}[];
				readonly pending?: { readonly rev: string; readonly sha256: string };
				readonly refused?: string;
		  }
		| undefined => {
		const place = join(folder, 'revisions', 'index.json');
		return existsSync(place) ? JSON.parse(readFileSync(place, 'utf8')) : undefined;
	};
	const standingAt = (rev: string): Standing =>
		standingIn(readFileSync(join(folder, 'revisions', `${rev}.yaml`), 'utf8'));
	/** What a daemon may start with: the last one that was proven, and all since. */
	const startable = (): readonly Standing[] => {
		const { revisions = [] } = index() ?? {};
		const proven = revisions.findLastIndex(({ isProven }) => isProven);
		return revisions.slice(Math.max(0, proven)).map(({ rev }) => standingAt(rev));
	};

	/** What is proven has run for long, or until a daemon ended in order; what the box itself goes back to was. */
	const lookAtProven = (): void => {
		const nowMs = nature.now();
		const { revisions = [] } = index() ?? {};
		for (const { rev, sha256, by, isProven } of revisions) {
			const firstMs = seenMs.get(rev) ?? nowMs;
			seenMs.set(rev, firstMs);
			if (by === 'box' && !proven.has(sha256))
				violated(`the box went back to ${rev}, which was never proven`);
			if (!isProven || proven.has(sha256)) continue;
			if (nowMs - firstMs < LONG_MS && endedMs < firstMs - LOOK_MS)
				violated(`${rev} is proven, and stood for ${(nowMs - firstMs) / 1000} s`);
			proven.add(sha256);
		}
		for (const rev of seenMs.keys()) if (!revisions.some((one) => one.rev === rev)) seenMs.delete(rev);
	};
	nature.every(LOOK_MS, lookAtProven);

	/** While nothing is wrong, one after the other. */
	const inTurn = (steps: readonly (() => string | undefined)[]): void => {
		const [step, ...rest] = steps;
		const id = step?.();
		if (!step) idleSinceMs = nature.now();
		if (id !== undefined) whenAnswered = { id, act: () => inTurn(rest) };
		else if (step) inTurn(rest);
	};
	/** Nobody confirms it, unless he does not say what he confirms. */
	const undoneIn = (one: Wish): void => {
		const sinceMs = nature.now();
		nature.later(1000 * (CONFIRM_S.least + CONFIRM_S.more) + UNDO_MS, () => {
			if (anyConfirmedMs >= sinceMs) return;
			one.overMs = nature.now();
			claims.failed(one.id);
		});
	};
	/** What stands and cannot work is moved to what can. */
	const mend = (): string | undefined => {
		const ill = Object.entries(told?.said ?? {}).flatMap(([recipe, { bundle, camera: source }]): Moving[] => {
			const isIll = !shelf.isGood(bundle);
			const isBlind = !['shows', 'shows too'].includes(cameraAt(source).kind);
			if (!isIll && !isBlind) return [];
			return [
				{
					recipe,
					...(isIll && { bundle: FIRST_BUNDLE }),
					...(isBlind && { camera: camera(recipe, 'shows') }),
				},
			];
		});
		if (ill.length === 0) return undefined;
		const mended = wishMove('ok', false, ill);
		send(mended);
		return mended.id;
	};
	const refuse = (kind: 'bundle' | 'camera'): string => {
		const moving = badlyMoving(true, kind);
		const isDry = random.uniform() < DRY;
		const passes = moving.bundle === FRAIL_BUNDLE || cameraAt(moving.camera ?? '0').kind === 'opens once';
		const refused = wishMove(isDry && passes ? undefined : 'failed', isDry, [moving]);
		if (isDry || !passes) watched = { station: moving.recipe, id: refused.id, runs: new Set(), errors: 0 };
		send(refused);
		return refused.id;
	};
	/** Nothing is another afterwards. */
	const tryWell = (): string => {
		const tried = random.uniform() < 0.5 ? wishThreshold('ok', true) : wishMove('ok', true, wellMoving());
		tryingOn = { id: tried.id, text: readFile() };
		send(tried);
		return tried.id;
	};
	const editLate = (): string | undefined => {
		const from = remembered.find(({ rev }) => rev !== told?.rev);
		if (!from) return undefined;
		const late = wishThreshold('conflict', false);
		send(late, based(late, from.rev));
		return late.id;
	};
	const moveWell = (): string => {
		const kind = random.uniform();
		const moved =
			kind < OF_PLANS
				? wishPlan('ok', false)
				: kind < 0.6
					? wishThreshold('ok', false)
					: wishMove('ok', false, wellMoving());
		send(moved);
		return moved.id;
	};
	const reach = (): string => {
		const forbidden = wishForbidden();
		send(forbidden);
		return forbidden.id;
	};
	/** Nobody confirms it. */
	const lapse = (): string => {
		const lapsing = wishThreshold('ok', false);
		lapses = lapsing.id;
		send(lapsing, { confirmTimeoutS: CONFIRM_S.least });
		return lapsing.id;
	};
	/** While something waits to be confirmed neither another edit is taken nor another revision confirmed. */
	const editBeside = (): string => {
		ask({
			client: 'engineer',
			action: 'confirm',
			id: `${lapses}${MISTAKEN}`,
			rev: index()?.revisions.at(-1)?.rev,
		});
		const beside = wishThreshold('conflict', false);
		send(beside);
		return beside.id;
	};
	const answeredWell = (one: Wish): void => {
		const { id, code } = one;
		if (watched?.id === id) {
			const { station, runs, errors } = watched;
			if (errors > 0) violated(`${station} had ${errors} errors while ${id} was refused`);
			if (runs.size > 1 && isSteady(station)) violated(`${station} began anew though ${id} was refused`);
			watched = undefined;
		}
		if (tryingOn?.id === id && tryingOn.text !== readFile()) violated(`${id} was only tried, and moved`);
		if (whenAnswered?.id !== id) return;
		const { act } = whenAnswered;
		whenAnswered = undefined;
		if (one.wanted === undefined || code === one.wanted) act();
	};

	claimAll(standingIn(readFile()), BOX);
	return {
		edit: () => sendDrawn(random.uniform() < OF_PLANS ? wishPlan : wishThreshold),
		editWrongly: () => send(random.uniform() < 0.5 ? wishThreshold('invalid', false) : wishForbidden()),
		/** To another bundle or camera, good or bad. */
		move: () =>
			sendDrawn((wanted, isDry) =>
				wishMove(wanted, isDry, random.uniform() < GOOD ? wellMoving() : [badlyMoving(false)]),
			),
		/** To a revision that somebody remembers, or the one before. */
		rollback: (): void => {
			const { id } = wish(undefined, false);
			const wanted = random.uniform() < 0.5 ? oneOf(remembered, random) : undefined;
			const { revisions = [] } = index() ?? {};
			for (const one of wanted ? [wanted] : revisions.slice(-3).map(({ rev }) => standingAt(rev)))
				claimAll(one, id);
			const request = { id, client: 'engineer', action: 'rollback', ...(wanted && { rev: wanted.rev }) };
			byId.get(id)!.request = request;
			if (!ask(request)) void claims.unmoved(id);
		},
		/** While nothing is wrong. */
		editCalmly: (): void => {
			idleSinceMs = Number.POSITIVE_INFINITY;
			inTurn([
				mend,
				() => refuse('bundle'),
				() => refuse('camera'),
				tryWell,
				reach,
				editLate,
				moveWell,
				lapse,
				editBeside,
			]);
		},
		/** Since when nothing is wrong and nobody edits any more. */
		idleSinceMs: () => idleSinceMs,
		/** Writes into the file, half of it first. */
		byHand: (): void => {
			const before = readFile();
			// Another hand is at it.
			if (!before.endsWith('\n') || !before.includes(`\n  ${recipes.at(-1)}:\n`)) return;
			const { said, plan: planBefore } = standingIn(before);
			const kind = random.uniform();
			const plan = kind < OF_PLANS ? random.below(PLANS.length) : planBefore!;
			const next = { ...said };
			if (kind >= OF_PLANS && kind < 0.6) {
				const { recipe, threshold } = newThreshold(undefined, false);
				next[recipe] = { ...said[recipe]!, threshold };
			} else if (kind >= 0.6)
				for (const { recipe, ...moved } of random.uniform() < GOOD ? wellMoving() : [badlyMoving(true)])
					next[recipe] = { ...said[recipe]!, ...moved };
			claimAll({ said: next, plan }, HAND);
			const text = textOf(next, plan);
			const last = text.indexOf(`\n  ${recipes.at(-1)}:`, text.indexOf('\nrecipes:'));
			const first = text.indexOf('\nstations:') + '\nstations:\n  '.length;
			writeFileSync(path, text.slice(0, first + random.below(last - first)));
			nature.later(random.uniform() * TORN_MS, () => writeFileSync(path, text));
		},
		/** A daemon starts with what may stand, or goes back to. */
		begins: (): void => {
			lookAtProven();
			for (const one of startable()) claimAll(one, BOX);
		},
		/** A daemon ends in order. */
		ends: (): void => {
			endedMs = nature.now();
		},
		answered: ({ id, code, text, result }: Answered): void => {
			// A signal is answered also while the disk takes nothing: then it may be answered again.
			if (!id?.startsWith('edit-') || code === undefined) return;
			const said = JSON.stringify([code, result?.rev]);
			const before = answers.get(id);
			if (before !== undefined && before !== said)
				violated(`${id} was answered ${before} and ${said}: ${text}`);
			// What is not taken on is not kept, and a box that goes down before it knows that says so, too.
			if (code !== 'busy') answers.set(id, said);
			const known = byId.get(id);
			if (before !== undefined) return;
			if (known && code !== 'busy' && random.uniform() < AGAIN)
				nature.later(AGAIN_MS * random.uniform(), () => ask(known.request));
			if (!known) {
				if (code === 'ok' && id.endsWith(MISTAKEN)) violated(`${id} confirmed what it did not mean`);
				if (code !== 'ok' || !id.endsWith(CONFIRMED)) return;
				const confirmed = id.slice(0, -CONFIRMED.length);
				const { rev } = byId.get(confirmed)!;
				if (textIn(rev) !== textIn(result?.rev))
					violated(`${id} confirmed ${result?.rev} in place of ${rev}`);
				claims.stands(confirmed);
				return;
			}
			known.code = code;
			if (result?.confirmBy) known.rev = result.rev;
			const { wanted, baseRev } = known;
			if ((wanted === 'invalid' || wanted === 'denied') && code === 'ok')
				violated(`${id} was taken, and must be ${wanted}`);
			const base = index()?.revisions.find(({ rev }) => rev === result?.rev)?.base;
			const isOther = base !== undefined && base !== baseRev && result?.rev !== baseRev;
			if (code === 'ok' && baseRev !== undefined && isOther)
				violated(`${id} was made from ${baseRev}, and moved ${base}`);
			if (wanted === 'failed' && text?.includes(LEFT)) violated(`${id}: ${text}, and nothing is wrong`);
			const isSure = SURE.includes(wanted) || (wanted !== undefined && whenAnswered?.id === id);
			if (isSure && code !== wanted) violated(`${id} was answered ${code}, and must be ${wanted}: ${text}`);
			for (const value of UNMOVED.includes(code) || known.isDry ? claims.unmoved(id) : [])
				violated(`${value} of ${id} judged, which was answered ${code}`);
			if (code === 'failed') claims.failed(id);
			if (code === 'ok' && !result?.confirmBy) claims.stands(id);
			answeredWell(known);
			if (!result?.confirmBy) return;
			if (id === lapses || random.uniform() < 0.4) {
				undoneIn(known);
				return;
			}
			const afterMs = random.uniform() * 1300 * CONFIRM_S.more;
			// Without its revision it may be another's that is confirmed.
			const confirming =
				random.uniform() < 0.5 ? { id: `${id}-again` } : { id: `${id}${CONFIRMED}`, rev: result.rev };
			nature.later(afterMs, () => {
				if (!('rev' in confirming)) anyConfirmedMs = nature.now();
				ask({ client: 'engineer', action: 'confirm', ...confirming });
			});
		},
		toldConfiguration: ({ rev, confirmBy, configuration }: ToldConfiguration): void => {
			told = { rev, confirmBy, ...standingOf(configuration) };
			if (confirmBy === null) remembered = [...remembered, told].slice(-MOST_REMEMBERED);
		},
		/** Schedules that may be in force. */
		plans: (): readonly number[] => [...plans],
		planTold: (): number | undefined => told?.plan,
		/** By which each station judges, where it has been told. */
		bundlesNow: (): ReadonlyMap<string, string> =>
			new Map(Object.entries(told?.said ?? {}).map(([recipe, { bundle }]) => [recipe, bundle])),
		/** What the file says, while no hand is at it. */
		planNow: (): number | undefined => standingIn(readFile()).plan,
		/** Stations are called as their recipes. `camera`: whose frame it was. */
		judged: (message: VerdictMessage, source: string | undefined): void => {
			const { station, recipe, verdict, threshold, model, revision, run, monotonicMs } = message;
			if (recipe !== station) violated(`${station} judges by recipe ${recipe}`);
			if (watched?.station === station) {
				watched.runs.add(run);
				if (verdict === 'error') watched.errors += 1;
			}
			if (threshold === null) return;
			const known = wishes.get(threshold);
			if (!known && threshold !== FIRST_THRESHOLD) violated(`nobody wanted ${threshold} at ${station}`);
			if (known && known.recipe !== station)
				violated(`${station} judges with ${threshold}, which is ${known.recipe}'s`);
			if (known && monotonicMs > known.overMs)
				violated(`${station} judges with ${threshold} of ${known.id}, which nobody confirmed`);
			if (known && (known.isDry || known.wanted === 'invalid' || UNMOVED.includes(known.code ?? '')))
				violated(`${station} judges with ${threshold} of ${known.id}, which was not taken: ${known.code}`);
			if (verdict === 'error' || !model || source === undefined) return;
			for (const [setting, value] of [
				['bundle', model.bundle],
				['camera', source],
			] as const)
				if (!claims.allows(`${station} ${setting}`, value, monotonicMs))
					violated(`${station} judged with ${setting} ${value}, which was not in force: ${message.id}`);
			judged.set(station, { threshold, bundle: model.bundle, camera: source });
			const words = JSON.stringify([station, threshold, model.bundle, source]);
			const before = revisionsSeen.get(revision ?? '') ?? words;
			if (before !== words) violated(`what is called ${revision} was ${before} and is ${words}`);
			revisionsSeen.set(revision ?? '', words);
			if (revisionsSeen.size > MOST_REVISIONS) revisionsSeen.delete(revisionsSeen.keys().next().value!);
		},
		/** When everything is well, or has ended: the file, its history, what is told and what judges agree. */
		settle: (): void => {
			for (const { id, wanted, code } of byId.values())
				if (SURE.includes(wanted) && code !== wanted)
					violated(`${id} was answered ${code}, and nothing was wrong`);
			const known = index();
			if (!known || !told) {
				violated('there is no history of the configuration, or nobody tells which runs');
				return;
			}
			const { revisions, pending, refused } = known;
			const held = sha256Of(readFile());
			const stands = pending?.sha256 === held ? pending : revisions.at(-1)!;
			if (held !== stands.sha256 && held !== refused)
				violated(`the file is not revision ${stands.rev}, and was not refused`);
			if (told.confirmBy !== null) violated(`revision ${told.rev} still waits to be confirmed`);
			if (told.rev !== stands.rev) violated(`revision ${told.rev} is told, and ${stands.rev} stands`);
			const { said, plan } = standingAt(stands.rev);
			if (plan === undefined || plan !== told.plan)
				violated(`revision ${stands.rev} has schedule ${plan}, it is told ${told.plan}`);
			plans.clear();
			for (const one of startable()) plans.add(one.plan!);
			for (const recipe of recipes) {
				const [says, tells, does] = [said[recipe], told.said[recipe], judged.get(recipe)].map(
					(one) => one && JSON.stringify([one.threshold, one.bundle, one.camera]),
				);
				if (says !== tells || (does !== undefined && does !== says))
					violated(
						`revision ${stands.rev} says ${says} for ${recipe}, it is told ${tells}, and does ${does}`,
					);
			}
			claims.settle(
				new Map(
					Object.entries(said).flatMap(([recipe, one]): [string, string][] => [
						[`${recipe} bundle`, one.bundle],
						[`${recipe} camera`, one.camera],
					]),
				),
			);
		},
	};
}

type Standing = { readonly said: Said; readonly plan: number | undefined };

type Configured = {
	readonly schedule?: unknown;
	readonly stations?: Readonly<Record<string, { readonly camera?: { readonly source?: string } }>>;
	readonly recipes?: Readonly<Record<string, { readonly threshold?: number; readonly model?: string }>>;
};
export type ToldConfiguration = {
	readonly rev: string;
	readonly confirmBy: string | null;
	readonly configuration: Configured;
};

/** The part of a revision's name that tells of its text: numbers are used up also by what could not be written. */
const textIn = (rev: string | undefined) => rev?.split('-')[1];

function standingOf({ schedule, recipes = {}, stations = {} }: Configured): Standing {
	const said = Object.entries(recipes).map(([name, { threshold = FIRST_THRESHOLD, model = '' }]) => {
		const camera = stations[name]?.camera?.source ?? '';
		return [name, { threshold, bundle: basename(model), camera }] as const;
	});
	return { said: Object.fromEntries(said), plan: planIn(schedule) };
}
