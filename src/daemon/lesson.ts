import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import { type Log, logFault } from '../base/log.js';
import { createNews } from '../base/news.js';
import type { Pace } from '../base/retry.js';
import { masked } from '../base/secrets.js';
import type { Service } from '../base/service.js';
import type { Config } from '../config/schema.js';
import { Refusal } from '../control/answer.js';
import { checkpointPath, removeCheckpoint } from '../disk/checkpoint-place.js';
import { type Files, realFiles } from '../disk/files.js';
import { type LessonPicture, lessonFolder } from '../disk/lesson.js';
import {
	isOpen,
	type Lesson,
	lessonEntry,
	lessonMessage,
	lessonSchema,
	type Plan,
	planSchema,
} from '../protocol/lesson.js';
import type { StationPicture } from '../protocol/picture-messages.js';
import {
	type Forecast,
	forecastWords,
	geometryWords,
	type Progress,
	proposalWords,
	scoringTold,
	type Taught,
	type TeachRequest,
	threadsTold,
} from '../protocol/teach-messages.js';
import { encodePayload, topicOf } from '../protocol/topics.js';
import type { JobWorld } from './job.js';
import { requestFor } from './lesson-request.js';
import type { Recorder } from './record.js';
import type { StationService } from './station.js';

/** `folder`: where the journal lies. */
export type LessonSettings = { readonly box: string; readonly folder: string };

export type LessonWorld = {
	/** What runs now. */
	readonly config: () => Config | null;
	readonly stationOf: (name: string) => Pick<StationService, 'picture' | 'vitals'> | undefined;
	/** @throws Failure; the signal's reason */
	readonly teach: (request: TeachRequest, job: Pick<JobWorld, 'signal' | 'report'>) => Promise<Taught>;
	readonly record: Pick<Recorder, 'note' | 'retain'>;
	/** Null where nobody knows. */
	readonly freeBytesAt: (folder: string) => Promise<number | null>;
	readonly pace: Pick<Pace, 'now' | 'pause'>;
	readonly wallClock: () => number;
	readonly files?: Files;
	/** What nobody may read; the list may grow. */
	readonly secrets: readonly string[];
	readonly log: Log;
};

/** The one lesson that is asked for from outside: it goes on while nobody asks, and moves nothing. */
export type LessonService = Service & {
	/** Null before the first. */
	readonly current: Lesson | null;
	/** Where pictures of parts are kept, and which. */
	readonly pictures: string;
	kept(): Promise<readonly LessonPicture[]>;
	/** Resolves when it has begun. @throws Refusal busy, conflict, invalid; Failure of the pictures or the disk */
	begin(plan: Plan): Promise<Lesson>;
	/** Goes on where it was. @throws as `begin` */
	resume(): Promise<Lesson>;
	/** Resolves when nothing of it runs any more; `keep`: what it has so far stays for `resume`. @throws Refusal conflict */
	cancel(keep: boolean): Promise<Lesson>;
	/** Takes pictures away that show no good part. @throws Refusal conflict, invalid */
	strike(parts: readonly number[]): Promise<Lesson>;
	/** Resolves when there is something new to tell, or the signal is aborted. */
	changed(signal: AbortSignal): Promise<void>;
};

/** In the folder of the journal. */
const FOLDER = 'lesson';

/** Of all pictures that are kept. */
const MOST_BYTES = 4e9;

/** What a bundle and its checkpoint take, at most. */
const BUNDLE_BYTES = 1e9;

/** Parts that are asked for at a time, so that none passes while a few are written; where the disk is slower, some do. */
const AHEAD = 4;

/** A station that gives no picture is asked again after this. */
const AGAIN_MS = 1000;

/** Between two tellings of how far it is. */
const TELL_MS = 1000;

/** What a lesson does when it goes on. */
type Stage = 'collecting' | 'teaching';

