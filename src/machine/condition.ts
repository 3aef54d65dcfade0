import { below } from './below.js';
import { type Clocks, clocks } from './clocks.js';
import { type Memory, memory } from './memory.js';
import { type Power, power } from './power.js';
import { isThrottled, type Thermal, thermal } from './thermal.js';

/** How a machine is: heat, power, clocks, memory; null and empty where it tells nothing. */
export type Condition = {
	readonly thermal: Thermal;
	/** Slowed down now, or at some time since it was asked before. */
	readonly throttled: boolean | null;
	readonly power: Power;
	readonly clocks: Clocks;
	readonly memory: Memory;
};

/** Reads below `root`, each time anew. Never throws. */
export function watchCondition(root = '/'): () => Promise<Condition> {
	const files = below(root);
	let before: Thermal | undefined;
	return async () => {
		const [heat, ...rest] = await Promise.all([thermal(files), power(files), clocks(files), memory(files)]);
		const throttled = isThrottled(heat, before);
		before = heat;
		const [watts, frequencies, bytes] = rest;
		return { thermal: heat, throttled, power: watts, clocks: frequencies, memory: bytes };
	};
}
