import { readFile } from 'node:fs/promises';
import { processorName } from '../src/machine/processor.js';

/** By the names that Linux gives them in /proc/cpuinfo. */
const INSTRUCTIONS = {
	AVX2: ['avx2'],
	'AVX-512': ['avx512f'],
	VNNI: ['avx512_vnni', 'avx_vnni'],
	'AMX int8': ['amx_int8'],
	'AMX bfloat16': ['amx_bf16'],
};

/** The processor and what decides how fast its convolutions are: 'AMD EPYC 7B13, 2 cores: AVX2, no AVX-512, …'. */
export async function machine(): Promise<string> {
	const flags =
		/^(?:flags|Features)\s*:(.*)$/m.exec(await readFile('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
	const told = Object.entries(INSTRUCTIONS).map(([name, any]) =>
		any.some((flag) => flags.includes(flag)) ? name : `no ${name}`,
	);
	return `${await processorName()}: ${told.join(', ')}`;
}