/** `out`: the place of its bundle, beside which its checkpoint lies. */
type Standing = { readonly lesson: Lesson; readonly plan: Plan; readonly stage: Stage; readonly out: string };

type Told = Omit<Lesson, 'schema' | 'at' | 'box' | 'lesson' | 'name' | 'folder' | 'station'>;

/** Takes up the lesson of the last daemon, which was interrupted if it was at work. */
export async function startLesson(
	{ box, folder }: LessonSettings,
	world: LessonWorld,
): Promise<LessonService> {
	const { record, pace, wallClock, files = realFiles, log, secrets } = world;
	const disk = lessonFolder(join(folder, FOLDER), files);
	const news = createNews();
	let standing = standingIn(await disk.noted());
	let work: { readonly done: Promise<void>; readonly ending: AbortController } | undefined;
	let noted: Promise<void> = Promise.resolve();
	let isActing = false;
	let toldMs = Number.NEGATIVE_INFINITY;

	const note = (next: Standing): Promise<void> => {
		const written = noted.then(() => disk.note(next));
		noted = written.catch((thrown) => log('warning', 'lesson', reasonOf(thrown), 'lesson.failed'));
		return written;
	};
	const openly = (text: string) => masked(text, secrets);
	const say = (lesson: Lesson): void => {
		toldMs = pace.now();
		record.retain((root) => topicOf('lesson', { root, box }), encodePayload('lesson', lesson));
	};
	/** Another state is noted, recorded and told; how far it is, is told now and then. */
	const tell = (told: Partial<Told>, stage = standing!.stage): Promise<void> => {
		const { lesson: before, ...rest } = standing!;
		const { schema: _, at: _at, ...said } = { ...before, ...told };
		const lesson = lessonMessage(
			{
				...said,
				warning: said.warning && openly(said.warning),
				error: said.error && { ...said.error, message: openly(said.error.message) },
			},
			wallClock(),
		);
		const next: Standing = { ...rest, stage, lesson };
		const isNew = lesson.state !== before.state;
		const stand = (): void => {
			standing = next;
			if (isNew || pace.now() - toldMs >= TELL_MS) say(lesson);
			news.tell();
			if (!isNew) return;
			log(
				'info',
				'lesson',
				`${lesson.name}: ${lesson.state}${lesson.error ? `: ${lesson.error.message}` : ''}`,
				'lesson.state',
			);
			void record.note(lessonEntry(lesson));
		};
		// Whoever hears that it is done must not hear later that it failed, because that could not be noted.
		const isLast = isNew && lesson.state === 'done';
		if (!isLast) stand();
		if (!isNew) return Promise.resolve();
		const written = isLast ? note(next).then(stand) : note(next);
		written.catch(() => {});
		return written;
	};

	/** The whole frame of the next part, however long that takes. */
	const nextPart = async (station: string, signal: AbortSignal): Promise<StationPicture> => {
		for (;;) {
			signal.throwIfAborted();
			const service = world.stationOf(station);
			try {
				if (service) return await service.picture({ of: 'part' }, signal);
				if (!Object.hasOwn(world.config()?.stations ?? {}, station))
					throw new Failure(
						'images-missing',
						`Cannot keep parts of station "${station}": it is there no more`,
					);
			} catch (thrown) {
				if (!(thrown instanceof Failure) || !service) throw thrown;
				void tell({ warning: thrown.message });
			}
			await pace.pause(AGAIN_MS, signal);
		}
	};
	const assertRoom = async (more: number, kept: number): Promise<void> => {
		if (kept + more > MOST_BYTES)
			throw new Failure(
				'file-unwritable',
				`Cannot go on with the lesson: the parts that are kept have ${MOST_BYTES / 1e9} GB`,
			);
		const least = (world.config()?.journal.leastFreeMb ?? 0) * 1e6;
		const free = await world.freeBytesAt(folder);
		if (free !== null && free - more < least)
			throw new Failure(
				'file-unwritable',
				`Cannot go on with the lesson: ${Math.floor(free / 1e6)} MB are free on the disk, and the journal needs ${least / 1e6} of them`,
				'Free some space, or teach from fewer parts.',
			);
	};
	const collect = async ({ station = '', parts = 0 }: Plan, signal: AbortSignal): Promise<void> => {
		const errors = () => world.stationOf(station)?.vitals.counts.errors ?? 0;
		let before = errors();
		let skipped = standing!.lesson.collected?.skipped ?? 0;
		let bytes = await disk.bytes();
		let next = 1 + Math.max(0, ...(await disk.kept()).map(({ part }) => part));
		const ahead: Promise<StationPicture>[] = [];
		const asked = (): Promise<StationPicture> => {
			const asking = nextPart(station, signal);
			asking.catch(() => {});
			return asking;
		};
		for (let done = (await disk.kept()).length; done < parts; ) {
			while (ahead.length < Math.min(AHEAD, parts - done)) ahead.push(asked());
			const picture = await ahead.shift()!;
			await assertRoom(picture.bytes.length, bytes);
			await disk.keep({ part: next, score: picture.score }, picture.bytes);
			signal.throwIfAborted();
			bytes += picture.bytes.length;
			next += 1;
			done = (await disk.kept()).length;
			skipped += Math.max(0, errors() - before);
			before = errors();
			void tell({ collected: { done, of: parts, skipped }, warning: null });
		}
	};
	const foretell = (forecast: Forecast): void => {
		const proposal = proposalWords(forecast, '`backbone: pocket`');
		const words = `will take ${forecastWords(forecast)}${proposal === undefined ? '' : `; ${proposal}`}`;
		log('info', 'lesson', `${standing!.lesson.name}: ${words}`, 'lesson.progress');
		void tell({ forecast });
	};
	const hear = (progress: Progress): void => {
		if (progress.phase === 'warning') return void tell({ warning: progress.message });
		if (progress.phase === 'provider') return;
		if (progress.phase === 'threads')
			return void log(
				'info',
				'lesson',
				`${standing!.lesson.name}: threads: ${threadsTold(progress)}`,
				'lesson.progress',
			);
		if (progress.phase === 'scoring')
			return void log(
				'info',
				'lesson',
				`${standing!.lesson.name}: scoring: ${scoringTold(progress)}`,
				'lesson.progress',
			);
		if (progress.phase === 'geometry')
			return void log(
				'info',
				'lesson',
				`${standing!.lesson.name}: ${geometryWords(progress.geometry)}`,
				'lesson.progress',
			);
		if (progress.phase === 'forecast') return void foretell(progress.forecast);
		const { phase, done, of } = progress;
		const secondsLeft = 'secondsLeft' in progress ? known(progress.secondsLeft) : null;
		const loss = 'loss' in progress ? known(progress.loss) : null;
		void tell({ progress: { phase, done, of, loss, secondsLeft } });
	};
	const teach = async (plan: Plan, isResumed: boolean, signal: AbortSignal): Promise<void> => {
		const request = await requestNow(plan);
		await assertRoom(BUNDLE_BYTES, 0);
		signal.throwIfAborted();
		const taught = await world.teach({ ...request, resume: isResumed }, { signal, report: hear });
		await disk.clear();
		await tell({ state: 'done', progress: null, taught: toldOf(taught) });
	};
	const requestNow = (plan: Plan): Promise<TeachRequest> => {
		const config = world.config();
		if (!config) throw new Refusal('busy', 'The configuration is being changed: ask again later');
		return requestFor(plan, config, disk.pictures);
	};
	/** From where it is to its end, which is never an error of whoever waits for it. */
	const carryOut = async (isResumed: boolean, signal: AbortSignal): Promise<void> => {
		const { plan } = standing!;
		try {
			if (standing!.stage === 'collecting') {
				await collect(plan, signal);
				if (plan.hold) return void (await tell({ state: 'collected' }, 'teaching'));
				await tell({ state: 'teaching' }, 'teaching');
			}
			await teach(plan, isResumed, signal);
		} catch (thrown) {
			const state = signal.aborted ? (signal.reason as 'cancelled' | 'interrupted') : 'failed';
			const isOfTheWorld = thrown instanceof Failure || thrown instanceof Refusal;
			if (!signal.aborted && !isOfTheWorld) logFault(log, 'lesson', thrown);
			const error = signal.aborted ? null : failedBy(thrown);
			await tell({ state, progress: null, error }).catch((unwritten) =>
				log('warning', 'lesson', reasonOf(unwritten), 'lesson.failed'),
			);
		}
	};
	const start = (isResumed: boolean): void => {
		const ending = new AbortController();
		const done = carryOut(isResumed, ending.signal).finally(() => {
			work = undefined;
		});
		work = { done, ending };
	};
	const end = async (state: 'cancelled' | 'interrupted'): Promise<void> => {
		const ended = work;
		ended?.ending.abort(state);
		await ended?.done;
	};
	const forget = async (of: Standing): Promise<void> => {
		await disk.clear();
		await removeCheckpoint(checkpointPath(of.out), files);
	};
	/** What is asked changes where the lesson stands: one at a time. */
	const exclusively = async <T>(act: () => Promise<T>): Promise<T> => {
		if (isActing) throw new Refusal('busy', 'The lesson is being changed: ask again later');
		isActing = true;
		try {
			return await act();
		} finally {
			isActing = false;
		}
	};
	/** What cannot be noted does not begin. */
	const begun = (written: Promise<void>): Promise<void> =>
		written.catch(async (thrown) => {
			await tell({ state: 'failed', error: failedBy(thrown) }).catch(() => {});
			throw thrown;
		});
	const standingOr = (refusal: (lesson: Lesson) => string | undefined): Standing => {
		const why = standing ? refusal(standing.lesson) : 'There is no lesson';
		if (standing && why === undefined) return standing;
		throw new Refusal('conflict', why!);
	};

	if (standing) {
		const { state } = standing.lesson;
		say(standing.lesson);
		if (state === 'collecting' || state === 'teaching')
			await tell({ state: 'interrupted', progress: null }).catch(() => {});
	}

	return {
		name: 'lesson',
		pictures: disk.pictures,
		get current() {
			return standing?.lesson ?? null;
		},
		kept: () => disk.kept(),
		begin: (plan) =>
			exclusively(async () => {
				if (standing && isOpen(standing.lesson.state)) throw taken(standing.lesson);
				const { out } = await requestNow(plan);
				if (standing) await forget(standing);
				await disk.clear();
				const stage = firstStage(plan);
				const { name, folder: from = null, station = null, parts = 0 } = plan;
				const lesson = lessonMessage(
					{
						box,
						lesson: randomBytes(4).toString('hex'),
						state: 'cancelled',
						name,
						folder: from,
						station,
						collected: station === null ? null : { done: 0, of: parts, skipped: 0 },
						progress: null,
						forecast: null,
						warning: null,
						taught: null,
						error: null,
					},
					wallClock(),
				);
				standing = { lesson, plan, stage, out };
				await begun(tell({ state: stage }));
				start(false);
				return standing.lesson;
			}),
		resume: () =>
			exclusively(async () => {
				const { plan, stage, lesson } = standingOr(({ state, name }) => {
					if (state === 'done') return `Lesson "${name}" is done`;
					if (state !== 'collected' && isOpen(state)) return `Lesson "${name}" is ${state}`;
					return undefined;
				});
				if (stage === 'teaching') await requestNow(plan);
				await begun(tell({ state: stage, progress: null, forecast: null, warning: null, error: null }));
				start(stage === 'teaching' && lesson.state !== 'collected');
				return standing!.lesson;
			}),
		cancel: (keep) =>
			exclusively(async () => {
				standingOr(({ state, name }) => (state === 'done' ? `Lesson "${name}" is done` : undefined));
				await end('cancelled');
				if (standing!.lesson.state === 'done')
					throw new Refusal(
						'conflict',
						`Lesson "${standing!.lesson.name}" was done before it could be cancelled`,
					);
				if (!keep) await forget(standing!);
				const { plan, stage, lesson } = standing!;
				const { collected } = lesson;
				const left = keep ? { collected } : { collected: collected && { ...collected, done: 0, skipped: 0 } };
				const told = { state: 'cancelled', progress: null, error: null, ...left } as const;
				await tell(told, keep ? stage : firstStage(plan));
				return standing!.lesson;
			}),
		strike: (parts) =>
			exclusively(async () => {
				standingOr(({ state }) =>
					state === 'collecting' || state === 'collected'
						? undefined
						: `Pictures are struck while a lesson is collecting or collected: this one is ${state}`,
				);
				const absent = await disk.strike(parts);
				if (absent.length > 0) {
					const message = `there is no picture of ${absent.slice(0, 10).join(', ')}`;
					throw new Refusal('invalid', `strike: ${message}`, [{ path: 'strike', message }]);
				}
				const { collected } = standing!.lesson;
				const done = (await disk.kept()).length;
				toldMs = Number.NEGATIVE_INFINITY;
				await tell({ collected: collected && { ...collected, done } });
				return standing!.lesson;
			}),
		changed: news.next,
		[Symbol.asyncDispose]: async () => {
			await end('interrupted');
			await noted;
		},
	};
}

