import { Failure } from '../base/failure.js';
import { causeIn } from '../process/cause.js';
import { type Ended, startChild } from '../process/child.js';
import type { Progress, Taught, TeachDown, TeachRequest, TeachUp } from '../protocol/teach-messages.js';

/** Teaching yields to the stations that share the machine. */
const NICE = 10;

const GRACE_MS = 5000;

/** As main.ts ends when it meets one. */
const EXIT_OF_A_FAULT = 70;

export type JobWorld = {
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly signal: AbortSignal;
	readonly report: (progress: Progress) => void;
};

/**
 * Teaches in a child process and tells how it goes. An interruption ends the child; no half bundle is left.
 * @throws Failure of the child, child-died when it ended without a word, interrupted; Error for a fault of ours in the child
 */
export async function teachInChild(
	request: TeachRequest,
	{ env, signal, report }: JobWorld,
): Promise<Taught> {
	const child = startChild<TeachDown, TeachUp>('job', { env, nice: NICE });
	const outcome = new Promise<Exclude<TeachUp, { kind: 'progress' }>>((resolve) => {
		child.onMessage((message) => {
			if (message?.kind === 'progress') report(message.progress);
			else resolve(message);
		});
	});
	const stop = () => void child.stop(GRACE_MS);
	signal.addEventListener('abort', stop, { once: true });
	if (signal.aborted) stop();
	try {
		await child.send({ kind: 'teach', request }).catch(() => {});
		const said = await Promise.race([outcome, child.ended.then(() => undefined)]);
		// One that said its last word and stays is a fault, too, but the word counts.
		const ended = await (said === undefined ? child.ended : child.stop(GRACE_MS));
		signal.throwIfAborted();
		return said === undefined ? endedSilently(ended) : taughtOf(said);
	} finally {
		signal.removeEventListener('abort', stop);
	}
}

function taughtOf(said: Exclude<TeachUp, { kind: 'progress' }>): Taught {
	switch (said?.kind) {
		case 'taught':
			return said.taught;
		case 'failed':
			throw new Failure(said.code, said.message, said.advice);
		case 'fault':
			throw new Error(`a fault in the teaching process\n${said.stack}`);
		default:
			throw new Error(`the teaching process said what nobody knows: ${JSON.stringify(said)}`);
	}
}

function endedSilently({ code, signal, stderrTail }: Ended): never {
	if (code === EXIT_OF_A_FAULT) throw new Error(`a fault in the teaching process\n${stderrTail}`);
	throw new Failure(
		'child-died',
		`Cannot teach: the teaching process ended (${signal ?? `exit code ${code}`}) ${causeIn(stderrTail)}`.trim(),
		signal === 'SIGKILL' ? 'Is there enough memory?' : undefined,
	);
}
