import { Failure } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { expectWaiters, keepConnected, type Pace, type Persistence } from '../base/retry.js';
import type { Service } from '../base/service.js';
import type { Files } from '../disk/files.js';
import { type Ago, MOST_WAITING, type Safe, watchSignalFile } from '../disk/signal-file.js';
import type { GpioLine, watchLine } from '../gpio/monitor.js';
import { MOST_SIGNAL_BYTES, type Signal, signalIn } from '../protocol/signal.js';
import type { StationService } from './station.js';
import type { Signalled } from './trigger.js';

/** Where the signals of a station come from. */
export type SignalsSettings = { readonly station: string } & (
	| { readonly file: string }
	| { readonly gpio: GpioLine }
);

export type SignalsWorld = {
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly log: Log;
	readonly pace: Pace;
	readonly files: Files;
	readonly watchLine: typeof watchLine;
	/** Undefined while it does not run. */
	readonly station: () => Pick<StationService, 'signal' | 'missed'> | undefined;
	/** The marks of signals whose parts are in the journal. */
	readonly known: () => readonly string[];
};

export type SignalsService = Service & {
	/** Resolves when it hears signals. @throws Failure why it does not; the signal's reason */
	healthy(signal: AbortSignal): Promise<void>;
};

const rewatching: Persistence = { firstMs: 500, mostMs: 15_000, lastedMs: 30_000 };

/** A line that cannot be watched is told of within this time. */
const STEADY_MS = 500;

const LOOK_MS = 50;

/** Hands the signals of a file or a line to their station, until it is disposed. */
export function startSignals(settings: SignalsSettings, world: SignalsWorld): SignalsService {
	const { env, log, pace, files, watchLine, station, known } = world;
	const about = `trigger ${settings.station}`;
	const ending = new AbortController();
	expectWaiters(ending.signal, MOST_WAITING);
	let watchingMs = Number.POSITIVE_INFINITY;
	let failure: Failure | undefined;
	let droppedBefore = '';

	const heard = (signalled: Signalled = { dropped: 'closed' }): Signalled => {
		const dropped = 'dropped' in signalled ? signalled.dropped : '';
		// Each one is counted; a contact that bounces would fill the log.
		if (dropped !== '' && dropped !== 'bounced' && dropped !== droppedBefore)
			log('warning', about, `a signal makes no part: ${DROPPED[dropped]}`, 'signal.dropped');
		droppedBefore = dropped;
		return signalled;
	};
	/** A file can lie there: it is a part, also where there is no place for it now. */
	const safeOf = (signalled: Signalled): Safe => {
		if (!('dropped' in signalled)) return signalled.announced;
		return signalled.dropped === 'closed' ? 'later' : undefined;
	};
	const watchFile = (path: string): Promise<void> => {
		watchingMs = pace.now();
		const refused = (why: string) =>
			log('error', about, `Cannot take "${path}" for a signal: ${why}`, 'signal.failed');
		const taking =
			(how: (signal: Signal, taken: readonly string[], ago?: Ago) => Signalled | undefined) =>
			(bytes: Uint8Array, taken: readonly string[], ago?: Ago): Safe => {
				const signal = signalIn(bytes);
				if (!('refusal' in signal)) return safeOf(heard(how(signal, taken, ago)));
				refused(`${signal.refusal}; it was removed`);
				return undefined;
			};
		const content = taking((signal, taken, ago) => {
			const signalled = station()?.signal(signal, taken, ago);
			if (!signalled || !('dropped' in signalled) || signalled.dropped !== 'full') return signalled;
			return station()?.missed(signal, taken, noPlace);
		});
		const left = taking((signal, taken) => {
			log('warning', about, `"${path}" lay there before: its part is an error`, 'signal.missed');
			return station()?.missed(signal, taken);
		});
		const isKnown = (mark: string) => known().includes(mark);
		return watchSignalFile(
			path,
			MOST_SIGNAL_BYTES,
			{ content, left, isKnown, refused },
			ending.signal,
			pace,
			files,
		);
	};
	const watchGpio = (line: GpioLine): Promise<void> =>
		keepConnected(
			async ({ opened }) => {
				const onWatching = () => {
					watchingMs = pace.now();
					opened();
				};
				const onEdge = () => void heard(station()?.signal({ part: null, metadata: {} }));
				try {
					await watchLine(line, env, { onWatching, onEdge }, ending.signal);
				} catch (thrown) {
					if (!(thrown instanceof Failure)) throw thrown;
					if (thrown.message !== failure?.message) log('error', about, thrown.message, 'signal.failed');
					failure = thrown;
					watchingMs = Number.POSITIVE_INFINITY;
				}
				return 'again';
			},
			rewatching,
			ending.signal,
			pace,
		);
	const watched = 'file' in settings ? watchFile(settings.file) : watchGpio(settings.gpio);
	return {
		name: about,
		healthy: async (signal) => {
			while (pace.now() - watchingMs < STEADY_MS || watchingMs === Number.POSITIVE_INFINITY) {
				if (failure && watchingMs === Number.POSITIVE_INFINITY) throw failure;
				await pace.pause(LOOK_MS, signal);
				signal.throwIfAborted();
			}
		},
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			await watched;
		},
	};
}

const noPlace = new Failure('part-missed', 'Cannot inspect the part: as many wait for their verdict as may');

const DROPPED = {
	'too-soon': 'it came too soon after another part',
	full: 'as many parts wait for their verdict as may',
	closed: 'the station does not inspect now',
} as const;
