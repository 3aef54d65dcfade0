/**
 * Releases of TensorRT whose ONNX parser is known here. Those of 10.2 and later are not read: the newest one known stands for them, as
 * what a parser reads has only grown within 10.
 */
export const PARSERS = ['8.5', '8.6', '9.0', '10.0', '10.1'] as const;
export type Parser = (typeof PARSERS)[number];

/** Operator sets that a parser takes. */
export const opsets: { readonly [P in Parser]: { readonly from: number; readonly to: number } } = {
	'8.5': { from: 7, to: 17 },
	'8.6': { from: 7, to: 17 },
	'9.0': { from: 7, to: 19 },
	'10.0': { from: 9, to: 20 },
	'10.1': { from: 9, to: 20 },
};

/** f float32, h float16, i int32, l int64, c int8, u uint8, b bool. */
export type Letter = 'f' | 'h' | 'i' | 'l' | 'c' | 'u' | 'b';

/**
 * Which element types an operator takes, from 8.5 on and from later releases where that changed; what is not listed no parser takes.
 * Source: the support tables `docs/operators.md` of onnx-tensorrt (github.com/onnx/onnx-tensorrt, branches 8.5-GA, 8.6-GA, 9.0-GA,
 * 10.0-GA and 10.1-GA; Apache-2.0); uint8 in a Cast of 8.5 from `builtin_op_importers.cpp` there. Before 9.0 int64 is narrowed to int32,
 * and everywhere float64 to float32.
 */
