import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { float32 } from '../../src/graph/tensor.js';
import { teachWorld } from '../../src/jobs/world.js';
import { holdOut } from '../../src/learn/folds.js';
import type { TeachWorld } from '../../src/learn/lesson.js';
import { teach } from '../../src/learn/teach.js';
import { paperAdam } from '../../src/model/adam.js';
import { architectures } from '../../src/model/architecture.js';
import { SCORINGS } from '../../src/model/manifest.js';
import { scoreWith } from '../../src/model/scored.js';
import { stepProgram } from '../../src/model/step.js';
import { seededTeacher } from '../../src/model/teacher.js';
import { oneTile, tilingFor } from '../../src/model/tiling.js';
import { initialWeights } from '../../src/model/weights.js';
import { frameOf } from '../../src/opencv/picture.js';
import { openSession } from '../../src/ort/session.js';
import type { Progress } from '../../src/protocol/teach-messages.js';
import { drawPart } from '../../src/sim/line.js';
import type { Size } from '../../src/vision/image.js';
import { failureOf } from '../failure-of.js';

const teaching = suite('teaching');

const settings = {
	name: 't',
	backbone: 'pocket',
	tiling: oneTile(64),
	preset: 'paper',
	precision: 'fp32',
	iterations: 6,
	batch: 4,
	seed: 3,
	holdout: 0.25,
	threads: 1,
} as const;
const teacher = { weights: seededTeacher('pocket', 1), sha256: '0'.repeat(64), origin: 'seed', seeded: true };

function images(count: number, size: Size = settings.tiling) {
	return {
		count,
		name: (i: number) => `part ${i}`,
		image: async (i: number) => {
			const frame = frameOf(drawPart(1, i, undefined, 96).image);
			const input = frame.modelInput(undefined, size);
			frame.release();
			return { input, size: frame };
		},
	};
}

function world(
	report: (progress: Progress) => void = () => {},
	signal = new AbortController().signal,
): TeachWorld {
	return teachWorld('0', signal, report);
}

teaching(
	'makes the loss smaller, tells how it goes, and gives the same model for the same seed',
	async () => {
		const heard: Progress[] = [];
		const first = await teach(
			images(12),
			teacher,
			settings,
			world((p) => heard.push(p)),
		);
		const { losses } = first.manifest.training;
		assert.is(losses.length, 6);
		assert.ok(losses.at(-1)! < 0.8 * losses[0]!, losses.join(' '));
		assert.equal(
			[...new Set(heard.map(({ phase }) => phase))],
			['features', 'training', 'forecast', 'calibrating', 'choosing', 'scoring', 'threads'],
		);
		const [said, ...more] = heard.flatMap((p) => (p.phase === 'forecast' ? [p.forecast] : []));
		assert.equal(more, []);
		const { steps, mostSteps, seconds, stepSeconds, provider, backbone, pocket } = said!;
		assert.equal([steps, mostSteps, provider, backbone, pocket], [6, 6, 'cpu', 'pocket', null]);
		assert.ok(stepSeconds > 0 && seconds > 6 * stepSeconds);
		const done = heard.flatMap((p) => (p.phase === 'features' ? [p.done] : []));
		assert.equal(done, [1, 2, 3, 4, 5, 6, 7, 8, 9], 'each picture is looked at once');
		const { calibration, training } = first.manifest;
		assert.equal([training.images, training.heldOut, calibration.scores.length], [9, 3, 3]);
		assert.equal([training.hardness, training.cooling], [0, 0], 'the paper does neither');
		assert.is(calibration.threshold, Math.max(...calibration.scores));
		assert.ok(calibration.mapMedian > 0 && calibration.mapMedian < calibration.threshold);
		const again = await teach(images(12), teacher, settings, world());
		assert.ok(Math.abs(again.manifest.calibration.threshold - calibration.threshold) < 1e-5);
	},
);

