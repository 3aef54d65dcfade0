import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { PRECISIONS, type Precision } from '../base/precision.js';
import { PROVIDERS, type Provider } from '../base/provider.js';
import { brokerAddressFault, openAddress } from '../config/address.js';
import type { Config } from '../config/schema.js';
import { tryBroker } from '../daemon/broker.js';
import { faulty, readConfig } from '../daemon/settings.js';
import { readBundle } from '../disk/bundle.js';
import { enginesFolder } from '../disk/engines.js';
import { unwritable } from '../disk/place.js';
import { type BenchReport, type BenchRow, benchTables, type Measured } from '../evaluate/bench-report.js';
import { evaluate } from '../evaluate/evaluation.js';
import { type Passage, type StagesPlan, stageNames } from '../evaluate/stages.js';
import type { ProviderWorld } from '../inspect/choose-provider.js';
import type { Scorer } from '../inspect/scorer.js';
import { watchBy } from '../inspect/watch.js';
import { gate } from '../learn/gate.js';
import { commitAt } from '../machine/commit.js';
import { watchCondition } from '../machine/condition.js';
import { memoryOf } from '../machine/memory.js';
import { watchWork } from '../machine/processor.js';
import { isInMemory } from '../machine/space.js';
import { driftOf, spreadOf } from '../measure/spread.js';
import type { Bundle } from '../model/bundle.js';
import { viewCount } from '../model/tiling.js';
import { startEmbeddedBroker } from '../mqtt/embedded-broker.js';
import { opencvVersion } from '../opencv/library.js';
import { encodeJpeg, readPicture } from '../opencv/picture.js';
import { onnxruntimeVersion } from '../ort/session.js';
import { equipmentFor, openProviders } from '../station/providers.js';
import { FAULTS } from '../vision/quality.js';
import { conditionWords, drawnWhile, machineWords } from './bench-box.js';
import { type BenchPictures, benchPictures } from './bench-pictures.js';
import { passParts } from './bench-stages.js';
import { runStations } from './bench-stations.js';
import { worldOf } from './evaluate.js';
import { type Arguments, type Command, choiceOption, numberOption, textOption } from './terminal/command.js';

/** Pictures by whose scores precisions are compared, at most; evenly over all that there are. */
const MOST_COMPARED = 64;

/** Where fewer are rejected than this, the threshold of the parts that pass alone is the middle of their scores. */
const LEAST_REJECTED = 0.1;

const FIRST_PORT = 18_830;

