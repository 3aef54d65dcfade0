import type { Test } from 'uvu';
import { inLanes } from '../src/base/lanes.js';

type Work = () => Promise<void> | void;

/**
 * Puts tests into a suite that wait rather than compute: they begin with the first of them, `atOnce` at a time, and each is told
 * under its own title. They share a process, so they look at nothing that belongs to all of it (children, memory, environment).
 */
export function together(suite: Test, atOnce = 8): (title: string, work: Work) => void {
	const works: Work[] = [];
	let begun: readonly Promise<void>[] | undefined;
	return (title, work) => {
		const nth = works.push(work) - 1;
		suite(title, () => {
			begun ??= begin(works, atOnce);
			return begun[nth];
		});
	};
}

function begin(works: readonly Work[], atOnce: number): readonly Promise<void>[] {
	const tell: ((outcome: Promise<void>) => void)[] = [];
	const outcomes = works.map(() => new Promise<void>((resolve) => tell.push(resolve)));
	void inLanes([...works.keys()], atOnce, async (nth) => {
		const outcome = (async () => works[nth]!())();
		tell[nth]!(outcome);
		await outcome.catch(() => {});
	});
	// uvu hears of each in its turn, which may be long after it has failed.
	for (const outcome of outcomes) outcome.catch(() => {});
	return outcomes;
}
