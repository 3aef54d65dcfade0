import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { type Config, configSchema } from '../../src/config/schema.js';
import { Refusal } from '../../src/control/answer.js';
import { type LessonService, type LessonWorld, startLesson } from '../../src/daemon/lesson.js';
import type { Entry } from '../../src/protocol/events.js';
import { type Lesson, lessonSchema, type Plan } from '../../src/protocol/lesson.js';
import type { StationPicture } from '../../src/protocol/picture-messages.js';
import { noCounts } from '../../src/protocol/states.js';
import type { Progress, Taught, TeachRequest } from '../../src/protocol/teach-messages.js';
import { failureOf } from '../failure-of.js';
import { eventually } from '../free-port.js';
import { temporaryFolder } from '../tiny-bundle.js';

const lessons = suite('a lesson that was asked for');

type Job = {
	readonly request: TeachRequest;
	readonly report: (progress: Progress) => void;
	done(): void;
	fail(thrown: unknown): void;
};

const refusalOf = (answered: Promise<unknown>): Promise<Refusal> =>
	answered.then(
		() => assert.unreachable() as never,
		(thrown) => {
			assert.instance(thrown, Refusal);
			return thrown as Refusal;
		},
	);

const PLAN: Plan = { name: 'lid', station: 's', parts: 8, size: 64 };

