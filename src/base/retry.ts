import { setTimeout as sleep } from 'node:timers/promises';

/** Waits between attempts: doubling from `firstMs` to `mostMs`, each shortened by up to half at random. */
export type Backoff = { readonly firstMs: number; readonly mostMs: number };

/** How long to wait before attempt `attempt` (from 1), with `chance` in [0, 1). Jitter keeps many boxes from knocking at once. */
export function backoffMs({ firstMs, mostMs }: Backoff, attempt: number, chance: number): number {
	const full = Math.min(mostMs, firstMs * 2 ** Math.min(attempt - 1, 30));
	return Math.round(full * (1 - chance / 2));
}

/** Waits; ends early without an error when the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
	await sleep(ms, undefined, { signal }).catch(() => {});
}