const table: Readonly<Record<string, string>> = {
	Abs: 'fhi 9.0:fhilc 10.0:fhil',
	Acos: 'fh 9.0:fhc 10.0:fh',
	Acosh: 'fh 9.0:fhc 10.0:fh',
	Add: 'fhi 9.0:fhilc 10.0:fhil',
	And: 'b',
	ArgMax: 'fh 8.6:fhi 9.0:fhil',
	ArgMin: 'fh 8.6:fhi 9.0:fhil',
	Asin: 'fh 9.0:fhc 10.0:fh',
	Asinh: 'fh 9.0:fhc 10.0:fh',
	Atan: 'fh 9.0:fhc 10.0:fh',
	Atanh: 'fh 9.0:fhc 10.0:fh',
	AveragePool: 'fhic 9.0:fhc 10.0:fh',
	BatchNormalization: 'fh',
	Cast: 'fhicub 9.0:fhilcub 10.0:fhilub',
	CastLike: '10.0:fhilub',
	Ceil: 'fh 9.0:fhc 10.0:fh',
	Celu: 'fh 9.0:f 10.0:fh',
	Clip: 'fhc 10.0:fh',
	Concat: 'fhicb 9.0:fhilcb 10.0:fhilb',
	Constant: 'fhicb 9.0:fhilcb 10.0:fhilb',
	ConstantOfShape: 'f 10.1:fhib',
	Conv: 'fhc 10.0:fh',
	ConvTranspose: 'fhc 10.0:fh',
	Cos: 'fh 9.0:fhc 10.0:fh',
	Cosh: 'fh 9.0:fhc 10.0:fh',
	CumSum: 'fh',
	DeformConv: '10.1:fh',
	DepthToSpace: 'fhi 9.0:fhil',
	DequantizeLinear: 'c',
	Div: 'fhi 9.0:fhilc 10.0:fhil',
	Dropout: 'fh',
	Einsum: 'fh',
	Elu: 'fhc 10.0:fh',
	Equal: 'fhi 9.0:fhil',
	Erf: 'fh',
	Exp: 'fh',
	Expand: 'fhib 9.0:fhilb',
	EyeLike: 'fhib 9.0:fhilb',
	Flatten: 'fhib 9.0:fhilb',
	Floor: 'fh',
	GRU: 'fh',
	Gather: 'fhicb 9.0:fhilcb 10.0:fhilb',
	GatherElements: 'fhicb 9.0:fhilcb 10.0:fhilb',
	GatherND: 'fhicb 9.0:fhilcb 10.0:fhilb',
	Gelu: '10.0:fhilc',
	Gemm: 'fhc 10.0:fh',
	GlobalAveragePool: 'fhc 10.0:fh',
	GlobalLpPool: 'fhc 10.0:fh',
	GlobalMaxPool: 'fhc 10.0:fh',
	Greater: 'fhi 9.0:fhilc 10.0:fhil',
	GreaterOrEqual: 'fhi 9.0:fhilc 10.0:fhil',
	GridSample: 'fh',
	GroupNormalization: '8.6:fh',
	HardSigmoid: 'fhc 10.0:fh',
	HardSwish: 'fhc 10.0:fh',
	Hardmax: '10.0:fh',
	Identity: 'fhicb 9.0:fhilcb 10.0:fhilb',
	If: 'fhib 9.0:fhilb',
	ImageScaler: 'fh',
	InstanceNormalization: 'fh',
	IsInf: '8.6:fh 9.0:fhc 10.0:fh',
	IsNaN: 'fhi 9.0:fhilc 10.0:fhil',
	LRN: 'fh',
	LSTM: 'fh',
	LayerNormalization: '8.6:fh',
	LeakyRelu: 'fhc 10.0:fh',
	Less: 'fhi 9.0:fhilc 10.0:fhil',
	LessOrEqual: 'fhi 9.0:fhilc 10.0:fhil',
	Log: 'fh 9.0:fhc 10.0:fh',
	LogSoftmax: 'fh 9.0:fhc 10.0:fh',
	Loop: 'fhib 9.0:fhilb',
	LpNormalization: 'fh',
	LpPool: 'fhc 10.0:fh',
	MatMul: 'fh 9.0:fhc 10.0:fh',
	Max: 'fhi 9.0:fhilc 10.0:fhil',
	MaxPool: 'fhc 10.0:fh',
	Mean: 'fhi 9.0:fhil',
	MeanVarianceNormalization: 'fh',
	Min: 'fhi 9.0:fhilc 10.0:fhil',
	Mish: '10.0:fh',
	Mod: 'fhi 9.0:fhilc 10.0:fhil',
	Mul: 'fhi 9.0:fhilc 10.0:fhil',
	Neg: 'fhi 9.0:fhilc 10.0:fhil',
	NonMaxSuppression: 'fh',
	NonZero: 'fh',
	Not: 'b',
	OneHot: 'fhib 9.0:fhilb',
	Or: 'b',
	PRelu: 'fhc 10.0:fh',
	Pad: 'fhic 9.0:fhilc 10.0:fhil',
	ParametricSoftplus: 'fhc 10.0:fh',
	Pow: 'fh 9.0:fhc 10.0:fh',
	QuantizeLinear: 'fh',
	RNN: 'fh',
	RandomNormal: 'fh 9.0:fhc 10.0:fh',
	RandomNormalLike: 'fh 9.0:fhc 10.0:fh',
	RandomUniform: 'fh 9.0:fhc 10.0:fh',
	RandomUniformLike: 'fh 9.0:fhc 10.0:fh',
	Range: 'fhi 9.0:fhil',
	Reciprocal: 'fh 9.0:fhc 10.0:fh',
	ReduceL1: 'fh 9.0:fhilc 10.0:fhil',
	ReduceL2: 'fh 9.0:fhilc 10.0:fhil',
	ReduceLogSum: 'fh 9.0:fhilc 10.0:fhil',
	ReduceLogSumExp: 'fh 9.0:fhilc 10.0:fhil',
	ReduceMax: 'fh 9.0:fhilc 10.0:fhil',
	ReduceMean: 'fh 9.0:fhilc 10.0:fhil',
	ReduceMin: 'fh 9.0:fhilc 10.0:fhil',
	ReduceProd: 'fh 9.0:fhilc 10.0:fhil',
	ReduceSum: 'fh 9.0:fhilc 10.0:fhil',
	ReduceSumSquare: 'fh 9.0:fhilc 10.0:fhil',
	Relu: 'fhc 9.0:fhilc 10.0:fhil',
	Reshape: 'fhicb 9.0:fhilcb 10.0:fhilb',
	Resize: 'fh',
	ReverseSequence: 'fh 8.6:fhicb 9.0:fhilcb 10.0:fhilb',
	RoiAlign: 'fh',
	Round: 'fhc 10.0:fh',
	ScaledTanh: 'fhc 10.0:fh',
	Scan: 'fh',
	Scatter: 'fhic 9.0:fhilc 10.0:fhil',
	ScatterElements: 'fhic 9.0:fhilc 10.0:fhil',
	ScatterND: 'fhic 9.0:fhilc 10.0:fhil',
	Selu: 'fhc 10.0:fh',
	Shape: 'fhicb 9.0:fhilcb 10.0:fhilb',
	Shrink: 'fhi 9.0:fhil',
	Sigmoid: 'fhc 10.0:fh',
	Sign: 'fhic 9.0:fhilc 10.0:fhil',
	Sin: 'fh 9.0:fhc 10.0:fh',
	Sinh: 'fh 9.0:fhc 10.0:fh',
	Size: 'fhicb 9.0:fhilcb 10.0:fhilb',
	Slice: 'fhicb 9.0:fhilcb 10.0:fhilb',
	Softmax: 'fh 9.0:fhc 10.0:fh',
	Softplus: 'fhc 10.0:fh',
	Softsign: 'fhc 10.0:fh',
	SpaceToDepth: 'fhi 9.0:fhil',
	Split: 'fhib 9.0:fhilb 10.0:fhi 10.1:fhilb',
	Sqrt: 'fh 9.0:fhc 10.0:fh',
	Squeeze: 'fhicb 9.0:fhilcb 10.0:fhilb',
	Sub: 'fhi 9.0:fhilc 10.0:fhil',
	Sum: 'fhi 9.0:fhilc 10.0:fhil',
	Tan: 'fh 9.0:fhc 10.0:fh',
	Tanh: 'fhc 10.0:fh',
	ThresholdedRelu: 'fhc 10.0:fh',
	Tile: 'fhib 9.0:fhilb',
	TopK: 'fh 8.6:fhi 9.0:fhil',
	Transpose: 'fhicb 9.0:fhilcb 10.0:fhilb',
	Trilu: 'fhicb 9.0:fhilcb 10.0:fhilb',
	Unsqueeze: 'fhicb 9.0:fhilcb 10.0:fhilb',
	Upsample: 'fh',
	Where: 'fhib 9.0:fhilcb 10.0:fhilb',
	Xor: 'b',
};

/** The element types that a parser takes of an operator; undefined for one that it does not know. */
export function takenTypes(op: string, parser: Parser): string | undefined {
	const row = Object.hasOwn(table, op) ? table[op]! : '';
	let taken: string | undefined;
	for (const part of row.split(' ')) {
		const [types = '', from] = part.split(':').reverse();
		if (types !== '' && isReached(from, parser)) taken = types;
	}
	return taken;
}

function isReached(from: string | undefined, parser: Parser): boolean {
	return from === undefined || (PARSERS as readonly string[]).indexOf(from) <= PARSERS.indexOf(parser);
}

/** The newest parser that is known and not newer than a TensorRT (`8.5.2.2`); the oldest for one that is older still. */
export function parserOf(tensorrt: string): Parser {
	const [major = 0, minor = 0] = tensorrt.split('.').map(Number);
	const isReachedBy = (parser: Parser) => {
		const [m, n] = parser.split('.').map(Number) as [number, number];
		return major > m || (major === m && minor >= n);
	};
	return PARSERS.findLast(isReachedBy) ?? PARSERS[0];
}
