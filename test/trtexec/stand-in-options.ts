/** What the stand-in does instead of building. */
export type StandInDoes =
	| 'builds'
	| 'is-slow'
	| 'runs-out-of-memory'
	| 'has-no-implementation'
	| 'throws-bad-alloc'
	| 'refuses-operator'
	| 'is-killed'
	| 'hangs'
	| 'prints-megabytes'
	| 'writes-half-a-file'
	| 'writes-nothing'
	| 'fills-the-disk'
	| 'has-no-gpu'
	| 'lacks-libraries'
	| 'is-something-else';

/** Names of options in samples/common/sampleOptions.cpp of NVIDIA/TensorRT: those that 8.5, 8.6, 9.1, 10.0, 10.3, 10.7 and 10.13 have. */
const always = `allowGPUFallback avgRuns avgTiming best calib device directIO dumpLayerInfo dumpOutput dumpProfile dumpRefit duration
exportLayerInfo exportOutput exportProfile exportTimes exposeDMA fp16 help idleTime inputIOFormats int8 iterations layerOutputTypes
layerPrecisions loadEngine loadInputs maxShapes maxShapesCalib memPoolSize minShapes minShapesCalib noBuilderCache
noDataTransfers noTF32 onnx optShapes optShapesCalib outputIOFormats percentile persistentCacheRatio plugins precisionConstraints
preview profilingVerbosity refit restricted safe saveEngine separateProfileRun shapes sleepTime sparsity streams
tacticSources threads timeDeserialize timeRefit timingCacheFile useCudaGraph useDLACore useManagedMemory useSpinWait verbose warmUp`;

/** And what each of them has beside those. */
const only: readonly (readonly [from: string, names: string])[] = [
	[
		'8.5',
		'batch buildOnly consistency deploy explicitBatch explicitPrecision heuristic maxBatch minTiming model nvtxMode output uff uffInput uffNHWC workspace',
	],
	[
		'8.6',
		'batch buildDLAStandalone buildOnly builderOptimizationLevel consistency deploy dumpRawBindingsToFile dynamicPlugins excludeLeanRuntime explicitBatch explicitPrecision fp8 hardwareCompatibilityLevel heuristic ignoreParsedPluginLibs infStreams layerDeviceTypes leanDLLPath maxAuxStreams maxBatch minTiming model nvtxMode output setPluginsToSerialize skipInference staticPlugins tempdir tempfileControls uff uffInput uffNHWC useRuntime vc versionCompatible workspace',
	],
	[
		'9.0',
		'bf16 buildDLAStandalone buildOnly builderOptimizationLevel calibProfile consistency dumpOptimizationProfile dumpRawBindingsToFile dynamicPlugins errorOnTimingCacheMiss excludeLeanRuntime explicitBatch explicitPrecision fp8 getPlanVersionOnly hardwareCompatibilityLevel heuristic ignoreParsedPluginLibs infStreams layerDeviceTypes leanDLLPath maxAuxStreams minTiming nvtxMode profile setPluginsToSerialize skipInference staticPlugins stronglyTyped tempdir tempfileControls useProfile useRuntime vc versionCompatible workspace',
	],
	[
		'10.0',
		'allocationStrategy allowWeightStreaming bf16 buildDLAStandalone builderOptimizationLevel calibProfile consistency dumpOptimizationProfile dumpRawBindingsToFile dynamicPlugins errorOnTimingCacheMiss excludeLeanRuntime fp8 getPlanVersionOnly hardwareCompatibilityLevel ignoreParsedPluginLibs infStreams layerDeviceTypes leanDLLPath markDebug maxAuxStreams noCompilationCache profile saveDebugTensors setPluginsToSerialize skipInference staticPlugins stripWeights stronglyTyped tempdir tempfileControls useProfile useRuntime vc versionCompatible weightStreamingBudget',
	],
];

function isAtLeast(version: string, from: string): boolean {
	const [[a = 0, b = 0], [c = 0, d = 0]] = [version, from].map((one) => one.split('.').map(Number)) as [
		number[],
		number[],
	];
	return a > c || (a === c && b >= d);
}

/** The options of a release, as `--name`. */
export function documentedIn(version: string): ReadonlySet<string> {
	const own = only.filter(([from]) => isAtLeast(version, from)).at(-1)?.[1] ?? '';
	return new Set(`${always} ${own}`.split(/\s+/).map((name) => `--${name}`));
}

const switches = [
	'fp16',
	'int8',
	'best',
	'noTF32',
	'verbose',
	'buildOnly',
	'skipInference',
	'stronglyTyped',
	'safe',
	'refit',
	'directIO',
];

export function isSwitch(option: string): boolean {
	return switches.includes(option.slice(2));
}

const types = /^[^:,]+:(?:fp32|fp16|int32|int8)(?:,[^:,]+:(?:fp32|fp16|int32|int8))*$/;
const shapes: Readonly<Record<string, RegExp>> = {
	'--memPoolSize': /^workspace:\d+(\.\d+)?$/,
	'--precisionConstraints': /^(obey|prefer|none)$/,
	'--layerPrecisions': types,
	'--layerOutputTypes': types,
	'--onnx': /^\//,
	'--saveEngine': /^\//,
	'--timingCacheFile': /^\//,
};

/** What trtexec would say of a value, undefined where it takes it. */
export function valueFault(option: string, value: string): string | undefined {
	const shape = shapes[option];
	return shape === undefined || shape.test(value)
		? undefined
		: `conversion failure: failed to parse ${option}`;
}
