import { Failure, type FailureCode } from '../base/failure.js';
import { startChild } from '../process/child.js';
import type { Progress, Taught, TeachDown, TeachRequest, TeachUp } from '../protocol/teach-messages.js';
import type { Context } from './command.js';

/** Teaching yields to the stations that share the machine. */
const NICE = 10;

const GRACE_MS = 5000;

/**
 * Teaches in a child process and shows how it goes. An interruption ends the child; no half bundle is left.
 * @throws Failure of the child, child-died when it crashed, interrupted
 */
export async function teachInChild(request: TeachRequest, context: Context): Promise<Taught> {
	const child = startChild<TeachDown, TeachUp>('learn', { env: context.env, nice: NICE });
	const show = progressLines(context);
	const outcome = new Promise<Exclude<TeachUp, { kind: 'progress' }>>((resolve) => {
		child.onMessage((message) => {
			if (message.kind === 'progress') show(message.progress);
			else resolve(message);
		});
	});
	const stop = () => void child.stop(GRACE_MS);
	context.signal.addEventListener('abort', stop, { once: true });
	if (context.signal.aborted) stop();
	try {
		await child.send({ kind: 'teach', request }).catch(() => {});
		const result = await Promise.race([outcome, child.ended]);
		await child.ended;
		context.signal.throwIfAborted();
		if (!('kind' in result)) {
			throw new Failure(
				'child-died',
				`Cannot teach: the teaching process ended (${result.signal ?? `exit code ${result.code}`}) ${result.stderrTail}`.trim(),
				'Is there enough memory?',
			);
		}
		if (result.kind === 'failed')
			throw new Failure(result.code as FailureCode, result.message, result.advice);
		return result.taught;
	} finally {
		context.signal.removeEventListener('abort', stop);
	}
}

/** Drawn in place where a person watches; otherwise a line for each tenth of the way. */
function progressLines(context: Context): (progress: Progress) => void {
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
	const bar = '█'.repeat(Math.round((24 * done) / of)).padEnd(24, '░');
	const parts = [`${labels[phase]} ${bar} ${done}/${of}`];
	if (phase === 'training') {
		parts.push(`loss ${progress.loss.toFixed(4)}`);
		const rate = (of - done) / progress.secondsLeft;
		if (Number.isFinite(rate)) parts.push(`${rate.toFixed(1)} steps/s`);
	}
	if ('secondsLeft' in progress) parts.push(`${duration(progress.secondsLeft)} left`);
	if (phase === 'training') parts.push(`${progress.memoryMb} MB`);
	return parts.join('  ');
}

export function duration(seconds: number): string {
	if (seconds < 99.5) return `${Math.round(seconds)} s`;
	const whole = Math.round(seconds);
	return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
