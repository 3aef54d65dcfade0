import type { Context } from '../../base/context.js';
import type { Progress } from '../../protocol/teach-messages.js';

/** Drawn in place where a person watches; otherwise a line for each tenth of the way. */
export function progressLines(context: Context): (progress: Progress) => void {
	let told = '';
	return (progress) => {
		if (progress.phase === 'warning') return context.note(`warning: ${progress.message}`);
		const line = lineOf(progress);
		if (context.interactive) return context.note(line, { transient: true });
		const tenth = `${progress.phase}${Math.floor((10 * progress.done) / progress.of)}`;
		if (tenth !== told) context.note(line);
		told = tenth;
	};
}

const labels = {
	features: 'looking  ',
	training: 'learning ',
	calibrating: 'measuring',
	comparing: 'comparing',
} as const;

function lineOf(progress: Exclude<Progress, { phase: 'warning' }>): string {
	const { phase, done, of } = progress;
	const parts = [`${labels[phase]} ${bar(done, of)} ${done}/${of}`];
	if (phase === 'training') {
		parts.push(`loss ${progress.loss.toFixed(4)}`);
		const rate = (of - done) / progress.secondsLeft;
		if (Number.isFinite(rate)) parts.push(`${rate.toFixed(1)} steps/s`);
	}
	if ('secondsLeft' in progress) parts.push(`${duration(progress.secondsLeft)} left`);
	if (phase === 'training') parts.push(`${progress.memoryMb} MB`);
	return parts.join('  ');
}

/** A share as 24 blocks. */
export function bar(done: number, of: number): string {
	return '█'.repeat(Math.round((24 * done) / of)).padEnd(24, '░');
}

export function duration(seconds: number): string {
	if (seconds < 99.5) return `${Math.round(seconds)} s`;
	const whole = Math.round(seconds);
	return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
