import type { Line } from './lines.js';

/** Why trtexec failed, in words. */
export type Cause = {
	readonly state: string;
	readonly advice: string;
	/** Whether it would fail again as long as nothing of its key changes: a full disk says nothing of a model. */
	readonly isLasting: boolean;
};

/** How a run ended. */
export type Ending = {
	readonly code: number | null;
	readonly signal: string | null;
	/** It ran past its limit of so many seconds, and was ended for it. */
	readonly limitSeconds: number | null;
};

const MEMORY =
	'Stop what else uses memory on this box (a desktop, other stations), or teach with a smaller --size or backbone.';

/** What trtexec and TensorRT say, the surest first; found in what they say as errors or outside their log. */
const said: readonly (readonly [pattern: RegExp, cause: (found: RegExpExecArray) => Cause])[] = [
	[
		/Unknown option: (\S+)/,
		([, option]) => ({
			state: `trtexec knows no option ${option}`,
			advice: 'Is it the trtexec of the TensorRT that is installed? INSPECTORD_TRTEXEC names another one.',
			isLasting: true,
		}),
	],
	[
		/error while loading shared libraries: ([^:\s]+)/,
		([, library]) => ({
			state: `trtexec cannot load "${library}"`,
			advice:
				'Install the TensorRT and CUDA that it belongs to, or name another trtexec in INSPECTORD_TRTEXEC.',
			isLasting: false,
		}),
	],
	[
		/no CUDA-capable device|Cannot find any available devices|CUDA initialization failure|Unable to determine the device handle|NvRmMemInit failed/i,
		() => ({
			state: 'it found no GPU',
			advice: 'Is there an NVIDIA GPU, and may this user see it? On a Jetson: groups video and render.',
			isLasting: false,
		}),
	],
	[
		/CUDA driver version is insufficient|driver version is too old|forward compatibility was attempted/i,
		() => ({
			state: 'the driver is older than its CUDA',
			advice: 'Install the driver and CUDA of one JetPack, or of one release.',
			isLasting: true,
		}),
	],
	[
		/No space left on device|Saving engine to file failed|Disk quota exceeded/i,
		() => ({
			state: 'the disk is full',
			advice: 'Free some space; an engine and its timing cache need up to twice the size of its model.',
			isLasting: false,
		}),
	],
	[
		/Cannot open engine file/i,
		() => ({
			state: 'it cannot write the engine',
			advice: 'Check the permissions of the cache folder.',
			isLasting: false,
		}),
	],
	[
		/While parsing node number \d+ \[(\S+) -> "([^"]*)"/,
		([, operator, node]) => ({
			state: `its parser refuses operator ${operator} (node "${node}")`,
			advice: 'Use a newer TensorRT, or run this bundle on the CPU.',
			isLasting: true,
		}),
	],
	[
		/No importer registered for op: (\w+)/,
		([, operator]) => ({
			state: `its parser does not know operator ${operator}`,
			advice: 'Use a newer TensorRT, or run this bundle on the CPU.',
			isLasting: true,
		}),
	],
	[
		/out of memory|OutOfMemory|bad_alloc|Requested amount of GPU memory|insufficient memory|cudaErrorMemoryAllocation|Cannot allocate memory/i,
		() => ({ state: 'out of memory', advice: MEMORY, isLasting: true }),
	],
	[
		/(?:plan|engine|library|serialization).*(?:not compatible|version (?:mismatch|tag does not match)|expecting library version)/i,
		() => ({
			state: 'trtexec and the TensorRT library are of different versions',
			advice: 'Install both from one TensorRT, or name the right trtexec in INSPECTORD_TRTEXEC.',
			isLasting: true,
		}),
	],
	[
		/Failed to parse onnx file|Could not open file/i,
		() => ({
			state: 'its parser cannot read the model',
			advice: 'Use a newer TensorRT, or run this bundle on the CPU.',
			isLasting: true,
		}),
	],
];

/** A tactic that did not fit says that memory is short, where a layer then has none that does. */
const SHORT_OF_MEMORY = /insuff?icient (?:device )?memory|Device memory is insufficient|oom error/i;
const NO_IMPLEMENTATION = /Could not find any implementation for node (.*?)\.?\)?$/;

const MOST_WORDS = 300;

/** Why it failed: how it ended, then what it said last. */
export function causeOf({ code, signal, limitSeconds }: Ending, lines: readonly Line[]): Cause {
	if (limitSeconds !== null)
		return {
			state: `it was not done after ${limitSeconds} s`,
			advice: 'Give it more time with --limit; engines of large networks take up to an hour on small boxes.',
			isLasting: true,
		};
	const grave = lines.filter(({ severity }) => severity === 'E' || severity === 'F' || severity === null);
	const text = grave.map((line) => line.text);
	const without = text.map((one) => NO_IMPLEMENTATION.exec(one)).find((found) => found !== null);
	if (without && lines.some((line) => SHORT_OF_MEMORY.test(line.text)))
		return {
			state: `out of memory: no implementation of "${cut(without[1]!)}" fits`,
			advice: MEMORY,
			isLasting: true,
		};
	for (const [pattern, cause] of said) {
		const found = text.map((one) => pattern.exec(one)).find((one) => one !== null);
		if (found) return cause(found);
	}
	if (without)
		return {
			state: `it has no implementation of "${cut(without[1]!)}"`,
			advice: 'Use a newer TensorRT, or another precision.',
			isLasting: true,
		};
	if (signal === 'SIGKILL')
		return {
			state: 'it was killed (SIGKILL), as Linux does when memory runs out',
			advice: MEMORY,
			isLasting: true,
		};
	const last =
		grave.filter((line) => line.severity !== null).at(0) ??
		grave.findLast((line) => !/^&&&& /.test(line.text));
	const how = signal === null ? `exit code ${code}` : signal;
	return {
		state: `it ended (${how})${last ? ` and said: ${cut(last.text)}` : ''}`,
		advice: 'The last words of trtexec say more; report what you cannot mend.',
		isLasting: true,
	};
}

function cut(text: string): string {
	return text.length > MOST_WORDS ? `${text.slice(0, MOST_WORDS - 1)}…` : text;
}
