import { Failure, reasonOf } from '../base/failure.js';
import { type Log, logFault } from '../base/log.js';
import { eitherOf, type Pace } from '../base/retry.js';
import { masked } from '../base/secrets.js';
import type { EngineBuilt, EngineProgress, EngineRequest } from '../protocol/engine-messages.js';
import type { EngineChoices } from './engine-choices.js';
import type { EngineFailures } from './engine-failures.js';
import type { EngineItem, Sought } from './engine-items.js';
import type { EngineTelling } from './engine-telling.js';
import type { JobWorld } from './job.js';

/** `folder`: where engines are kept. */
export type BuildsSettings = { readonly folder: string; readonly limitS: number };

export type BuildsWorld = {
	/** @throws Failure; the signal's reason */
	readonly build: (
		request: EngineRequest,
		job: Pick<JobWorld<EngineProgress>, 'signal' | 'report'>,
	) => Promise<EngineBuilt>;
	/** What was noted beside the engines of a build that would fail again; null where nothing was. */
	readonly setbackOf: (sought: Sought) => Promise<{ readonly tail: string } | null>;
	readonly choices: Pick<EngineChoices, 'forgive'>;
	readonly pace: Pace;
	readonly secrets: readonly string[];
	readonly log: Log;
};

/** Why a build ends before it is done. */
export type BuildEnd = 'lesson' | 'ended' | 'late';

/** A build ends itself when its time is over; one that does not is ended. */
const LATE_MS = 120_000;

/** What fails with these comes again, whatever passes: bundles do not change. */
const LASTING: ReadonlySet<string> = new Set(['precision-refused']);

/** Lines of a build that are remembered. */
const MOST_LINES = 20;

/** Of the last words of trtexec, in characters. */
const LONGEST_TAIL = 4000;

/** @returns what builds an engine until it lies there, has failed, or is to be built later: `over` was aborted with a `BuildEnd` */
export function createEngineBuilds(
	{ folder, limitS }: BuildsSettings,
	failures: Pick<EngineFailures, 'remember' | 'forget'>,
	{ become, tell }: Pick<EngineTelling, 'become' | 'tell'>,
	{ build, setbackOf, choices, pace, secrets, log }: BuildsWorld,
): (item: EngineItem, over: AbortController) => Promise<void> {
	const limitMs = limitS * 1000;

	/** What a build says while it goes on. */
	const listening = (item: EngineItem) => {
		const begunMs = pace.now();
		/** What was heard last: not every failure leaves its words on disk. */
		const lines: string[] = [];
		const report = ({ phase, share, line }: EngineProgress): void => {
			const seconds = Math.round((pace.now() - begunMs) / 100) / 10;
			if (line !== null && line !== lines.at(-1)) lines.push(line);
			if (lines.length > MOST_LINES) lines.shift();
			if (phase !== item.progress?.phase)
				log('info', 'engines', `engine of ${item.sought.bundle}: ${phase}`, 'engine.progress');
			item.progress = { phase, share, line: line === null ? null : masked(line, secrets), seconds };
			tell();
		};
		return { lines, report };
	};
	/** `isLate`: its process did not end by itself, and has noted nothing. */
	const fail = async (
		item: EngineItem,
		thrown: unknown,
		lines: readonly string[],
		isLate: boolean,
	): Promise<void> => {
		const isOfTheWorld = thrown instanceof Failure;
		if (!isOfTheWorld) logFault(log, 'engines', thrown);
		const setback = await setbackOf(item.sought).catch(() => null);
		const code = isOfTheWorld ? thrown.code : 'engine-failed';
		const message = isOfTheWorld ? thrown.message : `A fault of ours, please report it: ${reasonOf(thrown)}`;
		const tail = setback && setback.tail !== '' ? setback.tail : lines.join('\n');
		const error = failures.remember(item.sought.id, {
			code,
			message: masked(message, secrets),
			tail: masked(tail, secrets).slice(-LONGEST_TAIL),
			mayPass: setback === null && !LASTING.has(code),
			// What else would fail again is noted beside the engines by whoever built, and told at once when it is asked for.
			isNoted: isLate || code === 'child-died',
		});
		// What lay there before the new build lies there still.
		item.again = false;
		item.error = error;
		const words = error.tail === '' ? '' : `\n${error.tail}`;
		log('warning', 'engines', `${error.message}${words}`, 'engine.failed');
		become(item, 'failed');
	};

	return async (item, over) => {
		const { place, precision, bundle, id } = item.sought;
		const { lines, report } = listening(item);
		const request = { bundle: place, precision, cache: folder, limitMs, again: item.again };
		become(item, 'building');
		log('info', 'engines', `engine of ${bundle} in ${precision} is built`, 'engine.built');
		const settled = new AbortController();
		using either = eitherOf(settled.signal, over.signal);
		const late = pace.pause(limitMs + LATE_MS, either.signal).then(() => {
			if (!settled.signal.aborted && !over.signal.aborted) over.abort('late' satisfies BuildEnd);
		});
		try {
			const { engine, isNew } = await build(request, { signal: over.signal, report });
			item.engine = engine;
			item.again = false;
			item.tried.clear();
			if (item.isAsked) choices.forgive((shun) => shun.engine === engine);
			failures.forget(id);
			const how = isNew ? '' : ': it lay there';
			log('info', 'engines', `engine of ${bundle} in ${precision} is ready${how}`, 'engine.ready');
			become(item, 'ready');
		} catch (thrown) {
			const end = over.signal.aborted ? (over.signal.reason as BuildEnd) : undefined;
			if (end === 'lesson' || end === 'ended') {
				const why = end === 'lesson' ? 'a lesson is being learnt' : 'the daemon ends it';
				log('info', 'engines', `engine of ${bundle}: the build is ended, ${why}`, 'engine.interrupted');
				return become(item, 'waiting');
			}
			await fail(item, end === 'late' ? lateBuild(bundle, limitS) : thrown, lines, end === 'late');
		} finally {
			settled.abort();
			await late;
		}
	};
}

function lateBuild(bundle: string, limitS: number): Failure {
	return new Failure(
		'engine-failed',
		`Cannot build an engine of bundle "${bundle}": it was not done within ${limitS} s`,
		'Allow more time (engines.limitS).',
	);
}
