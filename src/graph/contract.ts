import { Failure } from '../base/failure.js';
import type { Adapter, ForeignModel, Layout, Port } from './foreign.js';
import type { Normalisation } from './picture.js';

/** Names of outputs, without signs and case, the surest first: what anomalib's releases and others call them. */
export const MAPS = [
	'anomaly_map',
	'anomaly_maps',
	'heatmap',
	'heatmaps',
	'anomaly_heatmap',
	'score_map',
	'amap',
	'map',
	'maps',
	'output',
];
export const SCORES = [
	'pred_score',
	'pred_scores',
	'anomaly_score',
	'anomaly_scores',
	'image_score',
	'score',
	'scores',
];

/** The newest that ONNX Runtime 1.30 reads, and the oldest whose operators mean the same as today. */
export const NEWEST = { ir: 13, opset: 26 } as const;
const OLDEST_OPSET = 7;

const LEAST_SIDE = 32;

/** What a person says of a model. */
export type Asked = {
	readonly map: string | undefined;
	/** `map` for the maximum of the map. */
	readonly score: string | undefined;
	readonly size: number | undefined;
};

/** An adapter but for the normalisation, which no model tells. */
export type Contract = Omit<Adapter, keyof Normalisation> & {
	/** Whether the input takes uint8: then nobody normalises but the model. */
	readonly bytes: boolean;
	/** Outputs of one number, where none is known as the score and none was asked for. */
	readonly maybeScores: readonly string[];
};

/**
 * How a model meets our contract: read from it where it says so, and from what was asked elsewhere. `file` is for the words.
 * @throws Failure model-failed saying what was found, what is wanted and what to give
 */
export function contractOf(
	file: string,
	{ inputs, outputs, ir, opset, custom }: ForeignModel,
	asked: Asked,
): Contract {
	const refuse = (state: string, advice: string) =>
		new Failure('model-failed', `Cannot import model "${file}": ${state}`, advice);
	const listed = (ports: readonly Port[]) => ports.map(shown).join(', ');
	if (opset > NEWEST.opset || ir > NEWEST.ir)
		throw refuse(
			`it is written in opset ${opset} and IR ${ir}, and this inspectord reads up to opset ${NEWEST.opset} and IR ${NEWEST.ir}`,
			'Export it again with opset 17.',
		);
	if (opset < OLDEST_OPSET)
		throw refuse(
			`it is written in opset ${opset}, and this inspectord reads opsets from ${OLDEST_OPSET}`,
			'Export it again with opset 17.',
		);
	if (custom.length > 0)
		throw refuse(
			`it has operators that are not ONNX's own: ${custom.join(', ')}`,
			"Export it with ONNX's own operators alone.",
		);
	const [input, ...more] = inputs;
	const layout = input && layoutOf(input);
	const wanted = 'It must take one float32 picture [1, 3, height, width].';
	if (!input || !layout) throw refuse(`it takes ${listed(inputs) || 'nothing'}`, wanted);
	if (more.length > 0) throw refuse(`it takes ${inputs.length} inputs, ${listed(inputs)}`, wanted);
	if (
		!['float32', 'float16', 'uint8'].includes(input.type) ||
		(input.type === 'uint8' && layout.channels === 1)
	)
		throw refuse(`it takes ${shown(input)}`, wanted);
	const shape = input.shape!;
	if (layout.batched && (shape[0] ?? 1) !== 1)
		throw refuse(
			`it takes ${shape[0]} pictures at once, ${shown(input)}`,
			'Export it for one picture at a time, or for any number.',
		);
	const [rows, columns] = (layout.batched ? shape.slice(1) : shape).slice(
		layout.channelsLast ? 0 : 1,
		layout.channelsLast ? 2 : 3,
	);
	const [height, width] = [rows ?? asked.size, columns ?? asked.size];
	if (height === undefined || width === undefined)
		throw refuse(
			`the size of its input is free (${shown(input)})`,
			'Give the one it was trained with by --size.',
		);
	if (asked.size !== undefined && (height !== asked.size || width !== asked.size))
		throw refuse(
			`its input is ${width} × ${height} pixels (${shown(input)}), not ${asked.size}`,
			'Leave --size out: the model says its own.',
		);
	if (Math.min(width, height) < LEAST_SIDE)
		throw refuse(
			`its input is ${width} × ${height} pixels, the smallest is ${LEAST_SIDE}`,
			'Give a model that sees more of a part.',
		);
	const map = chosen(outputs, asked.map, MAPS);
	if (asked.map !== undefined && !map)
		throw refuse(`it has no output "${asked.map}": ${listed(outputs)}`, 'Name one of these with --map.');
	if (!map) throw refuse(`none of its outputs is known as a map: ${listed(outputs)}`, 'Name it with --map.');
	if (!real(map))
		throw refuse(
			`its output ${shown(map)} is no map`,
			'A map holds how unusual each pixel is, in float32 or float16: name it with --map.',
		);
	if (!fits(map.shape, [height, width]))
		throw refuse(
			`its map is [${map.shape!.map((n) => n ?? '?').join(', ')}]`,
			`It must have the size of its input, ${width} × ${height}. Name another output with --map, or export the model with its map resized.`,
		);
	const score = asked.score === 'map' ? undefined : chosen(outputs, asked.score, SCORES);
	if (!score && asked.score !== undefined && asked.score !== 'map')
		throw refuse(`it has no output "${asked.score}": ${listed(outputs)}`, 'Name it with --score.');
	if (score && !isScore(score))
		throw refuse(
			`its score ${shown(score)} is not one number`,
			'Name an output that is one number, higher for what is more unusual, with --score, or take the maximum of the map with --score map.',
		);
	return {
		input: input.name,
		layout,
		width,
		height,
		map: map.name,
		score: score?.name,
		bytes: input.type === 'uint8',
		maybeScores:
			score || asked.score !== undefined
				? []
				: outputs.filter((port) => port !== map && isScore(port)).map(({ name }) => name),
	};
}