function firstStage({ folder }: Plan): Stage {
	return folder === undefined ? 'collecting' : 'teaching';
}

function taken({ name, state }: Lesson): Refusal {
	const what = state === 'collected' ? 'waits to be looked at: go on with it by `resume`' : `is ${state}`;
	return new Refusal('busy', `Lesson "${name}" ${what}; \`cancel\` ends it`);
}

/** A number that JSON has. */
function known(value: number): number | null {
	return Number.isFinite(value) ? value : null;
}

function failedBy(thrown: unknown): NonNullable<Lesson['error']> {
	if (thrown instanceof Failure) {
		const { code, message, advice } = thrown;
		return { code, message: advice === undefined ? message : `${message}. ${advice}` };
	}
	if (thrown instanceof Refusal) return { code: 'request-refused', message: thrown.message };
	return { code: 'teaching-failed', message: `A fault of ours, please report it: ${reasonOf(thrown)}` };
}

function toldOf({
	bundle,
	isNamed: _,
	loss: _loss,
	forecast: _forecast,
	provider: _provider,
	...taught
}: Taught): NonNullable<Lesson['taught']> {
	return { ...taught, bundle: bundle.slice(bundle.lastIndexOf('/') + 1) };
}

/** Older programs foretold nothing, and told less of what was taught. */
function asToday(lesson: unknown): unknown {
	const { taught = null, ...rest } = (lesson ?? {}) as { readonly taught?: object | null };
	const promised = { falseRejectBound95: 1, spoiledPass: null, curve: [], struck: [] };
	return { forecast: null, ...rest, taught: taught && { ...promised, ...taught } };
}

/** What was noted; undefined where it is nothing of ours. */
function standingIn(noted: unknown): Standing | undefined {
	const { lesson, plan, stage, out } = (noted ?? {}) as Readonly<Record<string, unknown>>;
	const [told, planned] = [lessonSchema.safeParse(asToday(lesson)), planSchema.safeParse(plan)];
	if (!told.success || !planned.success || typeof out !== 'string') return undefined;
	if (stage !== 'collecting' && stage !== 'teaching') return undefined;
	return { lesson: told.data, plan: planned.data as Plan, stage, out };
}