teaching(
	'by the standard preset scores a picture as its bundle will, and falls back where too few are held out',
	async () => {
		const standard = { ...settings, preset: 'standard', holdout: 0.5 } as const;
		const heard: Progress[] = [];
		const listening = world((p) => heard.push(p));
		const contents = await teach(images(18), teacher, standard, listening);
		const { scoring } = contents.manifest.calibration;
		assert.equal([scoring!.asked, scoring!.spoiled], [false, 9 * 9]);
		assert.equal(Object.keys(scoring!.passes), [...SCORINGS]);
		assert.ok(Object.values(scoring!.passes).every((share) => share! >= 0 && share! <= 1));
		assert.equal(
			heard.filter(({ phase }) => phase === 'scoring'),
			[{ phase: 'scoring', ...scoring }],
		);
		assert.is(contents.manifest.calibration.preset, 'standard');
		assert.ok(contents.manifest.training.hardness > 0 && contents.manifest.training.cooling > 0);
		assert.is(contents.manifest.calibration.scores.length, 9);
		const session = await openSession(contents.models.fp32!, { threads: 1 });
		for (const { image, expected } of contents.golden) {
			const { score, map } = expected.fp32!;
			const again = await scoreWith(session, image, settings.tiling);
			assert.ok(Math.abs(again.score - score) < 1e-5);
			assert.ok(Object.entries(map).every(([i, v]) => Math.abs(again.map[Number(i)]! - v) < 1e-5));
		}
		// In the bundle a held-out picture counts among those that say what is usual: its score is no higher than when left out, but for
		// the weight of a scale, which one of nine pictures moves by a hair. Which scoring is chosen depends on the processor here.
		const { heldOut } = holdOut(18, 0.5, settings.seed);
		const { input } = await images(18).image(heldOut[0]!);
		const { score } = await scoreWith(session, input, settings.tiling);
		const leftOut = contents.manifest.calibration.scores[0]!;
		assert.ok(score <= 1.01 * leftOut, `${score}, ${leftOut} when left out`);
		await session.close();
		assert.is(
			(await teach(images(12), teacher, { ...settings, preset: 'standard', folds: 0 }, world())).manifest
				.calibration.preset,
			'paper',
		);
	},
);

teaching(
	'scores as it is asked to, also by what is usual of features in squares and in the overview',
	async () => {
		const tiling = tilingFor(64, { rows: 1, columns: 2 }, { width: 110, height: 64 });
		const asked = {
			...settings,
			preset: 'standard',
			scoring: 'features',
			holdout: 0.5,
			iterations: 1,
			tiling,
		} as const;
		const { manifest, models } = await teach(images(16, tiling), teacher, asked, world());
		const { chosen, passes, spoiled, ...how } = manifest.calibration.scoring!;
		assert.equal(
			[chosen, Object.keys(passes), spoiled, how],
			['features', ['features'], 8 * 9, { asked: true }],
		);
		const session = await openSession(models.fp32!, { threads: 1 });
		const { heldOut } = holdOut(16, 0.5, settings.seed);
		const { input } = await images(16, tiling).image(heldOut[0]!);
		const { score, map } = await scoreWith(session, input, tiling);
		await session.close();
		assert.is(map.length, tiling.width * tiling.height);
		assert.ok(score <= manifest.calibration.scores[0]! + 1e-4, 'it says what is usual, too');
	},
);

teaching('says which good picture sets the threshold alone', async () => {
	const good = images(20);
	const { heldOut } = holdOut(good.count, 0.45, settings.seed);
	const odd = {
		...good,
		image: async (i: number) => {
			const { input, size } = await good.image(i);
			return { input: i === heldOut[2] ? input.map((v) => 255 - v) : input, size };
		},
	};
	const warnings = async (of: typeof good, falseRejects?: number) => {
		const heard: string[] = [];
		const listen = (p: Progress) => p.phase === 'warning' && heard.push(p.message);
		const rate = falseRejects === undefined ? {} : { falseRejects };
		const scored = { preset: 'standard', scoring: 'places+features', holdout: 0.45 } as const;
		await teach(of, teacher, { ...settings, ...scored, ...rate }, world(listen));
		return heard;
	};
	assert.equal(await warnings(good), []);
	const found = await warnings(odd);
	assert.is(found.length, 1);
	assert.match(found[0]!, `"part ${heldOut[2]}" alone sets the threshold`);
	assert.equal(await warnings(odd, 0.2), [], 'a quantile leaves it out');
});

