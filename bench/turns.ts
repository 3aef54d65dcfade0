import { setTimeout as pause } from 'node:timers/promises';

/** What is measured: each run tells its milliseconds. */
export type Contestant = { readonly label: string; run(): Promise<number> };

/** Threads of ONNX Runtime and of PyTorch spin for a while after a run, and would take a core from the next contestant. */
const REST_MS = 60;

/** The milliseconds of each contestant over `rounds`, in turn, so that a noisy machine disturbs all alike. */
export async function inTurn<Name extends string>(
	contestants: Readonly<Record<Name, Contestant>>,
	{ rounds, warmUp }: { readonly rounds: number; readonly warmUp: number },
): Promise<Record<Name, number[]>> {
	const names = Object.keys(contestants) as Name[];
	const found = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
	for (let round = 0; round < warmUp + rounds; round += 1) {
		for (const name of names) {
			await pause(REST_MS);
			const ms = await contestants[name].run();
			if (round >= warmUp) found[name].push(ms);
		}
	}
	return found;
}
