import type { Size } from './image.js';

/** Cells a side in which light is compared with teaching's. */
const SIDE = 32;
const CELLS = SIDE * SIDE;

/** Rows that are looked at, at most: of a larger picture each second, third … */
const MOST_ROWS = 128;

/** A value from which on a sensor tells no light from more light. */
const BURNT = 253;

/** Pixels over which light changes with and without blur alike. */
const FAR = 4;

/** What rounding to 8 bits makes of squared bends: an even picture is neither sharp nor blurred. */
const ROUNDED = 0.5;

/** What a picture is like, each a number. Light is in stops (log2), so that a margin is a share. */
export const MEASURES = [
	'light',
	'brightest',
	'burnt',
	'sharpness',
	'red',
	'blue',
	'saturation',
	'contrast',
	'likeness',
	'right',
	'down',
	'turn',
] as const;
export type Measure = (typeof MEASURES)[number];

export type Measures = Readonly<Record<Measure, number>>;

/** What a picture's own pixels say, and the light of 32 x 32 cells in deviations from its mean. */
export type Look = { readonly own: Omit<Measures, Placed>; readonly cells: Float32Array };
type Placed = 'likeness' | 'right' | 'down' | 'turn';

/** Where a measure ends to be usual; null: nothing is too little, or too much. */
export type Limits = { readonly low: number | null; readonly high: number | null };

/** What good pictures are like. */
export type Quality = {
	readonly limits: Readonly<Record<Measure, Limits>>;
	readonly usual: Readonly<Record<Measure, { readonly mean: number; readonly deviation: number }>>;
	readonly common: Common;
};

/** Light of cells, in deviations of the picture's: its mean over good pictures, and how far they differ in it; bytes in base64. */
export type Common = { readonly mean: string; readonly spread: string };

/** Steps of a byte in a deviation. */
const STEPS = 25;

/** `picture`: interleaved RGB `[height, width, 3]`, no side shorter than SIDE. */
export function lookAt(picture: Uint8Array, { width, height }: Size): Look {
	const step = Math.ceil(height / MOST_ROWS);
	const histogram = new Uint32Array(256);
	const cells = new Float64Array(CELLS);
	const counts = new Uint32Array(CELLS);
	let [red, green, blue, spread, burnt, pixels] = [0, 0, 0, 0, 0, 0];
	let [bentRight, bentDown, changedRight, changedDown, compared] = [0, 0, 0, 0, 0];
	for (let y = 0; y < height; y += step) {
		const first = Math.floor((y * SIDE) / height) * SIDE;
		const below = y + FAR < height ? width * 3 : 0;
		for (let column = 0, x = 0; column < SIDE; column += 1) {
			const end = Math.floor(((column + 1) * width) / SIDE);
			let light = 0;
			counts[first + column]! += end - x;
			for (let i = (y * width + x) * 3; x < end; x += 1, i += 3) {
				const r = picture[i]!;
				const g = picture[i + 1]!;
				const b = picture[i + 2]!;
				const v = (77 * r + 150 * g + 29 * b) >> 8;
				const most = Math.max(r, g, b);
				red += r;
				green += g;
				blue += b;
				spread += most - Math.min(r, g, b);
				if (most >= BURNT) burnt += 1;
				light += v;
				histogram[v]! += 1;
				if (below === 0 || x + FAR >= width) continue;
				const bendRight = g - 2 * picture[i + 4]! + picture[i + 7]!;
				const bendDown = g - 2 * picture[i + 1 + below]! + picture[i + 1 + 2 * below]!;
				const right = picture[i + 1 + 3 * FAR]! - g;
				const down = picture[i + 1 + below * FAR]! - g;
				bentRight += bendRight * bendRight;
				bentDown += bendDown * bendDown;
				changedRight += right * right;
				changedDown += down * down;
				compared += 1;
			}
			cells[first + column]! += light;
		}
		pixels += width;
	}
	const means = Float32Array.from(cells, (sum, k) => sum / counts[k]!);
	const mean = means.reduce((a, b) => a + b, 0) / CELLS;
	const deviation = Math.sqrt(means.reduce((sum, v) => sum + (v - mean) ** 2, 0) / CELLS);
	return {
		own: {
			light: stops(mean),
			brightest: stops(percentile(histogram, 0.99 * pixels)),
			burnt: burnt / pixels,
			sharpness: Math.min(
				bentOf(bentRight / compared, changedRight / compared),
				bentOf(bentDown / compared, changedDown / compared),
			),
			red: stops(red / pixels) - stops(green / pixels),
			blue: stops(blue / pixels) - stops(green / pixels),
			saturation: spread / pixels / (mean + 1),
			contrast: Math.log2((deviation + 0.5) / (mean + 1)),
		},
		cells: means.map((v) => (v - mean) / (deviation + 0.5)),
	};
}

