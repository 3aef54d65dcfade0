import { Failure } from '../base/failure.js';
import type { Precision } from '../base/precision.js';

/** Major and minor: 10.3. */
type Release = readonly [major: number, minor: number];

/**
 * How a TensorRT's trtexec is told what we want; read in samples/common/sampleOptions.cpp of NVIDIA/TensorRT at the releases named.
 * `weak`: layers are computed in whatever is fastest among the types that are allowed, and must be told one by one to keep theirs;
 * `strong`: the network's own types are kept, which --fp16 and --int8 would contradict.
 */
type Row = {
	readonly name: string;
	readonly from: Release;
	readonly below: Release;
	readonly buildOnly: '--buildOnly' | '--skipInference';
	readonly typing: 'weak' | 'strong';
};

export const RELEASES: readonly Row[] = [
	{ name: '8.5', from: [8, 5], below: [8, 6], buildOnly: '--buildOnly', typing: 'weak' },
	{ name: '8.6', from: [8, 6], below: [9, 0], buildOnly: '--skipInference', typing: 'weak' },
	{ name: '9', from: [9, 0], below: [10, 0], buildOnly: '--skipInference', typing: 'strong' },
	{ name: '10', from: [10, 0], below: [11, 0], buildOnly: '--skipInference', typing: 'strong' },
];

/** What trtexec shall do. */
export type Order = {
	/** Of TensorRT: "10.3.0". */
	readonly version: string;
	readonly precision: Precision;
	/** The model, and where the engine goes: paths. */
	readonly onnx: string;
	readonly engine: string;
	readonly timingCache: string;
	/** The names of the nodes that are computed in float16. */
	readonly halfNodes: readonly string[];
};

/** Memory that a layer may use for itself while it is measured: stations share the box. MiB. */
const WORKSPACE = 1024;

/** Linux takes no longer single argument (MAX_ARG_STRLEN). */
const MOST_ARGUMENT = 128 * 1024 - 1;

/**
 * The arguments of a build. What the model says is float32 stays float32 in all releases: cosine, norms, sums, blur and maximum (TF32,
 * which rounds as float16 does, is off).
 * @throws Failure engine-failed for a TensorRT that is older or newer than those that are known
 */
export function argumentsFor(order: Order): string[] {
	const { onnx, engine, timingCache } = order;
	const row = rowOf(order.version);
	return [
		`--onnx=${onnx}`,
		`--saveEngine=${engine}`,
		`--timingCacheFile=${timingCache}`,
		row.buildOnly,
		`--memPoolSize=workspace:${WORKSPACE}`,
		'--noTF32',
		// Without it nothing tells how far it is.
		'--verbose',
		...typesFor(row, order),
	];
}

function rowOf(version: string): Row {
	const [major = Number.NaN, minor = 0] = version.split('.').map(Number);
	const reached = ([m, n]: Release) => major > m || (major === m && minor >= n);
	const row = RELEASES.find(({ from, below }) => reached(from) && !reached(below));
	if (row) return row;
	throw new Failure(
		'engine-failed',
		`Cannot build an engine with TensorRT ${version}: this inspectord knows TensorRT 8.5 to 10`,
		'Use a TensorRT of these releases, and an ONNX Runtime that was built with it.',
	);
}

function typesFor({ typing, name }: Row, { precision, halfNodes }: Order): string[] {
	if (typing === 'strong') return ['--stronglyTyped'];
	switch (precision) {
		case 'fp32':
			return [];
		case 'int8':
			// Scales come from the model's own QuantizeLinear; what has none is computed in float32.
			return ['--int8'];
		case 'fp16': {
			const odd = halfNodes.find((node) => /[,:*'"]/.test(node) || node === '');
			if (odd !== undefined)
				throw new Failure(
					'engine-failed',
					`Cannot build an engine with TensorRT ${name}: its trtexec cannot be told of a node named "${odd}"`,
					'Use TensorRT 10, or build with --precision fp32.',
				);
			const spec = ['*:fp32', ...halfNodes.map((node) => `${node}:fp16`)].join(',');
			if (spec.length > MOST_ARGUMENT - '--layerOutputTypes='.length)
				throw new Failure(
					'engine-failed',
					`Cannot build an engine with TensorRT ${name}: the model has ${halfNodes.length} nodes in float16, more than its trtexec can be told of`,
					'Use TensorRT 10, or build with --precision fp32.',
				);
			return [
				'--fp16',
				'--precisionConstraints=obey',
				`--layerPrecisions=${spec}`,
				`--layerOutputTypes=${spec}`,
			];
		}
	}
}
