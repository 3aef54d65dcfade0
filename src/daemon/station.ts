import { randomBytes } from 'node:crypto';
import { Failure } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { type Backoff, backoffMs, pause } from '../base/retry.js';
import type { Service } from '../base/service.js';
import { failedVerdict } from '../inspect/frame.js';
import { type Child, type Ended, startChild } from '../process/child.js';
import type { StationState } from '../protocol/states.js';
import type { Heatmap, StationDown, StationUp } from '../protocol/station-messages.js';
import type { VerdictMessage } from '../protocol/verdict.js';

/** What the daemon hears of a station. */
export type StationListener = {
	onState(state: StationState): void;
	onVerdict(message: VerdictMessage, heatmaps: readonly Heatmap[]): void;
};

export type StationService = Service & { selfCheck(): void };

type Start = Extract<StationDown, { kind: 'start' }>;

const restarting: Backoff = { firstMs: 1000, mostMs: 60_000 };

/** A station that says nothing for so long hangs. Opening a model may take its time, and a dead camera blocks its thread for 30 s. */
const SILENCE_MS = { starting: 600_000, running: 60_000 } as const;

const GRACE_MS = 4000;

/**
 * Keeps a station's process running: a new one when it dies or hangs, with an error verdict for the part that it may have
 * lost. A process that ended because its source did is not started again.
 */
export function startStation(
	start: Start,
	env: Readonly<Record<string, string | undefined>>,
	listener: StationListener,
	log: Log,
): StationService {
	const ending = new AbortController();
	const name = start.station;
	const run = `daemon-${randomBytes(3).toString('hex')}`;
	let sequence = 0;
	let child: Child<StationDown, StationUp> | undefined;
	let last: StationState | undefined;

	const once = async (): Promise<{ ended: Ended; hung: boolean }> => {
		const started = startChild<StationDown, StationUp>('station', { env });
		child = started;
		last = undefined;
		let heardMs = performance.now();
		let hung = false;
		started.onMessage((message) => {
			heardMs = performance.now();
			if (message.kind === 'verdict') listener.onVerdict(message.message, message.heatmaps);
			if (message.kind !== 'state') return;
			last = message.state;
			listener.onState(message.state);
		});
		const watch = setInterval(() => {
			const limit = SILENCE_MS[last && last.state !== 'starting' ? 'running' : 'starting'];
			if (performance.now() - heardMs < limit) return;
			hung = true;
			void started.stop(0);
		}, 1000);
		const stop = () => void started.stop(GRACE_MS);
		ending.signal.addEventListener('abort', stop, { once: true });
		try {
			await started.send(start).catch(() => {});
			if (ending.signal.aborted) stop();
			return { ended: await started.ended, hung };
		} finally {
			clearInterval(watch);
			ending.signal.removeEventListener('abort', stop);
			child = undefined;
		}
	};

	const supervise = async (): Promise<void> => {
		for (let attempt = 1; ; attempt += 1) {
			const begun = performance.now();
			const { ended, hung } = await once();
			if (ending.signal.aborted || last?.state === 'finished') return;
			const failure = failureOf(name, ended, hung, last);
			log('error', name, failure.message);
			sequence += 1;
			listener.onVerdict(lostPart(start, run, sequence, failure), []);
			listener.onState(troubled(start, last, failure));
			if (performance.now() - begun > restarting.mostMs) attempt = 1;
			await pause(backoffMs(restarting, attempt, Math.random()), ending.signal);
			if (ending.signal.aborted) return;
		}
	};

	const supervised = supervise();
	return {
		name,
		selfCheck: () => void child?.send({ kind: 'self-check' }).catch(() => {}),
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			await supervised;
			const { recipeName } = start;
			const state = last ?? troubled(start, last, undefined);
			listener.onState({
				...state,
				recipe: recipeName,
				state: 'stopped',
				error: null,
				at: new Date().toISOString(),
			});
		},
	};
}

function failureOf(
	station: string,
	{ code, signal, stderrTail }: Ended,
	hung: boolean,
	last: StationState | undefined,
): Failure {
	if (hung) return new Failure('station-silent', `Station "${station}" hung and was killed`);
	if (code === 1 && last?.state === 'error' && last.error)
		return new Failure(last.error.code as Failure['code'], last.error.message);
	const how = signal ? `killed by ${signal}` : `exit code ${code}`;
	return new Failure(
		'child-died',
		`Station "${station}" died (${how}) ${stderrTail.split('\n').at(-1) ?? ''}`.trim(),
	);
}

function lostPart(start: Start, run: string, sequence: number, failure: Failure): VerdictMessage {
	const { box, station, recipeName, recipe } = start;
	const now = { wallMs: Date.now(), monotonicMs: performance.now() };
	const nothing = {
		box,
		station,
		recipeName,
		recipe,
		region: undefined,
		run,
		model: { name: '', sha256: '' },
		threshold: Number.NaN,
		mapMedian: Number.NaN,
		scorer: { provider: recipe.provider },
	};
	return { ...failedVerdict(nothing, sequence, now, failure), model: null, threshold: null };
}

function troubled(
	{ recipeName }: Start,
	last: StationState | undefined,
	failure: Failure | undefined,
): StationState {
	return {
		state: 'error',
		recipe: recipeName,
		model: last?.model ?? null,
		threshold: last?.threshold ?? null,
		counts: last?.counts ?? { parts: 0, accepted: 0, rejected: 0, errors: 0, droppedFrames: 0 },
		error: failure ? { code: failure.code, message: failure.message } : null,
		at: new Date().toISOString(),
	};
}
