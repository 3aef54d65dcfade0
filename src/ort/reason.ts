import { reasonOf } from '../base/failure.js';

/** What ONNX Runtime says, and what it means. */
const meanings: readonly (readonly [said: RegExp, meant: (...found: readonly string[]) => string])[] = [
	[
		/Unsupported model IR version: (\d+), max supported IR version: (\d+)/,
		(found, most) => `it is written in IR ${found}, ONNX Runtime reads up to IR ${most}`,
	],
	[
		/Opset (\d+) is under development[\s\S]*till opset (\d+)/,
		(found, most) => `it is written in opset ${found}, ONNX Runtime reads up to opset ${most}`,
	],
	[
		/No Op registered for (\S+)|([\w.:]+)\(-?\d+\) is not a registered function\/op/,
		(a, b) => `it has the operator "${a ?? b}", which ONNX Runtime does not know`,
	],
	[
		/Could not find an implementation for (\w+)/,
		(operator) => `ONNX Runtime cannot compute its operator "${operator}" in these types`,
	],
	[
		/Unrecognized attribute: (\w+) for operator (\w+)/,
		(attribute, operator) =>
			`its operator "${operator}" has an attribute "${attribute}" that its opset does not know`,
	],
	[
		/cannot be reshaped to the requested shape. Input shape:\{([\d,]*)\}, requested shape:\{([\d,]*)\}/,
		(found, wanted) => `it gives [${found}] where [${wanted}] is wanted`,
	],
	[
		/Protobuf parsing failed|ModelProto does not have a graph|No graph was found/,
		() => 'it is not an ONNX model, or cut off',
	],
];

/** The reason of a failure of ONNX Runtime: in our words where we know it, otherwise what it says without its own whereabouts. */
export function reasonOfOrt(thrown: unknown): string {
	const reason = reasonOf(thrown);
	for (const [said, meant] of meanings) {
		const [whole, ...found] = said.exec(reason) ?? [];
		if (whole !== undefined) return meant(...found);
	}
	return reason
		.replace(/\/\S*onnxruntime\S*:\d+ [^\n]*?\) (?=[A-Z])/g, '')
		.replace(/^\[ONNXRuntimeError\] : \d+ : \w+ : /, '')
		.replace(/^(Load model from \S+ failed|Exception during initialization): ?/, '')
		.trim();
}