function stops(value: number): number {
	return Math.log2(value + 1);
}

/** How much of the change of light is a bend of a pixel or two, in powers of 2: light and contrast fall out, blur does not. */
function bentOf(bent: number, changed: number): number {
	return Math.log2((bent + ROUNDED) / (changed + ROUNDED));
}

function percentile(histogram: Uint32Array, rank: number): number {
	let seen = 0;
	for (let v = 0; v < 256; v += 1) {
		seen += histogram[v]!;
		if (seen >= rank) return v;
	}
	return 255;
}

/** How a picture compares with what good ones have in common. */
type Compared = Pick<Measures, Placed>;

/** Least deviation of a cell between good pictures: less is chance. */
const LEAST_SPREAD = 0.1;

/** Slopes that are this little, squared and weighed over all cells, say nothing of a shift. */
const RIDGE = 1;

/** Cells from the middle to where a turn is told in cells, too. */
const RADIUS = SIDE / 2;

/** Compares cells of light with those of good pictures; with `count`, of one that is among so many. */
export type Comparison = (cells: Float32Array, count?: number) => Compared;

/**
 * Correlation, and by how many cells what is seen lies to the right, down and turned: the step of least squares of Lucas and Kanade (1981), each
 * cell weighed by how well good pictures agree on it.
 */
export function comparisonWith({ mean: packed, spread }: Common): Comparison {
	const mean = Float32Array.from(new Int8Array(Buffer.from(packed, 'base64')), (v) => v / STEPS);
	const weights = Float32Array.from(
		Buffer.from(spread, 'base64'),
		(v) => 1 / ((v / STEPS) ** 2 + LEAST_SPREAD ** 2),
	);
	const [right, down, turn] = [new Float32Array(CELLS), new Float32Array(CELLS), new Float32Array(CELLS)];
	for (let y = 1; y < SIDE - 1; y += 1) {
		for (let x = 1; x < SIDE - 1; x += 1) {
			const k = y * SIDE + x;
			right[k] = (mean[k - 1]! - mean[k + 1]!) / 2;
			down[k] = (mean[k - SIDE]! - mean[k + SIDE]!) / 2;
			turn[k] = (down[k]! * (x - RADIUS + 0.5) - right[k]! * (y - RADIUS + 0.5)) / RADIUS;
		}
	}
	const product = (a: Float32Array, b: Float32Array): number => {
		let sum = 0;
		for (let k = 0; k < CELLS; k += 1) sum += weights[k]! * a[k]! * b[k]!;
		return sum;
	};
	const slopes = [right, down, turn];
	const inverse = inverted(slopes.map((a, i) => slopes.map((b, k) => product(a, b) + (i === k ? RIDGE : 0))));
	return (cells, count) => {
		const left = count === undefined ? 1 : count / (count - 1);
		const apart = cells.map((v, k) => left * (v - mean[k]!));
		const others = cells.map((v, k) => v - apart[k]!);
		const towards = slopes.map((slope) => product(slope, apart));
		const shift = (row: number) => inverse[row]!.reduce((sum, v, i) => sum + v * towards[i]!, 0);
		return {
			likeness:
				product(cells, others) /
				Math.sqrt(product(cells, cells) * product(others, others) + Number.MIN_VALUE),
			right: shift(0),
			down: shift(1),
			turn: shift(2),
		};
	};
}

/** Of a symmetric 3 x 3 matrix that is positive. */
function inverted(matrix: readonly (readonly number[])[]): number[][] {
	const at = (i: number, k: number) => matrix[i % 3]![k % 3]!;
	const minor = (i: number, k: number) =>
		at(i + 1, k + 1) * at(i + 2, k + 2) - at(i + 1, k + 2) * at(i + 2, k + 1);
	const determinant = at(0, 0) * minor(0, 0) + at(0, 1) * minor(0, 1) + at(0, 2) * minor(0, 2);
	return [0, 1, 2].map((i) => [0, 1, 2].map((k) => minor(k, i) / determinant));
}

