// Which faults of a camera are told before a part is scored, and how often a good or a defective part is taken for one: limits are
// learnt from the training pictures of each set, faults are made into its good test pictures, at the size that a model sees.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { randomFrom } from '../src/base/random.js';
import { readPicture } from '../src/opencv/picture.js';
import { between, bilinear } from '../src/vision/bilinear.js';
import { boxBlurred } from '../src/vision/blur.js';
import {
	comparisonWith,
	type Fault,
	type Finding,
	faultIn,
	learnQuality,
	lookAt,
} from '../src/vision/quality.js';

const SIDE = 256;
const size = { width: SIDE, height: SIDE };
/** Good test pictures that each fault is made into. */
const SPOILT = 40;
const whole = { x: 0, y: 0, ...size };

const [root, ...asked] = process.argv.slice(2);
if (root === undefined) throw new Error('usage: npm run bench:quality -- FOLDER [SET …]');
const sets =
	asked.length > 0 ? asked : ['bottle', 'magnetic_tile', 'screw', 'ballscrew', 'elpv_mono', 'alien_toy'];

async function picturesIn(...path: string[]): Promise<Uint8Array[]> {
	const folder = join(root!, ...path);
	const pictures: Uint8Array[] = [];
	for (const name of (await readdir(folder)).sort()) {
		const frame = await readPicture(join(folder, name));
		pictures.push(frame.modelInput(undefined, size));
		frame.release();
	}
	return pictures;
}

const random = randomFrom(1);
const clamped = (values: Float32Array | number[]) =>
	Uint8Array.from(values, (v) => Math.min(255, Math.max(0, Math.round(v))));
const gain =
	(red: number, green = red, blue = red) =>
	(picture: Uint8Array) =>
		clamped(Float32Array.from(picture, (v, i) => v * [red, green, blue][i % 3]!));
const blur = (radius: number) => (picture: Uint8Array) => clamped(boxBlurred(picture, size, whole, radius));
const move = (share: number, degrees: number) => (picture: Uint8Array) => {
	const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
	const middle = (SIDE - 1) / 2;
	const angle = 2 * Math.PI * random.uniform();
	const [dx, dy] = [share * SIDE * Math.cos(angle), share * SIDE * Math.sin(angle)].map(Math.round) as [
		number,
		number,
	];
	const result = new Uint8Array(picture.length);
	for (let y = 0; y < SIDE; y += 1) {
		for (let x = 0; x < SIDE; x += 1) {
			const u = cos * (x - middle) + sin * (y - middle) + middle + dx;
			const v = cos * (y - middle) - sin * (x - middle) + middle + dy;
			const place = between(size, 3, u, v);
			for (let c = 0; c < 3; c += 1) result[(y * SIDE + x) * 3 + c] = Math.round(bilinear(picture, place, c));
		}
	}
	return result;
};
const noisy = (level: number) =>
	clamped(Float32Array.from({ length: SIDE * SIDE * 3 }, () => level + 2 * random.normal()));

/** The scene without a part: the middle light of the picture's edge, and noise. */
function blank(picture: Uint8Array): Uint8Array {
	const edge: number[][] = [[], [], []];
	for (let i = 0; i < SIDE; i += 1) {
		for (const pixel of [i, (SIDE - 1) * SIDE + i, i * SIDE, i * SIDE + SIDE - 1])
			for (let c = 0; c < 3; c += 1) edge[c]!.push(picture[pixel * 3 + c]!);
	}
	const middle = edge.map((values) => values.sort((a, b) => a - b)[values.length >> 1]!);
	return clamped(Float32Array.from(picture, (_, i) => middle[i % 3]! + 2 * random.normal()));
}

