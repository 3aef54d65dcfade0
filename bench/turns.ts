import { setTimeout as pause } from 'node:timers/promises';
import { shown, summary } from './median.js';

/** What is measured: each run tells its milliseconds. */
export type Contestant = { readonly label: string; run(): Promise<number> };

/** Threads of ONNX Runtime and of PyTorch spin for a while after a run, and would take a core from the next contestant. */
const REST_MS = 60;

/**
 * Runs each contestant `rounds` times, in turn, so that a noisy machine disturbs all alike, and prints what each took.
 * @returns the median milliseconds of a contestant by its name, NaN when it did not take part
 */
export async function inTurn(
	contestants: Readonly<Record<string, Contestant>>,
	{ rounds, warmUp }: { readonly rounds: number; readonly warmUp: number },
): Promise<(name: string) => number> {
	const found = new Map(Object.values(contestants).map((contestant) => [contestant, [] as number[]]));
	for (let round = 0; round < warmUp + rounds; round += 1) {
		for (const [contestant, took] of found) {
			await pause(REST_MS);
			const ms = await contestant.run();
			if (round >= warmUp) took.push(ms);
		}
	}
	for (const [{ label }, took] of found) console.log(shown(label, 'ms', took));
	return (name) => summary(found.get(contestants[name]!) ?? []).median;
}