export const bench: Command = {
	name: 'bench',
	summary:
		"Measures a bundle on this machine, for each precision that it holds: how long each stage of a part takes by itself, from the camera to the broker's word; how many parts stations judge a second, each in its own process; memory, energy where the machine tells it, and how far scores lie from fp32. Prints tables that can be pasted. What else runs on the machine disturbs it, and is told.",
	positionals: ['BUNDLE'],
	options: {
		provider: { value: 'NAME', summary: `auto, ${PROVIDERS.join(', ')}`, fallback: 'auto' },
		precision: {
			value: 'NAME',
			summary: `${PRECISIONS.join(', ')} (default: all that the bundle holds)`,
		},
		seconds: {
			value: 'N',
			summary: 'how long each of the two measurements of a precision takes',
			fallback: '10',
		},
		images: {
			value: 'FOLDER',
			summary: "pictures to inspect (default: labelled ones, else the bundle's own)",
		},
		labelled: {
			value: 'DATASET',
			summary: 'a data set with test/good and test/<defect>: how well each precision tells them apart',
		},
		stations: {
			value: 'N',
			summary: 'stations that run at the same time; 0: none, only parts alone',
			fallback: '1',
		},
		threads: {
			value: 'N',
			summary: 'processor threads of each station (default: as a recipe that says nothing)',
		},
		broker: {
			value: 'URL',
			summary: 'the broker to publish to, below inspectord-bench/ (default: one of its own)',
		},
		disk: { value: 'DIR', summary: 'where the journal lies meanwhile (default: where temporary files do)' },
		engines: {
			value: 'FOLDER',
			summary: 'where engines of TensorRT are kept (default: as inspectord engine has it)',
		},
		json: { summary: 'print all figures as one line of JSON' },
	},
	run: async (args, context) => {
		const wish = wishIn(args, context.env);
		const bundle = await readBundle(args.positionals[0]!);
		const precisions = wish.precision ? [wish.precision] : PRECISIONS;
		const providers = openProviders(context.env, { engineFolder: wish.engines, shunned: [] });
		const scratch = await mkdtemp(join(wish.disk, 'inspectord-bench-')).catch((thrown) => {
			throw unwritable(wish.disk, thrown);
		});
		try {
			const pictures = await benchPictures(bundle, wish, scratch, context.note);
			const own = wish.broker === undefined ? await startEmbeddedBroker(FIRST_PORT) : undefined;
			await using _ = own ?? { [Symbol.asyncDispose]: async () => {} };
			const broker = wish.broker ?? `mqtt://127.0.0.1:${own!.port}`;
			const isOwnBroker = own !== undefined;
			const measuring = { bundle, pictures, wish, scratch, context, providers, broker, isOwnBroker };
			if (wish.broker !== undefined) {
				const { box, mqtt } = configOf(measuring, precisions[0]!, 'cpu');
				await tryBroker(wish.broker, { box, mqtt, stations: [] }, context.env, context.signal);
			}
			const ask = watchCondition();
			const before = conditionWords(await ask());
			const reference = await referenceOf(measuring);
			const rows: BenchRow[] = [];
			const failures: Failure[] = [];
			for (const precision of precisions) {
				context.signal.throwIfAborted();
				try {
					rows.push(await measured(precision, reference, measuring));
				} catch (thrown) {
					if (!(thrown instanceof Failure) || thrown.code === 'interrupted') throw thrown;
					// Engines may be of a precision that the bundle has no model in: where there is none, nobody misses it.
					const isAsked = wish.precision !== undefined || bundle.models[precision] !== undefined;
					if (thrown.code === 'precision-refused' && !isAsked) continue;
					failures.push(thrown);
					rows.push({ precision, failure: thrown.message });
				}
			}
			if (failures.length === rows.length && failures[0]) throw failures[0];
			const machine = { is: await machineWords(), before, after: conditionWords(await ask()) };
			const report = await reportOf(rows, machine, measuring);
			if (args.options.json) context.print(report);
			else context.print(benchTables(report).join('\n'));
		} finally {
			await rm(scratch, { recursive: true, force: true });
		}
	},
};

type Wish = {
	readonly provider: 'auto' | Provider;
	readonly precision: Precision | undefined;
	readonly seconds: number;
	readonly images: string | undefined;
	readonly labelled: string | undefined;
	readonly stations: number;
	/** Undefined: as a recipe that says nothing. */
	readonly threads: number | undefined;
	readonly broker: string | undefined;
	readonly disk: string;
	/** Where engines are kept. */
	readonly engines: string;
};

/** @throws Failure usage */
function wishIn(args: Arguments, env: Context['env']): Wish {
	const broker = textOption(args, 'broker');
	const fault = broker === undefined ? undefined : brokerAddressFault(broker);
	if (fault !== undefined) throw new Failure('usage', `Cannot use --broker "${broker}": it ${fault}`);
	return {
		provider: choiceOption(args, 'provider', ['auto', ...PROVIDERS] as const) ?? 'auto',
		precision: choiceOption(args, 'precision', PRECISIONS),
		seconds: numberOption(args, 'seconds', { lowest: 0.1, highest: 86_400, whole: false }),
		images: textOption(args, 'images'),
		labelled: textOption(args, 'labelled'),
		stations: numberOption(args, 'stations', { lowest: 0, highest: 64 }),
		threads:
			textOption(args, 'threads') === undefined
				? undefined
				: numberOption(args, 'threads', { lowest: 0, highest: 256 }),
		broker,
		disk: resolve(textOption(args, 'disk') ?? tmpdir()),
		engines: resolve(textOption(args, 'engines') ?? enginesFolder(env)),
	};
}

type Measuring = {
	readonly bundle: Bundle;
	readonly pictures: BenchPictures;
	readonly wish: Wish;
	readonly scratch: string;
	readonly context: Context;
	readonly providers: ProviderWorld;
	readonly broker: string;
	readonly isOwnBroker: boolean;
};

