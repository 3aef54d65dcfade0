import type { VerdictMessage } from '../../protocol/verdict.js';

const colours = { accept: '\x1b[32m', reject: '\x1b[31m', error: '\x1b[33m' } as const;

/** What a part keeps its station busy with. */
const STAGES = ['prepareMs', 'modelMs', 'decideMs', 'drawMs'] as const;

/** One line a part: time, station, verdict, score against threshold, which frame, how long. */
export function verdictLine(message: VerdictMessage, coloured: boolean): string {
	const { verdict, score, threshold, station, times, frame, latency, error } = message;
	const word = verdict.padEnd(6);
	const number = (n: number | null) => (n === null ? '   –  ' : n.toFixed(4));
	const took = STAGES.reduce((sum, stage) => sum + (latency[stage] ?? 0), 0);
	return [
		times.captured.slice(11, 23),
		station,
		coloured ? `${colours[verdict]}${word}\x1b[0m` : word,
		`${number(score)} / ${number(threshold)}`,
		...(times.scored === null ? [] : [`${took.toFixed(0).padStart(4)} ms`]),
		...(frame === null ? [] : [frame]),
		...(error ? [error.message] : []),
	].join('  ');
}
