import { setTimeout as sleep } from 'node:timers/promises';
import { simulatedPart } from '../../sim/line.js';
import type { Camera } from '../../vision/frame.js';
import type { SimSource } from '../../vision/source.js';
import { frameOf } from '../picture.js';

/** The simulated line: a part is drawn when it is due. */
export function simulatedCamera({ seed, defects, count, fps }: SimSource): Camera {
	let index = 0;
	let due = performance.now();
	return {
		live: false,
		dropped: 0,
		read: async ({ signal }) => {
			if (index === count) return undefined;
			due = Math.max(due + 1000 / fps, performance.now());
			await sleep(due - performance.now(), undefined, { signal }).catch(() => signal.throwIfAborted());
			const { image, name } = simulatedPart(seed, index, defects);
			index += 1;
			return frameOf(image, name);
		},
		close: async () => {},
	};
}
