import { setTimeout as pause } from 'node:timers/promises';
import { shown, summary } from './median.js';

/** What came of it, by the contestants' names; of one that did not take part NaN. */
export type Turns = {
	/** Milliseconds. */
	median(name: string): number;
	/** Of the first one's time to the second one's, round by round. */
	ratio(name: string, of: string): ReturnType<typeof summary>;
};

/** What is measured: each run tells its milliseconds. */
export type Contestant = { readonly label: string; run(): Promise<number> };

/** Threads of ONNX Runtime and of PyTorch spin for a while after a run, and would take a core from the next contestant. */
const REST_MS = 60;

/** Runs each contestant `rounds` times, in turn, so that a noisy machine disturbs all alike, and prints what each took. */
export async function inTurn(
	contestants: Readonly<Record<string, Contestant>>,
	{ rounds, warmUp }: { readonly rounds: number; readonly warmUp: number },
): Promise<Turns> {
	const found = new Map(Object.values(contestants).map((contestant) => [contestant, [] as number[]]));
	for (let round = 0; round < warmUp + rounds; round += 1) {
		for (const [contestant, took] of found) {
			await pause(REST_MS);
			const ms = await contestant.run();
			if (round >= warmUp) took.push(ms);
		}
	}
	for (const [{ label }, took] of found) console.log(shown(label, 'ms', took));
	const took = (name: string) => found.get(contestants[name]!) ?? [];
	return {
		median: (name) => summary(took(name)).median,
		ratio: (name, of) => {
			const others = took(of);
			return summary(others.length === 0 ? [] : took(name).map((ms, round) => ms / others[round]!));
		},
	};
}
