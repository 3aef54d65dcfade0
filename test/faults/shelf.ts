import { basename } from 'node:path';
import { sha256Of } from '../../src/base/hash.js';

/** How one that is opened comes to its word. */
type Opening =
	| { readonly ends: 'works'; readonly afterMs: number }
	| { readonly ends: 'golden' | 'broken'; readonly afterMs: number }
	/** Says nothing, ever. */
	| { readonly ends: 'never' }
	/** Its process dies without a word, some time before this. */
	| { readonly ends: 'death'; readonly withinMs: number };

/** What becomes of an engine that is built of a bundle's model: four never come to be, of four stations do not want to know. */
export const ENGINE_FATES = [
	'well',
	'fails',
	'hangs',
	'dies',
	'mute',
	'differs',
	'kills',
	'slow',
	'frail',
] as const;
export type EngineFate = (typeof ENGINE_FATES)[number];

export type Shelved = {
	readonly opening: Opening;
	readonly engine: EngineFate;
	/** Of what is good and of what is not. */
	readonly scores: readonly [good: number, bad: number];
	/** It is proven, and then fails at every part. */
	readonly isFrail: boolean;
};

const OPEN_MS = 400;
const works = { ends: 'works', afterMs: OPEN_MS } as const;
const row = (opening: Opening, more: Partial<Shelved> = {}): Shelved => ({
	opening,
	scores: [0.1, 0.9],
	isFrail: false,
	engine: 'well',
	...more,
});

/** Of which station everything is first. */
export const FIRST_BUNDLE = 'bundle';

/** What lies on a box's shelf, by name; no two that are proven score alike. */
const BUNDLES: Readonly<Record<string, Shelved>> = {
	[FIRST_BUNDLE]: row(works),
	keen: row(works, { scores: [0.2, 0.8], engine: 'differs' }),
	heavy: row({ ends: 'works', afterMs: 25_000 }, { scores: [0.15, 0.85], engine: 'fails' }),
	/** It lets everything pass. */
	blunt: row(works, { scores: [0.12, 0.13], engine: 'dies' }),
	frail: row(works, { isFrail: true }),
	mistaken: row({ ends: 'golden', afterMs: OPEN_MS }),
	broken: row({ ends: 'broken', afterMs: OPEN_MS }),
	lethal: row({ ends: 'death', withinMs: 40_000 }),
	mute: row({ ends: 'never' }),
};

/** Those with which a station does its work, and those with which it never does. */
export const GOOD_BUNDLES = ['bundle', 'keen', 'heavy', 'blunt'] as const;
export const UNPROVEN_BUNDLES = ['mistaken', 'broken', 'lethal'] as const;
export const FRAIL_BUNDLE = 'frail';
/** Whoever tries it waits for ten minutes. */
export const MUTE_BUNDLE = 'mute';

/** What becomes of a lesson, by the name that its bundle is to have: `well-3`. */
export const FATES = ['well', 'fails', 'dies', 'says nonsense'] as const;
type Fate = (typeof FATES)[number];

export function nameFor(fate: Fate, count: number): string {
	return `${fate.replace(' ', '_')}-${count}`;
}

export function fateOf(name: string): Fate {
	return FATES.find((fate) => name.startsWith(`${fate.replace(' ', '_')}-`))!;
}

/** What is taught scores by so much another way each time. */
const STEP = 0.001;
const MOST_STEPS = 100;
/** Bundles that were taught and that somebody still means. */
const MOST_TAUGHT = 4;

/** The bundles of one box: what is taught comes to them. */
export function createShelf() {
	const shelved = new Map(Object.entries(BUNDLES));
	const taught: string[] = [];
	return {
		/** A lesson has written it. @returns its name */
		add: (name: string): string => {
			const id = `${name}@${sha256Of(`${name} ${taught.length}`).slice(0, 8)}`;
			const better = STEP * (1 + (taught.length % MOST_STEPS));
			const engine = ENGINE_FATES[taught.length % ENGINE_FATES.length]!;
			shelved.set(id, row(works, { scores: [0.2 + better, 0.8 - better], engine }));
			taught.push(id);
			return id;
		},
		/** Those with which a station does its work. */
		good: (): readonly string[] => [...GOOD_BUNDLES, ...taught.slice(-MOST_TAUGHT)],
		/** By its place, or the id that verdicts name. */
		find: (model: string): Shelved | undefined => shelved.get(basename(model)),
		isGood: (bundle: string): boolean => {
			const { opening, isFrail = true } = shelved.get(bundle) ?? {};
			return opening?.ends === 'works' && !isFrail;
		},
		sha256Of: (model: string): string => sha256Of(basename(model)),
	};
}

export type Shelf = ReturnType<typeof createShelf>;

/** What becomes of a station that is given a camera: two show what is there, the others fail when they are opened, or opened by a station. */
export const CAMERAS = ['shows', 'shows too', 'refuses', 'hangs', 'opens once'] as const;
type CameraKind = (typeof CAMERAS)[number];

/** More than stations of a box. */
const STATIONS = 20;

/** The source of a station's camera, by the place of the station. */
export function sourceOf(place: number, kind: CameraKind): string {
	return `${CAMERAS.indexOf(kind) * STATIONS + place}`;
}

export function cameraAt(source: string): { readonly place: number; readonly kind: CameraKind } {
	const number = Number(source);
	return { place: number % STATIONS, kind: CAMERAS[Math.floor(number / STATIONS)]! };
}
