import type { Precision } from '../base/precision.js';
import type { Provider } from '../base/provider.js';
import { duration } from '../base/words.js';
import type { Backbone } from '../model/architecture.js';
import type { CurvePoint, Preset, Scoring } from '../model/manifest.js';
import type { Grid, Tiling } from '../model/tiling.js';
import type { Rect } from '../vision/image.js';
import type { Wobble } from '../vision/warp.js';

/** Where a lesson may run: 'auto' takes the graphics processor that is there, if it computes what the processor does, and is faster. */
export const TEACHING_PROVIDERS = ['auto', 'cuda', 'webgpu', 'cpu'] as const;
export type TeachingProvider = (typeof TEACHING_PROVIDERS)[number];

/** What to teach, and from what; everything that can change the bundle. */
export type TeachRequest = {
	/** A folder of good images, or so many parts of the simulated line. */
	readonly images: string | { readonly sim: { readonly seed: number; readonly count: number } };
	/** A safetensors file. */
	readonly teacher?: string;
	/** Without a file: the teacher of the backbone that was added to the program, where there is one, else seeded random weights. */
	readonly isAdded?: boolean;
	/** A safetensors file of a student that was trained elsewhere: then nothing is trained. */
	readonly student?: string;
	/** Without one: what the teacher's file says it is, or resnet18. */
	readonly backbone?: Backbone;
	/** The plain name of the bundle: it is written beside it, under the name of its content. */
	readonly out: string;
	/** Whether the plain name may lead to it where nothing has that name, by default it may: a recipe could mean it. */
	readonly isLinked?: boolean;
	readonly name: string;
	/** Side of the squares that the network sees; 'auto', here or of tiles: what sees the most of defects that are made into the pictures. */
	readonly size: number | 'auto';
	readonly tiles: Grid;
	/** 'auto' takes nothing that costs more milliseconds a part. */
	readonly msPerPart?: number;
	readonly preset: Preset;
	/** Without one `auto`: the preset's, where it has one, else what lets the fewest spoiled copies of good pictures pass. */
	readonly scoring?: Scoring | 'auto';
	/** What the model shall compute in, if that scores like float32. */
	readonly precision: Precision;
	/** A data set of labelled images, which a lower precision must tell apart as well as float32. */
	readonly labelled?: string;
	/** Training steps; 'auto': until the loss has settled, and the cooling after it. */
	readonly iterations: number | 'auto';
	readonly batch: number;
	readonly seed: number;
	/** Share of the images that is kept from training, for the threshold. */
	readonly holdout: number;
	/** Into how many parts pictures are split, each judged by a student that was taught the others; 0: none is. By default so where they are few. */
	readonly folds?: number | 'auto';
	/** The rate of rejected good parts that is allowed; without one the threshold is the maximum. */
	readonly falseRejects?: number;
	/** Or the rank of the held-out score that is the threshold, 1 for the highest. */
	readonly thresholdRank?: number;
	readonly region?: Rect;
	/** Augmentation: each picture is turned and moved by chance each time that it is learnt. */
	readonly wobble?: Wobble;
	readonly threads: number;
	/** Without one: the processor. */
	readonly provider?: TeachingProvider;
	/** Goes on from the checkpoint of an interrupted lesson, where there is one. */
	readonly resume?: boolean;
};

/** The threshold of a bundle taught anew from the pictures of its lesson; what is not said here the bundle says. */
export type StrikeRequest = Pick<
	TeachRequest,
	'images' | 'out' | 'isLinked' | 'name' | 'labelled' | 'falseRejects' | 'thresholdRank' | 'threads'
> & {
	readonly from: string;
	/** Names of all pictures that are to set nothing; without it those that were struck before. */
	readonly struck?: readonly string[];
};

/** How long a lesson will take on this box, by its own first steps. */
export type Forecast = {
	/** Of the whole lesson: with as many steps as such lessons usually take, and with as many as it can take. */
	readonly seconds: number;
	readonly mostSeconds: number;
	readonly steps: number;
	readonly mostSteps: number;
	readonly stepSeconds: number;
	readonly backbone: Backbone;
	readonly provider: Provider;
	/** The same with the pocket teacher, where that is worth a thought. */
	readonly pocket: { readonly seconds: number; readonly mostSeconds: number } | null;
};

/** "about 9 min, at most 12 min: 160 to 200 steps of 3.4 s (resnet18, on the processor)". */
export function forecastWords({
	stepSeconds,
	steps,
	mostSteps,
	backbone,
	provider,
	...took
}: Forecast): string {
	const count = steps === mostSteps ? `${steps}` : `${steps} to ${mostSteps}`;
	const where = provider === 'cpu' ? 'the processor' : provider;
	return `${rangeWords(took)}: ${count} steps of ${Number(stepSeconds.toPrecision(2))} s (${backbone}, on ${where})`;
}

/** Undefined where nothing is proposed. `option`: how it is asked for. */
export function proposalWords({ backbone, pocket, ...took }: Forecast, option: string): string | undefined {
	if (pocket === null) return undefined;
	return `with the pocket teacher it would take ${rangeWords(pocket)} instead of ${rangeWords(took)} with ${backbone}: ${option}`;
}

function rangeWords({
	seconds,
	mostSeconds,
}: {
	readonly seconds: number;
	readonly mostSeconds: number;
}): string {
	const [usual, most] = [duration(seconds), duration(mostSeconds)];
	return usual === most ? `about ${usual}` : `about ${usual}, at most ${most}`;
}

/** A way to see pictures that was compared with others. */
export type Compared = {
	readonly tiling: Tiling;
	/** A part on this box, on the processor in float32. */
	readonly ms: number;
	/** The share of spoiled copies of good pictures that would pass; null where it was not tried. */
	readonly pass: number | null;
};

