import { type Condition, watchCondition } from '../machine/condition.js';
import { memoryOf } from '../machine/memory.js';
import { spaceAt } from '../machine/space.js';
import { systemName } from '../machine/system.js';
import type { Vitals } from '../protocol/health.js';

/** What the machine tells; null where it tells nothing. */
export type Machine = {
	readonly memoryOf: (pid: number) => Promise<number | null>;
	readonly spaceAt: (folder: string) => Promise<Pick<Vitals['disk'], 'freeBytes' | 'totalBytes'>>;
	readonly systemName: () => Promise<string>;
	/** Each time with what passed since the last time; one for each who asks. */
	readonly watchCondition: () => () => Promise<Condition>;
};

export const realMachine = (): Machine => ({ memoryOf, spaceAt, systemName, watchCondition });