/** A configuration as a person would write it for these stations. */
function configOf(
	{ bundle, pictures, wish, scratch, context, broker, isOwnBroker }: Measuring,
	precision: Precision,
	provider: Wish['provider'],
): Config {
	const names = Array.from({ length: Math.max(1, wish.stations) }, (_, i) => `station-${i + 1}`);
	const station = { camera: { source: pictures.folder, loop: true, timeoutMs: 600_000 }, recipe: 'bench' };
	const threads = wish.threads === undefined ? {} : { threads: wish.threads };
	// Whatever is found costs the same, and any pictures tell how fast a machine is.
	const quality = { ...Object.fromEntries(Object.keys(FAULTS).map((fault) => [fault, false])), frozenMs: 0 };
	const recipe = {
		model: resolve(bundle.dir),
		provider,
		precision,
		deadlineMs: 600_000,
		quality,
		...threads,
	};
	const config = {
		box: 'bench',
		mqtt: { url: broker, root: 'inspectord-bench', version: isOwnBroker ? '3.1.1' : '5' },
		stations: Object.fromEntries(names.map((name) => [name, station])),
		recipes: { bench: recipe },
		journal: { folder: join(scratch, `journal-${precision}`) },
		engines: { build: false, folder: wish.engines },
		log: 'warning',
	};
	const place = join(scratch, 'bench.yaml');
	const read = readConfig(JSON.stringify(config), place, context.env);
	if ('config' in read) return read.config;
	throw faulty(place, read.faults);
}

type Scores = readonly number[];

/** What fp32 scores on the processor; undefined where the bundle has none. */
async function referenceOf(measuring: Measuring): Promise<Scores | undefined> {
	const { bundle, providers, pictures, context } = measuring;
	if (!bundle.models.fp32) return undefined;
	const recipe = configOf(measuring, 'fp32', 'cpu').recipes.bench!;
	const {
		choice: { scorer },
	} = await equipmentFor(recipe, bundle, providers);
	try {
		return await scoresOf(scorer, bundle, pictures, context);
	} finally {
		await scorer.close();
	}
}

async function scoresOf(
	scorer: Scorer,
	{ manifest: { input } }: Bundle,
	{ paths }: BenchPictures,
	{ signal, note }: Context,
): Promise<Scores> {
	const count = Math.min(paths.length, MOST_COMPARED);
	const scores: number[] = [];
	for (let i = 0; i < count; i += 1) {
		signal.throwIfAborted();
		note(`comparing scores, ${i + 1} of ${count} pictures`, { transient: true });
		const frame = await readPicture(paths[Math.floor((i * paths.length) / count)]!);
		try {
			scores.push((await scorer.score(frame.modelInput(input.region ?? undefined, scorer.size))).score);
		} finally {
			frame.release();
		}
	}
	return scores;
}

async function measured(
	precision: Precision,
	reference: Scores | undefined,
	measuring: Measuring,
): Promise<BenchRow> {
	const { bundle, pictures, wish, context, providers } = measuring;
	const { calibration } = bundle.manifest;
	const log: Log = (level, about, message) => {
		if (level === 'error') context.note(`${about}: ${message}`);
	};
	const progress = (what: string) => (share: number) =>
		context.note(`${precision}: ${what}, ${Math.round(100 * share)} %`, { transient: true });
	const recipe = configOf(measuring, precision, wish.provider).recipes.bench!;
	const { choice } = await equipmentFor(recipe, bundle, providers);
	const { scorer } = choice;
	// Whatever was chosen: the stations are to compute with the same, or not at all.
	const config = configOf(measuring, precision, choice.provider);
	let alone: Omit<Measured, 'stations' | 'joulesAPart'>;
	try {
		const scores = await scoresOf(scorer, bundle, pictures, context);
		const { threshold, isOwn } = thresholdFor(scores, calibration.threshold);
		const plan: StagesPlan = {
			warmMs: Math.min(2000, 200 * wish.seconds),
			warmParts: 3,
			measureMs: 1000 * wish.seconds,
			leastParts: 3,
		};
		const watch = watchBy(bundle.manifest.quality, bundle.manifest.input.tiling);
		const equipment = { bundle, watch, choice, encodeJpeg, now: () => performance.now() };
		const work = await watchWork([process.pid]);
		const pass = () => passParts(config, equipment, threshold, plan, context, log, progress('a part alone'));
		const { value: passages, drawn } = await drawnWhile(pass);
		const { watts } = drawn;
		alone = {
			precision,
			provider: scorer.provider,
			fingerprint: choice.fingerprint,
			degraded: choice.degraded?.message ?? null,
			model: scorer.model,
			engine: scorer.engine,
			watts,
			alone: {
				...timesOf(passages),
				threshold,
				isOwnThreshold: isOwn,
				work: await work(),
				memoryBytes: await memoryOf(process.pid),
			},
			compared: reference ? comparedWith(reference, scores, calibration) : null,
			auroc: await aurocOf(scorer, measuring),
		};
	} finally {
		await scorer.close();
	}
	if (wish.stations === 0)
		return { ...alone, stations: null, joulesAPart: joules(alone.watts, alone.alone.perSecond) };
	const run = () => runStations(config, wish.seconds, context, log, progress('stations'));
	const { value: measuredStations, drawn } = await drawnWhile(run);
	const { watts, boxBytes } = drawn;
	const stations = { ...measuredStations, boxBytes };
	return { ...alone, stations, watts, joulesAPart: joules(watts, stations.perSecond) };
}

