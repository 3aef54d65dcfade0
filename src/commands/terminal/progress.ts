import type { Context } from '../../base/context.js';
import { duration } from '../../base/words.js';
import {
	forecastWords,
	geometryWords,
	type Progress,
	proposalWords,
	scoringTold,
	threadsTold,
} from '../../protocol/teach-messages.js';

/** What teaching says, as lines. */
export function progressLines(context: Context): (progress: Progress) => void {
	const tell = tenths(context);
	return (progress) => {
		if (progress.phase === 'warning') return context.note(`warning: ${progress.message}`);
		if (progress.phase === 'provider') return;
		if (progress.phase === 'threads') return context.note(`threads   ${threadsTold(progress)}`);
		if (progress.phase === 'scoring') return context.note(`scoring   ${scoringTold(progress)}`);
		if (progress.phase === 'geometry') return context.note(`geometry  ${geometryWords(progress.geometry)}`);
		if (progress.phase === 'forecast') {
			const { forecast } = progress;
			context.note(`forecast  ${forecastWords(forecast)}`);
			const proposal = proposalWords(forecast, '--backbone pocket');
			return proposal === undefined ? undefined : context.note(`          ${proposal}`);
		}
		tell(progress.phase, progress.done / progress.of, lineOf(progress));
	};
}

/** Lines of how far something is: drawn in place where a person watches, otherwise one for each tenth of the way. */
export function tenths(
	context: Pick<Context, 'interactive' | 'note'>,
): (phase: string, share: number, line: string) => void {
	let told = '';
	return (phase, share, line) => {
		if (context.interactive) return context.note(line, { transient: true });
		const tenth = `${phase}${Math.floor(10 * share)}`;
		if (tenth !== told) context.note(line);
		told = tenth;
	};
}

const labels = {
	trying: 'trying   ',
	features: 'looking  ',
	training: 'learning ',
	calibrating: 'measuring',
	choosing: 'choosing ',
	comparing: 'comparing',
} as const;

function lineOf(
	progress: Exclude<
		Progress,
		{ phase: 'warning' | 'provider' | 'threads' | 'geometry' | 'scoring' | 'forecast' }
	>,
): string {
	const { phase, done, of } = progress;
	const parts = [`${labels[phase]} ${bar(done, of)} ${done}/${of}`];
	if ('student' in progress && progress.student)
		parts.push(`student ${progress.student.number}/${progress.student.of}`);
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
