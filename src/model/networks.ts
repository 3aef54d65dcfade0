import type { Graph } from '../graph/graph.js';
import type { Value } from '../graph/ops.js';
import type { Architecture } from './architecture.js';
import type { Units } from './units.js';

/** Outputs of stages 1, 2 and 3: strides 4, 8 and 16. */
export type Features = readonly [Value, Value, Value];

/** `x`: normalised RGB [N, 3, S, S] → features. The ImageNet-trained encoder E of the paper, without its fourth stage. */
export function teacher(graph: Graph, units: Units, arch: Architecture, x: Value): Features {
	const stem = units(x, {
		conv: 'conv1',
		norm: 'bn1',
		channels: arch.stem,
		kernel: 7,
		stride: 2,
		relu: true,
	});
	let y = graph.apply('MaxPool', [stem], { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
	return [0, 1, 2].map((i) => {
		y = stage(units, arch, y, `layer${i + 1}`, i, arch.blocks[i]!, i === 0 ? 1 : 2, 'down');
		return y;
	}) as unknown as Features;
}

/** Multi-scale feature fusion and one-class embedding (paper 3.3): features → [N, C4, S/32, S/32]. */
export function bottleneck(graph: Graph, units: Units, arch: Architecture, features: Features): Value {
	const half = (x: Value, conv: string, norm: string, channels: number) =>
		units(x, { conv: `bn.${conv}`, norm: `bn.${norm}`, channels, kernel: 3, stride: 2, relu: true });
	const [, c2, c3] = arch.outer;
	const fromFirst = half(half(features[0], 'conv1', 'bn1', c2), 'conv2', 'bn2', c3);
	const fromSecond = half(features[1], 'conv3', 'bn3', c3);
	const fused = graph.apply('Concat', [fromFirst, fromSecond, features[2]], { axis: 1 });
	return stage(units, arch, fused, 'bn.bn_layer', 3, arch.embedding, 2, 'down');
}

/** The mirrored network D (paper 3.2): embedding → what the teacher's stages 1, 2 and 3 should have been. */
export function decoder(units: Units, arch: Architecture, embedding: Value): Features {
	const third = stage(units, arch, embedding, 'decoder.layer1', 2, arch.blocks[0], 2, 'up');
	const second = stage(units, arch, third, 'decoder.layer2', 1, arch.blocks[1], 2, 'up');
	return [stage(units, arch, second, 'decoder.layer3', 0, arch.blocks[2], 2, 'up'), second, third];
}

export function student(graph: Graph, units: Units, arch: Architecture, features: Features): Features {
	return decoder(units, arch, bottleneck(graph, units, arch, features));
}

/** Residual blocks with the widths of stage `index`; the first one changes the scale. */
function stage(
	units: Units,
	arch: Architecture,
	x: Value,
	name: string,
	index: number,
	count: number,
	stride: number,
	direction: 'down' | 'up',
): Value {
	let y = x;
	for (let i = 0; i < count; i += 1) {
		y = block(
			units,
			arch,
			y,
			`${name}.${i}`,
			arch.inner[index]!,
			arch.outer[index]!,
			i === 0 ? stride : 1,
			direction,
		);
	}
	return y;
}

function block(
	units: Units,
	arch: Architecture,
	x: Value,
	name: string,
	inner: number,
	outer: number,
	stride: number,
	direction: 'down' | 'up',
): Value {
	const up = direction === 'up' && stride !== 1;
	const unit = (input: Value, i: number, channels: number, kernel: number, plus?: Value) => {
		const scaled = i === (arch.block === 'basic' ? 1 : 2) && stride !== 1;
		return units(input, {
			conv: `${name}.conv${i}`,
			norm: `${name}.bn${i}`,
			channels,
			kernel: scaled && up ? 2 : kernel,
			stride: scaled ? stride : 1,
			up: scaled && up,
			relu: true,
			...(plus && { plus }),
		});
	};
	const shortcut = () => {
		if (stride === 1 && x.shape[1] === outer) return x;
		const scale = up ? 'upsample' : 'downsample';
		return units(x, {
			conv: `${name}.${scale}.0`,
			norm: `${name}.${scale}.1`,
			channels: outer,
			kernel: up ? 2 : 1,
			stride,
			up,
			relu: false,
		});
	};
	if (arch.block === 'basic') {
		const y = unit(x, 1, inner, 3);
		return unit(y, 2, outer, 3, shortcut());
	}
	const y = unit(unit(x, 1, inner, 1), 2, inner, 3);
	return unit(y, 3, outer, 1, shortcut());
}