function timesOf(passages: readonly Passage[]) {
	const rejects = passages.filter(({ verdict }) => verdict === 'reject');
	const of = (stage: (typeof stageNames)[number]) => (stage === 'draw' ? rejects : passages);
	const whole = passages.map((passage) => passage.whole);
	const totalMs = whole.reduce((a, b) => a + b, 0);
	const beyond = passages.map((one) => one.whole - stageNames.reduce((sum, stage) => sum + one[stage], 0));
	const stages = stageNames.map(
		(stage) => [stage, spreadOf(of(stage).map((passage) => passage[stage]))] as const,
	);
	return {
		stages: Object.fromEntries(stages) as Record<(typeof stageNames)[number], ReturnType<typeof spreadOf>>,
		whole: spreadOf(whole),
		totalMs,
		beyondMs: { least: Math.min(...beyond), total: beyond.reduce((a, b) => a + b, 0) },
		perSecond: (1000 * passages.length) / totalMs,
		drift: driftOf(whole),
		rejected: rejects.length,
	};
}

/** The bundle's own where it rejects some of the pictures, so that heatmaps are drawn; else the middle of their scores. */
function thresholdFor(scores: Scores, own: number): { readonly threshold: number; readonly isOwn: boolean } {
	const rejected = scores.filter((score) => score > own).length;
	if (rejected >= LEAST_REJECTED * scores.length) return { threshold: own, isOwn: true };
	const sorted = [...scores].sort((a, b) => a - b);
	const middle = (sorted.length - 1) / 2;
	return { threshold: (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2, isOwn: false };
}

function comparedWith(
	reference: Scores,
	candidate: Scores,
	{ threshold, mapMedian }: Bundle['manifest']['calibration'],
) {
	const found = gate({ reference, candidate, defective: reference.map(() => false) }, threshold, mapMedian);
	const foundOf = (wanted: string) => found.find(({ measure }) => measure === wanted)?.value ?? Number.NaN;
	return {
		pictures: reference.length,
		difference: foundOf('score difference'),
		largest: Math.max(...reference.map((score, i) => Math.abs(score - candidate[i]!))),
		flips: foundOf('verdict flips'),
	};
}

async function aurocOf(scorer: Scorer, { bundle, pictures, context }: Measuring): Promise<number | null> {
	if (!pictures.labelled) return null;
	const { figures } = await evaluate(
		// Of pixels nothing is asked.
		pictures.labelled.map((picture) => ({ ...picture, mask: null })),
		{ ...worldOf(bundle, scorer), now: () => performance.now() },
		{
			size: scorer.size,
			threshold: bundle.manifest.calibration.threshold,
			signal: context.signal,
			onProgress: (done, of) => context.note(`evaluating ${done} of ${of} images`, { transient: true }),
		},
	);
	return figures.imageAuroc;
}

function joules(watts: number | null, perSecond: number): number | null {
	return watts === null || !(perSecond > 0) ? null : watts / perSecond;
}

async function reportOf(
	rows: readonly BenchRow[],
	machine: BenchReport['machine'],
	{ bundle, pictures, wish, scratch, context, isOwnBroker }: Measuring,
): Promise<BenchReport> {
	const { architecture, input } = bundle.manifest;
	return {
		at: new Date().toISOString(),
		inspectord: context.version,
		commit: await commitAt(context.home),
		node: process.versions.node,
		onnxruntime: onnxruntimeVersion(),
		opencv: opencvVersion(),
		bundle: bundle.id,
		backbone: architecture.backbone,
		width: input.tiling.width,
		height: input.tiling.height,
		views: viewCount(input.tiling),
		threads: wish.threads ?? null,
		pictures: pictures.origin,
		labelled: pictures.labelled?.length ?? 0,
		seconds: wish.seconds,
		broker: isOwnBroker ? 'a broker of its own in the same process' : `broker ${openAddress(wish.broker!)}`,
		isJournalInMemory: await isInMemory(scratch),
		machine,
		rows,
	};
}
