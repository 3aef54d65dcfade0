import { create, toBinary } from '@bufbuild/protobuf';
import {
	AttributeProto_AttributeType,
	AttributeProtoSchema,
	GraphProtoSchema,
	ModelProtoSchema,
	NodeProtoSchema,
	OperatorSetIdProtoSchema,
	type ValueInfoProto,
} from 'onnx-buf';
import { parseOnnx } from './foreign.js';

/** ONNX Runtime reads an engine from the folder of the model that names it, and refuses all that could lead out of there. */
const PLAIN_NAME = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;

/**
 * A model of one node that stands for an engine: it takes and gives what `model` does, and ONNX Runtime's TensorRT provider
 * runs the engine in its place (contrib operator EPContext, com.microsoft 1, embed_mode 0). A session without that provider refuses
 * it. No hardware_architecture: another one would only be warned of, our own key refuses it.
 * @throws Error when the bytes are no ONNX model, or an axis of what it takes is free
 */
export function epContext(model: Uint8Array, engineFile: string): Uint8Array<ArrayBuffer> {
	if (!PLAIN_NAME.test(engineFile)) throw new Error(`"${engineFile}" is no plain file name`);
	const { graph, irVersion, opsetImport } = parseOnnx(model);
	const initial = new Set(graph.initializer.map(({ name }) => name));
	const inputs = graph.input.filter(({ name }) => !initial.has(name));
	for (const port of [...inputs, ...graph.output]) assertFixed(port);
	const integer = (name: string, i: bigint) =>
		create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i });
	const text = (name: string, value: string) =>
		create(AttributeProtoSchema, {
			name,
			type: AttributeProto_AttributeType.STRING,
			s: Uint8Array.from(Buffer.from(value)),
		});
	const node = create(NodeProtoSchema, {
		name: 'engine',
		opType: 'EPContext',
		domain: 'com.microsoft',
		input: inputs.map(({ name }) => name),
		output: graph.output.map(({ name }) => name),
		attribute: [
			integer('main_context', 1n),
			integer('embed_mode', 0n),
			text('ep_cache_context', engineFile),
			text('source', 'TensorrtExecutionProvider'),
		],
	});
	return toBinary(
		ModelProtoSchema,
		create(ModelProtoSchema, {
			irVersion,
			producerName: 'inspectord',
			opsetImport: [
				...opsetImport.filter(({ domain }) => domain !== 'com.microsoft'),
				create(OperatorSetIdProtoSchema, { domain: 'com.microsoft', version: 1n }),
			],
			graph: create(GraphProtoSchema, {
				name: 'engine',
				node: [node],
				input: inputs,
				output: graph.output,
			}),
		}),
	);
}

/** An engine is built for one size of everything. */
function assertFixed({ name, type }: ValueInfoProto): void {
	const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
	const isFixed = tensor?.shape?.dim.every(({ value }) => value.case === 'dimValue' && value.value > 0n);
	if (!isFixed) throw new Error(`the size of "${name}" is free`);
}