/** The output of that name; without one, of the surest name that is known. */
function chosen(
	outputs: readonly Port[],
	name: string | undefined,
	usual: readonly string[],
): Port | undefined {
	if (name !== undefined) return outputs.find((port) => port.name === name);
	const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');
	for (const known of usual) {
		const found = outputs.find((port) => plain(port.name) === plain(known) && real(port));
		if (found) return found;
	}
	return undefined;
}

function isScore(port: Port): boolean {
	return real(port) && fits(port.shape, []);
}

function real({ type }: Port): boolean {
	return type === 'float32' || type === 'float16';
}

/** Whether a shape is that one, but for axes of length 1; what is free may be anything. */
function fits(shape: Port['shape'], wanted: readonly number[]): boolean {
	if (!shape) return true;
	const fixed = shape.filter((n) => n !== 1 && n !== null);
	if (fixed.length === wanted.length) return `${fixed}` === `${wanted}`;
	return shape.includes(null) && fixed.every((n) => wanted.includes(n!)) && fixed.length < wanted.length;
}

/** A picture in [N, C, H, W] or [N, H, W, C], with or without N; undefined for anything else. */
function layoutOf({ shape }: Port): Layout | undefined {
	const batched = shape?.length === 4;
	if (!shape || (!batched && shape.length !== 3)) return undefined;
	const [first = null, , last = null] = batched ? shape.slice(1) : shape;
	const channels = (n: number | null) => (n === 1 || n === 3 ? n : undefined);
	const ahead = channels(first);
	const behind = channels(last);
	if (ahead) return { channels: ahead, channelsLast: false, batched };
	if (behind) return { channels: behind, channelsLast: true, batched };
	return first === null ? { channels: 3, channelsLast: false, batched } : undefined;
}

function shown({ name, type, shape }: Port): string {
	const axes = shape ? `[${shape.map((n) => n ?? '?').join(', ')}]` : 'of any shape';
	return `"${name}" ${axes}${type === 'float32' ? '' : ` of ${type}`}`;
}