teaching('refuses too few pictures, and stops between two steps when it is told to', async () => {
	const few = await failureOf(teach(images(7), teacher, settings, world()));
	assert.is(few.code, 'images-missing');
	const abort = new AbortController();
	const steps: number[] = [];
	const report = (p: Progress) => {
		if (p.phase !== 'training') return;
		steps.push(p.done);
		if (p.done === 2) abort.abort(new Failure('interrupted', 'Interrupted'));
	};
	const stopped = await failureOf(teach(images(12), teacher, settings, world(report, abort.signal)));
	assert.is(stopped.code, 'interrupted');
	assert.equal(steps, [1, 2]);
});

teaching(
	'warns of pictures that are there twice or show nothing, and stops at once at one that cannot be read',
	async () => {
		const whole = images(12);
		const odd = {
			...whole,
			image: async (i: number) =>
				i === 5
					? { input: new Uint8Array(64 * 64 * 3).fill(7), size: { width: 80, height: 96 } }
					: whole.image(i === 9 ? 2 : i),
		};
		const warnings: string[] = [];
		await teach(
			odd,
			teacher,
			{ ...settings, iterations: 1 },
			world((p) => p.phase === 'warning' && warnings.push(p.message)),
		);
		assert.is(warnings.length, 4);
		assert.match(warnings[0]!, /1 picture is twice: "part 9" is "part 2" again/);
		assert.match(warnings[1]!, /1 picture is nearly without contrast: "part 5"/);
		assert.match(warnings[2]!, /1 picture is not 96x96 like the first: "part 5" of 80x96/);
		assert.match(warnings[3]!, /1 picture is grey among coloured ones: "part 5"/);
		const broken = {
			...whole,
			image: async (i: number) =>
				i === 11 ? Promise.reject(new Failure('image-unreadable', 'Cannot read')) : whole.image(i),
		};
		const heard: string[] = [];
		assert.is(
			(
				await failureOf(
					teach(
						broken,
						teacher,
						settings,
						world((p) => heard.push(p.phase)),
					),
				)
			).code,
			'image-unreadable',
		);
		assert.equal(heard, []);
	},
);

teaching('looks at labelled pictures before it learns, where they will be needed', async () => {
	const labelled = {
		count: 2,
		input: async () => Promise.reject(new Failure('image-unreadable', 'Cannot read')),
		defective: (i: number) => i === 1,
	};
	const heard: string[] = [];
	const failure = await failureOf(
		teach(
			images(12),
			teacher,
			{ ...settings, precision: 'int8' },
			world((p) => heard.push(p.phase)),
			{ labelled },
		),
	);
	assert.is(failure.code, 'image-unreadable');
	assert.equal(heard, []);
	await teach(images(12), teacher, { ...settings, iterations: 1 }, world(), { labelled });
});

teaching('cuts pictures into tiles, and scores the whole of them as its bundle will', async () => {
	const tiling = tilingFor(64, { rows: 2, columns: 3 }, { width: 300, height: 200 });
	const contents = await teach(
		images(12, tiling),
		teacher,
		{ ...settings, tiling, wobble: { degrees: 3, shift: 0.02 } },
		world(),
	);
	assert.equal(contents.manifest.input.tiling, tiling);
	assert.equal(contents.manifest.training.wobble, { degrees: 3, shift: 0.02 });
	const session = await openSession(contents.models.fp32!, { threads: 1 });
	const { heldOut } = holdOut(12, settings.holdout, settings.seed);
	const { input } = await images(12, tiling).image(heldOut[0]!);
	const { map, score } = await scoreWith(session, input, tiling);
	await session.close();
	assert.is(map.length, tiling.width * tiling.height);
	assert.ok(Math.abs(score - contents.manifest.calibration.scores[0]!) < 1e-5);
	assert.is(score, Math.max(...map));
});

teaching('takes a student as it is: nothing is trained, and all pictures set the threshold', async () => {
	const { parameters, statistics } = stepProgram(architectures.pocket, paperAdam, 2, 64);
	const student = initialWeights(parameters, 1);
	for (const { name, length } of statistics)
		student.set(name, float32([length], new Float32Array(length).fill(name.endsWith('var') ? 1 : 0)));
	const phases = new Set<string>();
	const contents = await teach(
		images(9),
		teacher,
		settings,
		world(({ phase }) => phases.add(phase)),
		{ student },
	);
	assert.equal([...phases], ['calibrating', 'choosing', 'scoring', 'threads']);
	const { training, calibration } = contents.manifest;
	assert.equal([training.images, training.heldOut, calibration.scores.length], [0, 9, 9]);
});

