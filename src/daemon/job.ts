import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import type { Provider } from '../base/provider.js';
import { causeIn } from '../process/cause.js';
import { type Child, type Ended, startChild } from '../process/child.js';
import type { EngineBuilt, EngineProgress, EngineRequest } from '../protocol/engine-messages.js';
import type { JobDown, JobKind, Jobs, JobUp } from '../protocol/job-messages.js';
import type { Progress, StrikeRequest, Taught, TeachRequest } from '../protocol/teach-messages.js';

/** A job yields to the stations that share the machine. */
const NICE = 10;

const GRACE_MS = 5000;

/** As main.ts ends when it meets one. */
const EXIT_OF_A_FAULT = 70;

/** What failures call a kind of job. */
const words: { readonly [K in JobKind]: { readonly action: string; readonly process: string } } = {
	teach: { action: 'teach', process: 'teaching process' },
	strike: { action: 'teach the threshold', process: 'teaching process' },
	engine: { action: 'build an engine', process: 'process that builds it' },
};

export const startRealJob = (env: Context['env']): Child<JobDown, JobUp> =>
	startChild('job', { env, nice: NICE });

export type JobWorld<P = Progress> = {
	readonly env: Context['env'];
	readonly startJob?: typeof startRealJob;
	readonly signal: AbortSignal;
	readonly report: (progress: P) => void;
};

/**
 * Teaches in a child process and tells how it goes. An interruption ends the child; no half bundle is left. One that dies while its
 * lesson depends on a graphics processor which nobody asked for by name is followed by one on the processor, from the checkpoint.
 * @throws Failure of the child, child-died when it ended without a word, interrupted; Error for a fault of ours in the child
 */
export async function teachInChild(request: TeachRequest, world: JobWorld): Promise<Taught> {
	let provider: Provider = 'cpu';
	const report = (progress: Progress) => {
		if (progress.phase === 'provider') provider = progress.provider;
		world.report(progress);
	};
	try {
		return await inChild('teach', request, { ...world, report });
	} catch (thrown) {
		const died = thrown instanceof Failure && thrown.code === 'child-died' ? thrown.message : undefined;
		if (died === undefined || provider === 'cpu') throw thrown;
		const message = `${died}; the lesson was on provider "${provider}"`;
		if (request.provider !== 'auto')
			throw new Failure(
				'child-died',
				message,
				'Teach with --provider cpu, or with auto, which goes on on the processor.',
			);
		world.report({ phase: 'warning', message: `${message}: it goes on on the processor` });
		return inChild('teach', { ...request, provider: 'cpu', resume: true }, world);
	}
}

/** The same for a threshold that is taught anew; there is no checkpoint. */
export function strikeInChild(request: StrikeRequest, world: JobWorld): Promise<Taught> {
	return inChild('strike', request, world);
}

/**
 * The same for an engine of TensorRT: an interruption ends trtexec, too, and no half engine is left.
 * @throws Failure as above; engine-failed when trtexec or the comparison failed, which `readSetback` then tells with its last words
 */
export function buildEngineInChild(
	request: EngineRequest,
	world: JobWorld<EngineProgress>,
): Promise<EngineBuilt> {
	return inChild('engine', request, world);
}

async function inChild<K extends JobKind>(
	kind: K,
	request: Jobs[K]['request'],
	{ env, startJob = startRealJob, signal, report }: JobWorld<Jobs[K]['progress']>,
): Promise<Jobs[K]['result']> {
	type Last = Exclude<JobUp<K>, { kind: 'progress' }>;
	const child = startJob(env) as Child<JobDown, JobUp<K>>;
	const outcome = new Promise<Last>((resolve) => {
		child.onMessage((message) => {
			if (message?.kind === 'progress') report(message.progress);
			else resolve(message);
		});
	});
	const stop = () => void child.stop(GRACE_MS);
	signal.addEventListener('abort', stop, { once: true });
	if (signal.aborted) stop();
	try {
		await child.send({ kind, request } as JobDown).catch(() => {});
		const said = await Promise.race([outcome, child.ended.then(() => undefined)]);
		// One that said its last word and stays is a fault, too, but the word counts.
		const ended = await (said === undefined ? child.ended : child.stop(GRACE_MS));
		signal.throwIfAborted();
		return said === undefined ? endedSilently(kind, ended) : resultOf(kind, said);
	} finally {
		signal.removeEventListener('abort', stop);
	}
}

function resultOf<K extends JobKind>(kind: K, said: JobUp<K>): Jobs[K]['result'] {
	switch (said?.kind) {
		case 'done':
			return said.result;
		case 'failed':
			throw new Failure(said.code, said.message, said.advice);
		case 'fault':
			throw new Error(`a fault in the ${words[kind].process}\n${said.stack}`);
		default:
			throw new Error(`the ${words[kind].process} said what nobody knows: ${JSON.stringify(said)}`);
	}
}

function endedSilently(kind: JobKind, { code, signal, stderrTail }: Ended): never {
	const { action, process } = words[kind];
	if (code === EXIT_OF_A_FAULT) throw new Error(`a fault in the ${process}\n${stderrTail}`);
	throw new Failure(
		'child-died',
		`Cannot ${action}: the ${process} ended (${signal ?? `exit code ${code}`}) ${causeIn(stderrTail)}`.trim(),
		signal === 'SIGKILL' ? 'Is there enough memory?' : undefined,
	);
}