type Row = {
	/** How it is told. */
	readonly is: string;
	readonly shown: (value: number) => string;
	/** How far from good pictures a fault begins at least. */
	readonly least: number;
	/** A limit that lies further off cannot tell a fault: it is none. */
	readonly useless?: Limits;
	/** What is less is a fault in any case, unless good pictures come near. */
	readonly surely?: number;
};

const inLight = (value: number) => `${Math.max(0, Math.round(2 ** value - 1))} of 255`;
const inPercent = (value: number) => `${(100 * value).toFixed(1)} %`;
const asRatio = (value: number) => (2 ** value).toPrecision(2);
const inCells = (value: number) => `${((100 * value) / SIDE).toFixed(1)} % of the picture`;
const shift = { shown: inCells, least: 0.4, useless: { low: -2, high: 2 } };

const TABLE: Readonly<Record<Measure, Row>> = {
	light: { is: 'its mean light', shown: inLight, least: 0.4 },
	brightest: { is: 'its brightest light', shown: inLight, least: 0.5, surely: stops(20) },
	burnt: { is: 'what is burnt out', shown: inPercent, least: 0.05 },
	sharpness: { is: 'its sharpness', shown: asRatio, least: 0.4 },
	red: { is: 'its red beside its green', shown: asRatio, least: 0.12 },
	blue: { is: 'its blue beside its green', shown: asRatio, least: 0.12 },
	saturation: { is: 'its colourfulness', shown: inPercent, least: 0.08 },
	contrast: { is: 'its contrast', shown: asRatio, least: 0.7 },
	likeness: {
		is: 'its likeness to good pictures',
		shown: (value) => value.toFixed(2),
		least: 0.12,
		useless: { low: 0.2, high: null },
	},
	right: { is: 'its way to the right', ...shift },
	down: { is: 'its way down', ...shift },
	turn: { is: 'how far its edge is turned', ...shift },
};

/** Good pictures of one lesson may be more alike than those of a year: a deviation is no less than this. */
export function leastDeviation(measure: Measure): number {
	return TABLE[measure].least / 5;
}

/** Beyond the least and the most of good pictures, as a share of what lies between; and a share more, divided by how many they are. */
const MARGIN = 0.5;
const MARGIN_OF_FEW = 4;

const NOWHERE: Limits = { low: null, high: null };

/** Margins are widened so until none of the good pictures would be a fault by what the others are like. */
const WIDER = [1, 1.5, 2, 3, 5];

/** What good pictures are like; null for fewer than two. */
export function learnQuality(looks: readonly Look[]): Quality | null {
	if (looks.length < 2) return null;
	const common = commonOf(looks);
	const compare = comparisonWith(common);
	const all = looks.map(({ own, cells }): Measures => ({ ...own, ...compare(cells, looks.length) }));
	const each = <T>(of: (values: readonly number[], measure: Measure) => T) =>
		Object.fromEntries(
			MEASURES.map((measure) => [
				measure,
				of(
					all.map((one) => one[measure]),
					measure,
				),
			]),
		) as Record<Measure, T>;
	return {
		limits: each((values, measure) => limitsOf(values, measure)),
		usual: each((values) => {
			const mean = values.reduce((a, b) => a + b) / values.length;
			const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
			return { mean: rounded(mean), deviation: rounded(Math.sqrt(squares / (values.length - 1))) };
		}),
		common,
	};
}

function commonOf(looks: readonly Look[]): Common {
	const mean = new Float64Array(CELLS);
	const squares = new Float64Array(CELLS);
	for (const { cells } of looks) for (let k = 0; k < CELLS; k += 1) mean[k]! += cells[k]! / looks.length;
	for (const { cells } of looks)
		for (let k = 0; k < CELLS; k += 1) squares[k]! += (cells[k]! - mean[k]!) ** 2 / looks.length;
	const packed = (values: Float64Array) =>
		Buffer.from(Int8Array.from(values, (v) => Math.max(-127, Math.min(127, Math.round(v * STEPS))))).toString(
			'base64',
		);
	return { mean: packed(mean), spread: packed(squares.map(Math.sqrt)) };
}