/** What was taken of what was compared, which is nothing where there was nothing to choose from. */
export type Geometry = { readonly tiling: Tiling; readonly compared: readonly Compared[] };

/** "2x5 squares of 256 and an overview (38 ms a part): 4 % of spoiled copies pass; one square of 256 (8 ms): 61 %". */
export function geometryWords({ tiling, compared }: Geometry): string {
	const isTaken = ({ tiling: { side, rows, columns } }: Pick<Compared, 'tiling'>) =>
		side === tiling.side && rows === tiling.rows && columns === tiling.columns;
	const taken = compared.find(isTaken);
	if (!taken) return tilingWords(tiling);
	const others = compared.filter((one) => one !== taken && one.pass !== null);
	const percent = (share: number) => `${Math.round(100 * share)} %`;
	const costing = ({ tiling: of, ms }: Compared) => `${tilingWords(of)} (${Number(ms.toPrecision(2))} ms`;
	if (taken.pass === null) return `${costing(taken)} a part), not compared with others`;
	const rest = others.map((one) => `; ${costing(one)}): ${percent(one.pass!)}`);
	return `${costing(taken)} a part): ${percent(taken.pass)} of spoiled copies pass${rest.join('')}`;
}

/** "2x5 squares of 256 and an overview", "one square of 384". */
function tilingWords({ side, rows, columns }: Tiling): string {
	return rows * columns === 1
		? `one square of ${side}`
		: `${rows}x${columns} squares of ${side} and an overview`;
}

/** What teaching says while it works. */
export type Progress =
	| { readonly phase: 'trying'; readonly done: number; readonly of: number }
	| { readonly phase: 'geometry'; readonly geometry: Geometry }
	| { readonly phase: 'features'; readonly done: number; readonly of: number; readonly secondsLeft: number }
	| {
			readonly phase: 'training';
			readonly done: number;
			readonly of: number;
			readonly loss: number;
			readonly secondsLeft: number;
			readonly memoryMb: number;
			/** Which one learns, where few pictures make several necessary; `secondsLeft` is of all. */
			readonly student?: { readonly number: number; readonly of: number };
	  }
	| { readonly phase: 'calibrating' | 'choosing' | 'comparing'; readonly done: number; readonly of: number }
	/** From now on the lesson depends on this one. */
	| { readonly phase: 'provider'; readonly provider: Provider }
	| { readonly phase: 'forecast'; readonly forecast: Forecast }
	/** How many a model runs the fastest with here; null where that could not be measured. */
	| { readonly phase: 'threads'; readonly threads: number | null; readonly reason: string | null }
	/** How maps become one, and the share of spoiled copies that would pass by each way that was tried. */
	| {
			readonly phase: 'scoring';
			readonly chosen: Scoring;
			readonly passes: Readonly<Partial<Record<Scoring, number>>>;
			readonly spoiled: number;
			readonly asked: boolean;
	  }
	| { readonly phase: 'warning'; readonly message: string };

/** What was found out about threads, in words. */
export function threadsTold({ threads, reason }: Extract<Progress, { phase: 'threads' }>): string {
	if (threads === null) return `not measured: ${reason}; recipes with threads: 0 run one a core`;
	return `${threads === 1 ? '1 is' : `${threads} are`} the fastest here, for recipes with threads: 0`;
}

const scoringNames: { readonly [S in Scoring]: string } = {
	sum: 'the published sum',
	scales: 'scales',
	places: 'places',
	'scales+features': 'scales and features',
	'places+features': 'places and features',
	features: 'features alone',
};

/** "places and features, because 12 % of spoiled copies would pass; 31 % by the published sum". */
export function scoringTold({
	chosen,
	passes,
	asked,
}: Omit<Extract<Progress, { phase: 'scoring' }>, 'phase'>): string {
	const share = (scoring: Scoring) => `${Math.round(100 * (passes[scoring] ?? 0))} %`;
	const isChosen = !asked && Object.keys(passes).length > 1;
	const pass = passes[chosen] === undefined ? '' : `${share(chosen)} of spoiled copies would pass`;
	const other =
		chosen === 'sum' || passes.sum === undefined ? '' : `; ${share('sum')} by ${scoringNames.sum}`;
	const how = asked ? ', as asked' : '';
	return `${scoringNames[chosen]}${how}${pass === '' ? '' : isChosen ? ', because ' : ': '}${pass}${other}`;
}

/** What teaching ends with. */
export type Taught = {
	/** Its folder, named by its content: `bundles/lid@1c947c1d`. */
	readonly bundle: string;
	/** Whether the plain name leads to it; what had that name keeps it. */
	readonly isNamed: boolean;
	readonly images: number;
	readonly heldOut: number;
	/** Students that judged what they were not taught; 0 where pictures were kept from the one that judges. */
	readonly folds: number;
	readonly iterations: number;
	readonly seconds: number;
	/** Null where it was too short, or trained nothing. */
	readonly forecast: Forecast | null;
	/** Where its last step ran. */
	readonly provider: Provider;
	/** Of the last step; null when nothing was trained. */
	readonly loss: number | null;
	readonly threshold: number;
	readonly falseRejectBound: number;
	/** With 95 % confidence no larger share of good parts is rejected. */
	readonly falseRejectBound95: number;
	readonly spoiledPass: number | null;
	/** As in the manifest. */
	readonly curve: readonly CurvePoint[];
	readonly struck: readonly string[];
	readonly precision: Precision;
	/** True when the teacher's weights were drawn from a seed: good for a demonstration only. */
	readonly seededTeacher: boolean;
};
