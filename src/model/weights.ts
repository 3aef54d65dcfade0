import { randomFrom } from '../base/random.js';
import { elementCount, float32, type Shape, type Tensor } from '../graph/tensor.js';

/** Named float32 tensors, in the names of torchvision and the published checkpoints. */
export class Weights {
	readonly #tensors: Map<string, Tensor<'float32'>>;

	constructor(entries: Iterable<readonly [string, Tensor<'float32'>]> = []) {
		this.#tensors = new Map(entries);
	}

	has(name: string): boolean {
		return this.#tensors.has(name);
	}

	/** @throws Error when there is no such tensor */
	get(name: string): Tensor<'float32'> {
		const tensor = this.#tensors.get(name);
		if (!tensor) throw new Error(`there is no weight "${name}"`);
		return tensor;
	}

	set(name: string, tensor: Tensor<'float32'>): void {
		this.#tensors.set(name, tensor);
	}

	entries(): IterableIterator<[string, Tensor<'float32'>]> {
		return this.#tensors.entries();
	}

	names(): string[] {
		return [...this.#tensors.keys()];
	}
}

/** A parameter of the student and how it starts. */
export type Parameter = {
	readonly name: string;
	readonly shape: Shape;
	readonly role: 'kernel' | 'up-kernel' | 'scale' | 'shift';
};

/**
 * The student before training, as published: kernels normal with deviation √(2 / (out·k²)) (He et al. 2015, fan out), transposed
 * kernels uniform within 1/√(out·k²), norm scales 1 and shifts 0.
 */
export function initialWeights(parameters: readonly Parameter[], seed: number): Weights {
	const random = randomFrom(seed);
	return new Weights(
		parameters.map(({ name, shape, role }) => {
			const data = new Float32Array(elementCount(shape));
			if (role === 'scale') data.fill(1);
			const [first = 1, second = 1, kh = 1, kw = 1] = shape;
			if (role === 'kernel') {
				const deviation = Math.sqrt(2 / (first * kh * kw));
				for (let i = 0; i < data.length; i += 1) data[i] = deviation * random.normal();
			}
			if (role === 'up-kernel') {
				const bound = 1 / Math.sqrt(second * kh * kw);
				for (let i = 0; i < data.length; i += 1) data[i] = bound * (2 * random.uniform() - 1);
			}
			return [name, float32(shape, data)] as const;
		}),
	);
}

/**
 * A convolution and the inference-mode norm behind it as one convolution with bias:
 * w' = w·γ/√(σ² + ε) per output channel, b' = β − μ·γ/√(σ² + ε) (+ scaled bias, where the convolution has one).
 * `outAxis` is 0 for kernels [O, C, kh, kw], 1 for transposed ones [C, O, kh, kw].
 */
export function foldNorm(
	weights: Weights,
	conv: string,
	norm: string,
	outAxis: 0 | 1,
	epsilon: number,
): Weights {
	const kernel = weights.get(`${conv}.weight`);
	const [scale, shift, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(
		(part) => weights.get(`${norm}.${part}`).data,
	) as [Float32Array, Float32Array, Float32Array, Float32Array];
	const own = weights.has(`${conv}.bias`) ? weights.get(`${conv}.bias`).data : undefined;
	const factor = scale.map((gamma, o) => gamma / Math.sqrt(variance[o]! + epsilon));
	const bias = shift.map((beta, o) => beta + ((own?.[o] ?? 0) - mean[o]!) * factor[o]!);
	const area = elementCount(kernel.shape.slice(2));
	const channels = kernel.shape[1]!;
	const data = kernel.data.map((v, i) => {
		const row = Math.floor(i / area);
		return v * factor[outAxis === 0 ? Math.floor(row / channels) : row % channels]!;
	});
	return new Weights([
		[`${conv}.weight`, float32(kernel.shape, data)],
		[`${conv}.bias`, float32([bias.length], bias)],
	]);
}
