/** A residual network as far as reverse distillation needs it: the stem, stages 1 to 3, and the shape of stage 4. */
export type Architecture = {
	readonly block: 'basic' | 'bottleneck';
	/** Channels of the stem's convolution. */
	readonly stem: number;
	/** Channels inside the blocks of stages 1 to 4 (before a bottleneck's expansion). */
	readonly inner: readonly [number, number, number, number];
	/** Channels that leave stages 1 to 4. */
	readonly outer: readonly [number, number, number, number];
	/** Blocks of the teacher's stages 1 to 3; the decoder's stages, deepest first, have the same counts. */
	readonly blocks: readonly [number, number, number];
	/** Blocks of the one-class embedding, which is the fourth stage. */
	readonly embedding: number;
};

const plain = [64, 128, 256, 512] as const;
const expanded = [256, 512, 1024, 2048] as const;

export const architectures = {
	pocket: {
		block: 'basic',
		stem: 32,
		inner: [32, 64, 128, 256],
		outer: [32, 64, 128, 256],
		blocks: [2, 2, 2],
		embedding: 2,
	},
	resnet18: { block: 'basic', stem: 64, inner: plain, outer: plain, blocks: [2, 2, 2], embedding: 2 },
	resnet34: { block: 'basic', stem: 64, inner: plain, outer: plain, blocks: [3, 4, 6], embedding: 3 },
	resnet50: { block: 'bottleneck', stem: 64, inner: plain, outer: expanded, blocks: [3, 4, 6], embedding: 3 },
	wide_resnet50_2: {
		block: 'bottleneck',
		stem: 64,
		inner: [128, 256, 512, 1024],
		outer: expanded,
		blocks: [3, 4, 6],
		embedding: 3,
	},
} as const satisfies Readonly<Record<string, Architecture>>;

export type Backbone = keyof typeof architectures;

export function isBackbone(name: string): name is Backbone {
	return Object.hasOwn(architectures, name);
}