teaching('of a student from elsewhere does not know what features are usual', async () => {
	const { parameters } = stepProgram(architectures.pocket, paperAdam, 2, 64);
	const student = initialWeights(parameters, 1);
	const asked = { ...settings, scoring: 'places+features' } as const;
	const failure = await failureOf(teach(images(9), teacher, asked, world(), { student }));
	assert.is(failure.code, 'usage');
	assert.match(failure.message, /Cannot score by "places\+features"/);
});

teaching('runs in a lower precision that scores like fp32, and proves both', async () => {
	const contents = await teach(
		images(16),
		teacher,
		{ ...settings, precision: 'fp16', iterations: 12 },
		world((p) => p.phase === 'warning' && assert.unreachable(p.message)),
	);
	const { runs, gates } = contents.manifest.precision;
	assert.is(runs, 'fp16');
	assert.ok(gates.fp16!.length === 6 && gates.fp16!.every(({ ok }) => ok));
	assert.equal(Object.keys(contents.models), ['fp32', 'fp16']);
	const { fp32, fp16 } = contents.golden[1]!.expected;
	assert.ok(fp32!.score !== fp16!.score && Math.abs(fp32!.score - fp16!.score) < 0.01 * fp32!.score);
});

teaching('steps back from a precision that does not score like fp32, and names the number', async () => {
	const warnings: string[] = [];
	const labelled = {
		count: 2,
		input: async (i: number) => (await images(16).image(i)).input,
		defective: (i: number) => i === 1,
	};
	/** An engine that computes int8 wrong. */
	const openBroken: typeof openSession = async (model, options) => {
		const session = await openSession(model, options);
		if (!Buffer.from(model as Uint8Array).includes('QuantizeLinear')) return session;
		const score = { dtype: 'float32', shape: [], data: Float32Array.of(0.5) } as const;
		return { ...session, run: async (feeds) => ({ ...(await session.run(feeds)), score }) };
	};
	const contents = await teach(
		images(16),
		teacher,
		{ ...settings, precision: 'int8', iterations: 12 },
		{ ...world((p) => p.phase === 'warning' && warnings.push(p.message)), openSession: openBroken },
		{ labelled },
	);
	assert.is(contents.manifest.precision.runs, 'fp16');
	assert.equal(Object.keys(contents.models), ['fp32', 'fp16']);
	assert.ok(contents.manifest.precision.gates.int8!.some(({ ok }) => !ok));
	assert.is(contents.manifest.precision.gates.int8!.length, 8, 'made and labelled pictures are judged apart');
	assert.match(
		warnings.join('\n'),
		/int8 does not score like fp32: rank correlation NaN, the limit is 0\.98/,
	);
});

teaching('holds no picture out where they are few: students of other pictures judge each', async () => {
	const heard: Progress[] = [];
	const few = { ...settings, preset: 'standard', iterations: 2, folds: 3 } as const;
	const contents = await teach(
		images(9),
		teacher,
		few,
		world((p) => heard.push(p)),
	);
	const { training, calibration } = contents.manifest;
	assert.equal([training.images, training.heldOut, training.folds, training.iterations], [9, 9, 3, 2]);
	assert.equal(
		[...calibration.pictures].sort(),
		Array.from({ length: 9 }, (_, i) => `part ${i}`),
	);
	assert.equal(
		heard.flatMap((p) => (p.phase === 'training' ? [[p.student?.number, p.student?.of, p.done]] : [])),
		[1, 2, 3, 4].flatMap((number) => [1, 2].map((step) => [number, 4, step])),
	);
});

teaching('does not go on when a number is none', async () => {
	const weights = seededTeacher('pocket', 1);
	weights.get('conv1.bias').data[0] = Number.NaN;
	const failure = await failureOf(teach(images(12), { ...teacher, weights }, settings, world()));
	assert.is(failure.code, 'teaching-failed');
});

teaching.run();
