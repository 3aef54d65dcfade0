import { type Attributes, type Node, type OpName, shapeRules, typeRules, type Value } from './ops.js';
import { elementCount, type Shape, type Tensor } from './tensor.js';

/** From the gradient of an output to those of its inputs (undefined: none flows), as nodes of the same graph. */
export type Pullback = (d: Value) => readonly (Value | undefined)[];

/** What reverse mode walks: a primitive node, or a region of nodes that brings its own gradient. */
export type TapeEntry = {
	readonly inputs: readonly Value[];
	readonly output: Value;
	readonly pullback: Pullback | Node;
};

/** A computation under construction: nodes in the order they run, static shapes, constants beside them. */
export class Graph {
	readonly nodes: Node[] = [];
	readonly inputs: Value[] = [];
	readonly outputs: { readonly name: string; readonly value: Value }[] = [];
	readonly constants = new Map<string, Tensor>();
	readonly tape: TapeEntry[] = [];
	readonly #scalars = new Map<number, Value>();
	#count = 0;
	#recording = true;

	input(name: string, dtype: Value['dtype'], shape: Shape): Value {
		const value = { name, dtype, shape };
		this.inputs.push(value);
		return value;
	}

	constant(tensor: Tensor, name = this.#name('c')): Value {
		if (this.constants.has(name)) throw new Error(`the graph has a constant "${name}" already`);
		if (tensor.data.length !== elementCount(tensor.shape))
			throw new Error(`constant "${name}" does not fill [${tensor.shape}]`);
		this.constants.set(name, tensor);
		return { name, dtype: tensor.dtype, shape: tensor.shape };
	}

	/** A float32 scalar; the same number is stored once. */
	scalar(number: number): Value {
		let value = this.#scalars.get(number);
		if (!value) {
			value = this.constant({ dtype: 'float32', shape: [], data: Float32Array.of(number) });
			this.#scalars.set(number, value);
		}
		return value;
	}

	/** Appends one operator. @throws Error when the shapes do not fit it */
	apply<K extends OpName>(op: K, inputs: readonly Value[], attributes: Attributes[K]): Value {
		const shape = shapeRules[op](inputs, attributes);
		const dtype = typeRules[op]?.(inputs, attributes) ?? inputs[0]!.dtype;
		const output = { name: this.#name(op), dtype, shape };
		const node: Node<K> = { op, inputs, attributes, output };
		this.nodes.push(node as Node);
		if (this.#recording) this.tape.push({ inputs, output, pullback: node as Node });
		return output;
	}

	/** Nodes made by `forward` count for reverse mode as one operator with the gradient that it returns (JAX: custom_vjp). */
	region(inputs: readonly Value[], forward: () => { output: Value; pullback: Pullback }): Value {
		const before = this.#recording;
		this.#recording = false;
		const { output, pullback } = forward();
		this.#recording = before;
		if (before) this.tape.push({ inputs, output, pullback });
		return output;
	}

	/** Names a value as a result of the graph. @throws Error when the graph did not compute it, or it has a name already */
	output(value: Value, name: string): void {
		if (!this.nodes.some((node) => node.output === value))
			throw new Error(`output "${name}" is not computed by the graph`);
		if (this.outputs.some((o) => o.value === value || o.name === name))
			throw new Error(`output "${name}" is named twice`);
		this.outputs.push({ name, value });
	}

	/** One operator a line, as the graph runs. */
	print(): string {
		const show = (v: Value) => `${v.name}: ${v.dtype}[${v.shape}]`;
		return [
			`inputs ${this.inputs.map(show).join(', ')}`,
			...this.nodes.map(
				(n) =>
					`${show(n.output)} = ${n.op}(${n.inputs.map((v) => v.name).join(', ')}) ${JSON.stringify(n.attributes)}`,
			),
			`outputs ${this.outputs.map(({ name, value }) => `${name} = ${value.name}`).join(', ')}`,
		].join('\n');
	}

	#name(stem: string): string {
		this.#count += 1;
		return `${stem}_${this.#count}`;
	}

	add(a: Value, b: Value): Value {
		return this.apply('Add', [a, b], {});
	}

	sub(a: Value, b: Value): Value {
		return this.apply('Sub', [a, b], {});
	}

	mul(a: Value, b: Value): Value {
		return this.apply('Mul', [a, b], {});
	}

	div(a: Value, b: Value): Value {
		return this.apply('Div', [a, b], {});
	}

	relu(x: Value): Value {
		return this.apply('Relu', [x], {});
	}

	sqrt(x: Value): Value {
		return this.apply('Sqrt', [x], {});
	}

	reshape(x: Value, shape: Shape): Value {
		return this.apply('Reshape', [x], { shape });
	}

	transpose(x: Value, perm: readonly number[]): Value {
		return this.apply('Transpose', [x], { perm });
	}

	/** a·bᵀ over the last two axes. */
	matMulTransposed(a: Value, b: Value): Value {
		return this.apply('FusedMatMul', [a, b], { transA: false, transB: true });
	}

	/** Sum over `axes`, which stay with length 1. */
	sum(x: Value, axes: readonly number[]): Value {
		return this.apply('ReduceSum', [x], { axes });
	}

	/** Mean over `axes`, which stay with length 1. */
	mean(x: Value, axes: readonly number[]): Value {
		return this.apply('ReduceMean', [x], { axes });
	}
}