const faults: readonly (readonly [
	name: string,
	as: readonly Fault[],
	make: (picture: Uint8Array) => Uint8Array,
])[] = [
	['black', ['dark'], () => noisy(2)],
	['light x 0.25', ['dark'], gain(0.25)],
	['light x 0.5', ['dark'], gain(0.5)],
	['light x 0.7', ['dark'], gain(0.7)],
	['light x 1.5', ['overexposed'], gain(1.5)],
	['light x 2', ['overexposed'], gain(2)],
	['light x 4', ['overexposed'], gain(4)],
	['white', ['overexposed'], () => noisy(254)],
	['red x 0.7', ['colour'], gain(0.7, 1, 1)],
	['blue x 0.8', ['colour'], gain(1, 1, 0.8)],
	['blurred, radius 1', ['blurred'], blur(1)],
	['blurred, radius 2', ['blurred'], blur(2)],
	['blurred, radius 4', ['blurred'], blur(4)],
	['moved by 2 %', ['moved', 'absent'], move(0.02, 0)],
	['moved by 5 %', ['moved', 'absent'], move(0.05, 0)],
	['moved by 10 %', ['moved', 'absent'], move(0.1, 0)],
	['moved by 25 %', ['moved', 'absent'], move(0.25, 0)],
	['turned by 3 degrees', ['moved', 'absent'], move(0, 3)],
	['turned by 10 degrees', ['moved', 'absent'], move(0, 10)],
	['upside down', ['moved', 'absent'], move(0, 180)],
	['no part', ['absent'], blank],
	['grey', ['absent'], () => noisy(128)],
];

const percent = (part: number, of: number) => (of === 0 ? '–' : `${((100 * part) / of).toFixed(1)} %`);
const results: Record<string, unknown> = {};
const strangers = new Map<string, Uint8Array[]>();
for (const set of sets) strangers.set(set, (await picturesIn(set, 'test', 'good')).slice(0, 20));

for (const set of sets) {
	const train = await picturesIn(set, 'train', 'good');
	const quality = learnQuality(train.map((picture) => lookAt(picture, size)))!;
	const compare = comparisonWith(quality.common);
	const found = (picture: Uint8Array): Finding | undefined => {
		const { own, cells } = lookAt(picture, size);
		return faultIn({ ...own, ...compare(cells) }, quality, () => true);
	};
	const told = (pictures: readonly Uint8Array[]) => pictures.map(found).filter((one) => one !== undefined);
	console.log(`\n${set}: ${train.length} good pictures taught`);
	if (process.env.LIMITS)
		console.log(
			Object.entries(quality.limits)
				.map(([m, { low, high }]) => `${m} ${low} ${high}`)
				.join('; '),
		);
	const good = await picturesIn(set, 'test', 'good');
	const figures: Record<string, string> = {};
	const row = (name: string, findings: readonly Finding[], of: number, as?: readonly Fault[]) => {
		const kinds = new Map<string, number>();
		for (const { fault, measure } of findings)
			kinds.set(`${fault} (${measure})`, 1 + (kinds.get(`${fault} (${measure})`) ?? 0));
		const right = findings.filter(({ fault }) => as?.includes(fault)).length;
		const named = as ? `, under its name ${percent(right, of)}` : '';
		console.log(
			`  ${name.padEnd(22)} ${percent(findings.length, of).padStart(8)} of ${of}${named}  ${[...kinds].map(([kind, count]) => `${kind} ${count}`).join(', ')}`,
		);
		figures[name] = `${findings.length}/${of}`;
	};
	row('good', told(good), good.length);
	for (const kind of (await readdir(join(root, set, 'test'))).filter((name) => name !== 'good')) {
		const defects = await picturesIn(set, 'test', kind);
		row(`defect ${kind}`, told(defects), defects.length);
	}
	const spoilt = good.slice(0, SPOILT);
	for (const [name, as, make] of faults) row(name, told(spoilt.map(make)), spoilt.length, as);
	const others = [...strangers].flatMap(([other, pictures]) => (other === set ? [] : pictures));
	row('another part', told(others), others.length);
	results[set] = figures;
}
console.log(JSON.stringify(results));
