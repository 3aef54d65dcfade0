/** What a JetPack brings. A field that nobody could be asked is null. */
export type JetPack = {
	/** As NVIDIA counts: "6.2". */
	readonly name: string;
	/** Releases of Jetson Linux, from and below: "36.4.3" ≤ release < "36.6". */
	readonly l4t: readonly [from: string, below: string];
	/** Versions begin so: 12.6 is 12.6.68 too. */
	readonly cuda: string;
	readonly cudnn: string;
	readonly tensorrt: string;
	/** Without CUDA in it, from NVIDIA's packages; null where they bring none. */
	readonly opencv: string | null;
	readonly ubuntu: string;
	readonly python: string;
	/** Whether ONNX Runtime of our time was built there with TensorRT: its makers refuse it, nobody tells of it, or others tell that they did. */
	readonly reach: 'refused' | 'untold' | 'told';
};

/** Sources stand in docs/jetson.md, which shows this table. */
export const JETPACKS: readonly JetPack[] = [
	{
		name: '5.1',
		l4t: ['35.2', '36'],
		cuda: '11.4',
		cudnn: '8.6',
		tensorrt: '8.5',
		opencv: '4.5.4',
		ubuntu: '20.04',
		python: '3.8',
		reach: 'refused',
	},
	{
		name: '6.0',
		l4t: ['36.3', '36.4'],
		cuda: '12.2',
		cudnn: '8.9',
		tensorrt: '8.6',
		opencv: '4.8.0',
		ubuntu: '22.04',
		python: '3.10',
		reach: 'untold',
	},
	{
		name: '6.1',
		l4t: ['36.4', '36.4.3'],
		cuda: '12.6',
		cudnn: '9.3',
		tensorrt: '10.3',
		opencv: '4.8.0',
		ubuntu: '22.04',
		python: '3.10',
		reach: 'told',
	},
	{
		name: '6.2',
		l4t: ['36.4.3', '37'],
		cuda: '12.6',
		cudnn: '9.3',
		tensorrt: '10.3',
		opencv: '4.8.0',
		ubuntu: '22.04',
		python: '3.10',
		reach: 'told',
	},
	{
		name: '7.0 and 7.1',
		l4t: ['38.2', '39'],
		cuda: '13.0',
		cudnn: '9.12',
		tensorrt: '10.13',
		opencv: null,
		ubuntu: '24.04',
		python: '3.12',
		reach: 'untold',
	},
	{
		name: '7.2',
		l4t: ['39.2', '40'],
		cuda: '13.2',
		cudnn: '9',
		tensorrt: '10.16',
		opencv: null,
		ubuntu: '24.04',
		python: '3.12',
		reach: 'told',
	},
];

/** Negative where `a` is older; what is not said is 0. */
export function compareVersions(a: string, b: string): number {
	const [as, bs] = [a, b].map((text) => text.split('.').map(Number));
	const length = Math.max(as!.length, bs!.length);
	for (let i = 0; i < length; i++) {
		const difference = (as![i] ?? 0) - (bs![i] ?? 0);
		if (difference !== 0) return difference;
	}
	return 0;
}

/** Undefined where it is older or newer than this program knows. */
export function jetPackOf(l4t: string): JetPack | undefined {
	return JETPACKS.find(
		({ l4t: [from, end] }) => compareVersions(l4t, from) >= 0 && compareVersions(l4t, end) < 0,
	);
}

/** Whether a version is the one that is meant, or a later patch of it: 10.3.0 is 10.3, 10.30 is not. */
export const isOf = (version: string, wanted: string): boolean =>
	version === wanted || version.startsWith(`${wanted}.`);