/** A box whose parts and jobs come when the test says so. */
async function box() {
	const folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	await mkdir(at('bundles'));
	const config: Config = configSchema.parse({
		box: 't',
		stations: { s: { camera: { source: '0' }, recipe: 'r' } },
		recipes: { r: { model: at('bundles/lid'), region: { x: 1, y: 2, width: 30, height: 40 } } },
		journal: { leastFreeMb: 100 },
	});
	const given = { config: config as Config | null, free: 1e12, isThere: true, counts: noCounts };
	const asks: { give(picture: StationPicture): void; fail(thrown: unknown): void }[] = [];
	const jobs: Job[] = [];
	const events: Entry[] = [];
	const said: Lesson[] = [];
	const logged: string[] = [];
	let nowMs = 0;
	const world: LessonWorld = {
		config: () => given.config,
		stationOf: (name) =>
			name === 's' && given.isThere
				? {
						vitals: {
							station: 's',
							state: 'running',
							counts: given.counts,
							pid: 1,
							restarts: 0,
							engines: null,
						},
						picture: (_, signal) =>
							new Promise((resolve, reject) => {
								asks.push({ give: resolve, fail: reject });
								signal.addEventListener('abort', () => reject(signal.reason));
							}),
					}
				: undefined,
		teach: (request, { signal, report }) =>
			new Promise<Taught>((resolve, reject) => {
				const taught: Taught = {
					bundle: at('bundles/lid@1c947c1d'),
					isNamed: true,
					images: 6,
					folds: 0,
					heldOut: 2,
					iterations: 3,
					seconds: 1,
					forecast: null,
					provider: 'cpu',
					loss: 0.1,
					threshold: 0.5,
					falseRejectBound: 0.1,
					falseRejectBound95: 0.26,
					spoiledPass: null,
					curve: [],
					struck: [],
					precision: 'fp32',
					seededTeacher: true,
				};
				jobs.push({ request, report, done: () => resolve(taught), fail: reject });
				signal.addEventListener('abort', () => reject(signal.reason));
			}),
		record: {
			note: async (entry) => {
				events.push(entry);
				return undefined;
			},
			retain: (topicAt, payload) => {
				assert.is(topicAt('root'), 'root/t/lesson');
				said.push(lessonSchema.parse(JSON.parse(new TextDecoder().decode(payload))));
			},
		},
		freeBytesAt: async () => given.free,
		pace: {
			now: () => {
				nowMs += 2000;
				return nowMs;
			},
			pause: (_, signal) => {
				signal.throwIfAborted();
				return new Promise((resolve) => setTimeout(resolve, 5));
			},
		},
		wallClock: () => 1_700_000_000_000,
		secrets: ['hunter22'],
		log: (level, about, message) => logged.push(`${level} ${about}: ${message}`),
	};
	const start = () => startLesson({ box: 't', folder: at('journal') }, world);
	const part = async (score: number | null = 0.25) => {
		const ask = await eventually('a part is asked for', () => asks.shift());
		ask.give({ bytes: new Uint8Array([1, 2, 3]), width: 1, height: 1, takenMs: 0, score });
	};
	return {
		at,
		given,
		asks,
		jobs,
		said,
		logged,
		start,
		part,
		states: () => events.map(({ body }) => (body as Lesson).state),
		parts: async (many: number) => {
			for (let i = 0; i < many; i += 1) await part();
		},
		/** The station's process dies: it owes no picture any more. */
		lose: async (message: string) => {
			await eventually('some are asked for ahead', () => asks.length === 4);
			for (const { fail } of asks.splice(0)) fail(new Failure('child-died', message));
		},
		job: () => eventually('a job', () => jobs.shift()),
		is: (service: LessonService, state: Lesson['state']) =>
			eventually(`it is ${state}`, () => service.current?.state === state),
		[Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
	};
}

lessons('keeps the next parts, teaches from them, and takes them away when it is done', async () => {
	await using here = await box();
	await using lesson = await here.start();
	assert.is(lesson.current, null);
	const begun = await lesson.begin(PLAN);
	assert.is(begun.state, 'collecting');
	await here.part(0.75);
	here.given.counts = { ...noCounts, errors: 2 };
	await here.parts(7);
	const { request, report, done } = await here.job();
	assert.equal(
		{ ...request },
		{
			backbone: 'pocket',
			size: 64,
			preset: 'standard',
			scoring: 'auto',
			precision: 'fp32',
			iterations: 'auto',
			batch: 16,
			seed: 1,
			holdout: 0.2,
			folds: 'auto',
			threads: 0,
			provider: 'cpu',
			tiles: { rows: 1, columns: 1 },
			region: { x: 1, y: 2, width: 30, height: 40 },
			images: here.at('journal/lesson/pictures'),
			isAdded: true,
			isLinked: false,
			out: here.at('bundles/lid'),
			name: 'lid',
			resume: false,
		},
	);
	assert.equal(lesson.current?.collected, { done: 8, of: 8, skipped: 2 });
	const kept = await lesson.kept();
	assert.equal(kept.map(({ part: number, score }) => [number, score]).slice(0, 2), [
		[1, 0.75],
		[2, 0.25],
	]);
	const [first = ''] = (await readdir(request.images as string)).sort();
	assert.equal([...(await readFile(join(request.images as string, first)))], [1, 2, 3]);
	report({
		phase: 'training',
		done: 1,
		of: 3,
		loss: 0.5,
		secondsLeft: Number.POSITIVE_INFINITY,
		memoryMb: 1,
	});
	assert.equal(lesson.current?.progress, { phase: 'training', done: 1, of: 3, loss: 0.5, secondsLeft: null });
	report({ phase: 'warning', message: 'a hint of hunter22' });
	assert.is(lesson.current?.warning, 'a hint of ***');
	done();
	await here.is(lesson, 'done');
	assert.is(lesson.current?.taught?.bundle, 'lid@1c947c1d');
	assert.equal(await lesson.kept(), []);
	assert.equal(here.states(), ['collecting', 'teaching', 'done']);
	assert.equal([...new Set(here.said.map(({ state }) => state))], ['collecting', 'teaching', 'done']);
	assert.equal(here.said.at(-1), lesson.current);
	const next = await lesson.begin({ ...PLAN, name: 'cap' });
	assert.not.equal(next.lesson, begun.lesson);
});

lessons('says how long it will take, and what would be quicker', async () => {
	await using here = await box();
	await using lesson = await here.start();
	await lesson.begin(PLAN);
	await here.parts(8);
	const { report } = await here.job();
	assert.is(lesson.current?.forecast, null);
	const forecast = {
		seconds: 560,
		mostSeconds: 700,
		steps: 160,
		mostSteps: 200,
		stepSeconds: 3.4,
		backbone: 'resnet18',
		provider: 'cpu',
		pocket: { seconds: 70, mostSeconds: 90 },
	} as const;
	report({ phase: 'provider', provider: 'cuda' });
	report({ phase: 'forecast', forecast });
	report({ phase: 'training', done: 5, of: 200, loss: 0.5, secondsLeft: 500, memoryMb: 1 });
	assert.equal(lesson.current?.forecast, forecast);
	assert.is(lesson.current?.progress?.done, 5);
});

lessons('is one at a time', async () => {
	await using here = await box();
	await using lesson = await here.start();
	const both = await Promise.allSettled([lesson.begin(PLAN), lesson.begin({ ...PLAN, name: 'cap' })]);
	assert.equal(
		both.map(({ status }) => status),
		['fulfilled', 'rejected'],
	);
	const second = await refusalOf(lesson.begin({ ...PLAN, name: 'cap' }));
	assert.equal([second.code, second.message], ['busy', 'Lesson "lid" is collecting; `cancel` ends it']);
	await here.parts(8);
	await here.job();
	assert.is((await refusalOf(lesson.begin(PLAN))).code, 'busy');
	assert.is((await refusalOf(lesson.resume())).code, 'conflict');
});

lessons('waits for a person who looks at what is kept, and strikes what shows no good part', async () => {
	await using here = await box();
	await using lesson = await here.start();
	await lesson.begin({ ...PLAN, hold: true });
	await here.parts(8);
	await here.is(lesson, 'collected');
	assert.is((await refusalOf(lesson.begin(PLAN))).code, 'busy');
	const none = await refusalOf(lesson.strike([2, 99]));
	assert.equal([none.code, none.faults[0]?.message], ['invalid', 'there is no picture of 99']);
	assert.equal((await lesson.kept()).length, 8);
	await lesson.strike([2, 5]);
	assert.equal(
		(await lesson.kept()).map(({ part }) => part),
		[1, 3, 4, 6, 7, 8],
	);
	assert.is(lesson.current?.collected?.done, 6);
	assert.is((await lesson.resume()).state, 'teaching');
	const { request, done } = await here.job();
	assert.is(request.resume, false);
	assert.is((await refusalOf(lesson.strike([1]))).code, 'conflict');
	done();
	await here.is(lesson, 'done');
	assert.is((await refusalOf(lesson.cancel(false))).code, 'conflict');
	assert.is((await refusalOf(lesson.resume())).code, 'conflict');
});

for (const stage of ['collecting', 'collected', 'teaching'] as const)
	for (const keep of [true, false])
		lessons(`is cancelled while ${stage}, and ${keep ? 'keeps what it has' : 'leaves nothing'}`, async () => {
			await using here = await box();
			await using lesson = await here.start();
			await lesson.begin({ ...PLAN, hold: stage === 'collected' });
			await here.parts(stage === 'collecting' ? 3 : 8);
			if (stage === 'collecting')
				await eventually('three are kept', () => lesson.current?.collected?.done === 3);
			else await here.is(lesson, stage);
			if (stage === 'teaching') await here.job();
			await writeFile(here.at('bundles/lid.checkpoint'), '');
			assert.is((await lesson.cancel(keep)).state, 'cancelled');
			assert.is((await lesson.kept()).length, keep ? (stage === 'collecting' ? 3 : 8) : 0);
			const checkpoint = await stat(here.at('bundles/lid.checkpoint')).then(
				() => true,
				() => false,
			);
			assert.is(checkpoint, keep);
			assert.is(here.states().at(-1), 'cancelled');
			here.asks.length = 0;
			const { state, collected } = await lesson.resume();
			if (!keep) assert.equal([state, collected?.done], ['collecting', 0]);
			else assert.is(state, stage === 'collecting' ? 'collecting' : 'teaching');
			if (keep && stage === 'teaching') assert.is((await here.job()).request.resume, true);
			if (keep && stage === 'collecting') {
				await here.parts(5);
				assert.is((await here.job()).request.resume, false);
				assert.equal(
					(await lesson.kept()).map(({ part }) => part),
					[1, 2, 3, 4, 5, 6, 7, 8],
				);
			}
		});

for (const stage of ['collecting', 'collected', 'teaching'] as const)
	lessons(`that the box went down with while ${stage} is told by the next daemon, and goes on`, async () => {
		await using here = await box();
		{
			// Nothing of it is disposed of: its daemon was killed.
			const lesson = await here.start();
			await lesson.begin({ ...PLAN, hold: stage === 'collected' });
			await here.parts(stage === 'collecting' ? 3 : 8);
			if (stage === 'collecting') await eventually('three', () => lesson.current?.collected?.done === 3);
			else await here.is(lesson, stage);
			if (stage === 'teaching') await here.job();
			await eventually('it is noted', async () => {
				const noted = JSON.parse(await readFile(here.at('journal/lesson/lesson.json'), 'utf8'));
				return noted.lesson.state === stage;
			});
		}
		here.asks.length = 0;
		await using lesson = await here.start();
		const expected = stage === 'collected' ? 'collected' : 'interrupted';
		assert.is(lesson.current?.state, expected);
		assert.is(here.said.at(-1)?.state, expected);
		assert.is((await lesson.kept()).length, stage === 'collecting' ? 3 : 8);
		await lesson.resume();
		if (stage === 'collecting') await here.parts(5);
		const { request, done } = await here.job();
		assert.is(request.resume, stage === 'teaching');
		done();
		await here.is(lesson, 'done');
	});

lessons('is interrupted when the daemon ends, and says so before', async () => {
	await using here = await box();
	const lesson = await here.start();
	await lesson.begin(PLAN);
	await here.parts(8);
	await here.job();
	await lesson[Symbol.asyncDispose]();
	assert.is(here.said.at(-1)?.state, 'interrupted');
	await using next = await here.start();
	assert.is(next.current?.state, 'interrupted');
	assert.equal(here.states(), ['collecting', 'teaching', 'interrupted']);
});

lessons('goes on when its station is started anew, and fails when it is there no more', async () => {
	await using here = await box();
	await using lesson = await here.start();
	await lesson.begin(PLAN);
	(await eventually('an ask', () => here.asks.shift())).fail(
		new Failure('child-died', 'it died at hunter22'),
	);
	await eventually('the reason is told', () => lesson.current?.warning === 'it died at ***');
	here.given.isThere = false;
	await here.lose('it died');
	await new Promise((resolve) => setTimeout(resolve, 30));
	assert.is(lesson.current?.state, 'collecting');
	here.given.isThere = true;
	await here.parts(4);
	await eventually('four are kept', () => lesson.current?.collected?.done === 4);
	assert.is(lesson.current?.warning, null);
	here.given.isThere = false;
	here.given.config = { ...here.given.config!, stations: {} };
	await here.lose('it died');
	await here.is(lesson, 'failed');
	assert.match(lesson.current!.error!.message, /station "s": it is there no more/);
	assert.is((await lesson.kept()).length, 4);
});

lessons('leaves the journal the room that it needs, and says so', async () => {
	await using here = await box();
	await using lesson = await here.start();
	await lesson.begin(PLAN);
	await here.part();
	await eventually('one is kept', () => lesson.current?.collected?.done === 1);
	here.given.free = 100e6 + 2;
	await here.part();
	await here.is(lesson, 'failed');
	assert.match(lesson.current!.error!.message, /100 MB are free on the disk, and the journal needs 100/);
	assert.is(lesson.current!.error!.code, 'file-unwritable');
	here.given.free = 1e12;
	here.asks.length = 0;
	await lesson.resume();
	assert.is(lesson.current?.error, null);
	await here.parts(6);
	await eventually('seven are kept', () => lesson.current?.collected?.done === 7);
	// There is room for a picture, and none for a bundle.
	here.given.free = 500e6;
	await here.part();
	await here.is(lesson, 'failed');
	assert.match(lesson.current!.error!.message, /500 MB are free/);
	assert.is(here.jobs.length, 0);
});

lessons('is never told to be done where that cannot be noted', async () => {
	await using here = await box();
	await using lesson = await here.start();
	await lesson.begin(PLAN);
	await here.parts(8);
	const { done } = await here.job();
	await rm(here.at('journal/lesson/lesson.json'));
	await mkdir(here.at('journal/lesson/lesson.json/x'), { recursive: true });
	done();
	await here.is(lesson, 'failed');
	assert.is(lesson.current!.error!.code, 'file-unwritable');
	assert.equal(here.states(), ['collecting', 'teaching', 'failed']);
	assert.equal([...new Set(here.said.map(({ state }) => state))], ['collecting', 'teaching', 'failed']);
});

lessons('does not begin where it cannot be noted', async () => {
	await using here = await box();
	await mkdir(here.at('journal/lesson/lesson.json/x'), { recursive: true });
	await using lesson = await here.start();
	assert.is((await failureOf(lesson.begin(PLAN))).code, 'file-unwritable');
	assert.is(lesson.current?.state, 'failed');
	assert.is(here.asks.length, 0);
});

lessons('that fails tells why, and a fault of ours is told as one', async () => {
	await using here = await box();
	await using lesson = await here.start();
	for (const [thrown, code, message] of [
		[new Failure('images-missing', 'too few', 'Take more.'), 'images-missing', 'too few. Take more.'],
		[new TypeError('x is no y'), 'teaching-failed', 'A fault of ours, please report it: x is no y'],
	] as const) {
		await lesson.begin(PLAN);
		await here.parts(8);
		(await here.job()).fail(thrown);
		await here.is(lesson, 'failed');
		assert.equal(lesson.current?.error, { code, message });
		here.asks.length = 0;
	}
	assert.match(here.logged.join('\n'), /error lesson: a fault of ours: TypeError: x is no y\n +at/);
});

for (const [what, text] of [
	['no JSON', '{'],
	['something else', '[]'],
	['what another version wrote', '{ "lesson": { "state": "dancing" }, "plan": {} }'],
] as const)
	lessons(`forgets a note that is ${what}`, async () => {
		await using here = await box();
		await mkdir(here.at('journal/lesson'), { recursive: true });
		await writeFile(here.at('journal/lesson/lesson.json'), text);
		await using lesson = await here.start();
		assert.is(lesson.current, null);
		await lesson.begin(PLAN);
	});

lessons.run();