function limitsOf(values: readonly number[], measure: Measure): Limits {
	const { least: floor, useless = NOWHERE, surely } = TABLE[measure];
	const sorted = [...values].sort((a, b) => a - b);
	const within = (of: readonly number[], wider: number): { readonly low: number; readonly high: number } => {
		const [least, most] = [of[0]!, of.at(-1)!];
		const margin = Math.max(floor, wider * (most - least) * (MARGIN + MARGIN_OF_FEW / of.length));
		return { low: least - margin, high: most + margin };
	};
	const { low: isLow, high: isHigh } = TOLD[measure];
	const wider = WIDER.find(
		(by) =>
			(!isLow || sorted[0]! >= within(sorted.slice(1), by).low) &&
			(!isHigh || sorted.at(-1)! <= within(sorted.slice(0, -1), by).high),
	);
	const sure = surely === undefined ? null : Math.min(surely, sorted[0]! - floor);
	if (wider === undefined) return { low: sure && rounded(sure), high: null };
	const { low, high } = within(sorted, wider);
	return {
		low: !isLow || low < (useless.low ?? low) ? null : rounded(Math.max(low, sure ?? low)),
		high: !isHigh || high > (useless.high ?? high) ? null : rounded(high),
	};
}

function rounded(value: number): number {
	return Math.round(value * 1e4) / 1e4;
}

type Side = `${Measure}.${keyof Limits}`;

/** Faults of a picture: their code, which measures tell them, and how they are told. In this order: the first that is found is told. */
export const FAULTS = {
	dark: {
		code: 'picture-dark',
		by: ['light.low', 'brightest.low'],
		state: 'is too dark',
		advice: 'Look whether the lamp is on and the cap off, and at the exposure.',
	},
	overexposed: {
		code: 'picture-overexposed',
		by: ['burnt.high', 'light.high'],
		state: 'is overexposed',
		advice: "Look at the camera's exposure and for light from elsewhere.",
	},
	colour: {
		code: 'picture-colour',
		by: ['red.low', 'red.high', 'blue.low', 'blue.high', 'saturation.low', 'saturation.high'],
		state: 'has other colours',
		advice: "Look at the camera's white balance and pixel format, and at the lamp.",
	},
	blurred: {
		code: 'picture-blurred',
		by: ['sharpness.low'],
		state: 'is blurred',
		advice: 'Look whether the lens is clean and in focus, and whether the part stands still.',
	},
	absent: {
		code: 'part-absent',
		by: ['contrast.low', 'likeness.low'],
		state: 'shows no such part',
		advice: 'Look whether a part is in view, whether it is the right one, and where the camera looks.',
	},
	moved: {
		code: 'picture-moved',
		by: ['right.low', 'right.high', 'down.low', 'down.high', 'turn.low', 'turn.high'],
		state: 'is moved',
		advice: 'Set the camera, or what holds the part, to where it was when the part was taught.',
	},
} as const satisfies Readonly<
	Record<
		string,
		{ readonly code: string; readonly by: readonly Side[]; readonly state: string; readonly advice: string }
	>
>;
export type Fault = keyof typeof FAULTS;

/** On which sides of a measure there is a fault. */
const TOLD = Object.fromEntries(
	MEASURES.map((measure) => {
		const is = (side: keyof Limits) =>
			Object.values(FAULTS).some(({ by }) => (by as readonly Side[]).includes(`${measure}.${side}`));
		return [measure, { low: is('low'), high: is('high') }];
	}),
) as Readonly<Record<Measure, Readonly<Record<keyof Limits, boolean>>>>;

/** A fault, and in words by which number. */
export type Finding = { readonly fault: Fault; readonly measure: Measure; readonly words: string };

/** What is wrong with a picture, of what is looked for; a measure that is no number is wrong. */
export function faultIn(
	measures: Measures,
	{ limits }: Pick<Quality, 'limits'>,
	isLookedFor: (fault: Fault) => boolean,
): Finding | undefined {
	for (const fault of (Object.keys(FAULTS) as Fault[]).filter(isLookedFor)) {
		const { by, state } = FAULTS[fault];
		for (const told of by) {
			const [measure, side] = told.split('.') as [Measure, keyof Limits];
			const limit = limits[measure][side];
			const value = measures[measure];
			if (limit === null || (side === 'low' ? value >= limit : value <= limit)) continue;
			const { is, shown } = TABLE[measure];
			const words = `it ${state}: ${is} is ${shown(value)}, allowed ${side === 'low' ? 'at least' : 'at most'} ${shown(limit)} by the good pictures`;
			return { fault, measure, words };
		}
	}
	return undefined;
}
