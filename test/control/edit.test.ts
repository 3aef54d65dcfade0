import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { oneOf, randomFrom } from '../../src/base/random.js';
import { parseConfig } from '../../src/config/parse.js';
import type { Config } from '../../src/config/schema.js';
import { Refusal } from '../../src/control/answer.js';
import {
	createEditor,
	type Edit,
	type Edited,
	type EditWorld,
	type Outcome,
	type Standing,
} from '../../src/control/edit.js';
import { simulatedPace } from '../simulated-pace.js';

const edits = suite('an edit');

const FIRST = JSON.stringify({
	box: 'b',
	stations: { s: { camera: { source: 'sim:' }, recipe: 'r' } },
	recipes: { r: { model: 'm', threshold: 0.5 } },
});

const engineer = { role: 'engineer', place: 'local' } as const;
const work = { signal: new AbortController().signal, progress: () => {} };

/** What goes wrong: moving, moving back, writing the file. */
type Faults = { move: boolean; back: boolean; disk: boolean };

/** A box of functions: `runs` is what really runs, `file` what its file says. */
function box() {
	const pace = simulatedPace();
	const config = (text: string) => (parseConfig(text) as { config: Config }).config;
	const faults: Faults = { move: false, back: false, disk: false };
	const told: Standing[] = [];
	const outcomes: Outcome[] = [];
	const kept = [{ rev: '1-a', atMs: 0, by: 'file', what: 'first', text: FIRST }];
	let runs: Config | 'rest' = config(FIRST);
	let moves = 0;
	let isReadOnly = false;
	const world: EditWorld = {
		revisions: {
			get current() {
				return kept[0]!;
			},
			list: () => kept,
			textOf: async (rev) => kept.find((one) => one.rev === rev)!.text,
			nameOf: () => `${kept.length + 1}-a`,
			assertWritable: async () => {
				if (isReadOnly)
					throw new Failure('file-unwritable', 'Cannot write "c.yaml": it can only be read', 'Move it.');
			},
			commit: async (text, by, what) => {
				if (faults.disk) throw new Failure('file-unwritable', 'Cannot write "c.yaml": no space left');
				kept.unshift({ rev: `${kept.length + 1}-a`, atMs: 0, by, what, text });
				return kept[0]!;
			},
		},
		read: (text) => parseConfig(text),
		forbidden: async (_before, _after, changed) =>
			changed.filter((path) => path === 'box').map((path) => ({ path, message: 'in the file alone' })),
		tryOut: async () => {
			const failure = new Failure('camera-unavailable', 'no camera');
			return [{ path: 'stations.s', message: 'a camera', ...(faults.move && { failure }) }];
		},
		moveTo: async (wanted, how) => {
			moves += 1;
			const reason = new Failure('camera-unavailable', 'no camera');
			const setback = { step: 'probe', service: 'station s', path: 'stations.s', reason } as const;
			if (how === 'carefully' && faults.move) {
				if (faults.back) runs = 'rest';
				return { stands: faults.back ? 'rest' : 'old', setbacks: [setback], setbacksBack: [] };
			}
			const fails = how === 'regardless' && faults.back;
			runs = fails ? 'rest' : wanted;
			return { stands: 'new', setbacks: fails ? [setback] : [], setbacksBack: [] };
		},
		onStanding: (standing) => void told.push(standing),
		onOutcome: (outcome) => void outcomes.push(outcome),
		pace,
		wallClock: pace.now,
		openly: (text) => text.replaceAll('hunter2', '***'),
		log: () => {},
	};
	const editor = createEditor({ rev: '1-a', config: config(FIRST), text: FIRST }, world);
	return {
		editor,
		pace,
		faults,
		told,
		outcomes,
		kept,
		runs: () => runs,
		lock: () => {
			isReadOnly = true;
		},
		moves: () => moves,
		threshold: () => (runs === 'rest' ? undefined : runs.recipes.r!.threshold),
		inFile: () => config(kept[0]!.text),
		patch: (patch: unknown, more: Partial<Edit> = {}) =>
			pace.during(settled(editor.edit({ by: engineer, change: { patch }, ...more }, work))),
		confirm: (rev?: string) => pace.during(settled(editor.confirm(rev, engineer))),
		rollback: (rev?: string) => pace.during(settled(editor.rollback(rev, engineer, work))),
		after: (ms: number) => pace.during(pace.pause(ms, new AbortController().signal)),
	};
}

async function settled(edited: Promise<Edited>): Promise<Edited & Partial<Pick<Refusal, 'code' | 'faults'>>> {
	return edited.catch((thrown) => {
		assert.instance(thrown, Refusal);
		return thrown as never;
	});
}

const threshold = (value: unknown) => ({ recipes: { r: { threshold: value } } });

edits('stands when what it wants runs and the file says it', async () => {
	const { patch, threshold: now, inFile, told, editor, outcomes } = box();
	const edited = await patch(threshold(0.7), { baseRev: '1-a' });
	assert.equal(edited, {
		rev: '2-a',
		before: '1-a',
		changed: ['recipes.r.threshold'],
		findings: [],
		confirmByMs: null,
	});
	assert.is(now(), 0.7);
	assert.is(inFile().recipes.r!.threshold, 0.7);
	assert.equal(
		told.map(({ rev }) => rev),
		['2-a'],
	);
	assert.is(editor.history()[0]!.what, 'recipes.r.threshold: 0.5 → 0.7');
	assert.is(editor.history()[0]!.by, 'engineer local');
	assert.equal(outcomes, [
		{
			by: engineer,
			what: 'recipes.r.threshold: 0.5 → 0.7',
			before: '1-a',
			rev: '2-a',
			changed: [{ path: 'recipes.r.threshold', before: 0.5, after: 0.7 }],
			code: 'ok',
			text: '',
		},
	]);
});

const refused: readonly (readonly [
	why: string,
	edit: Partial<Edit>,
	code: string,
	paths: readonly string[],
])[] = [
	['was made from another revision', { baseRev: '0-a', change: { patch: threshold(1) } }, 'conflict', []],
	[
		'has faults: each with its path',
		{ change: { patch: { recipes: { r: { treshold: 1, deadlineMs: 'x' } }, log: 'loud' } } },
		'invalid',
		['recipes.r.deadlineMs', 'recipes.r.treshold', 'log'],
	],
	['takes away what is needed', { change: { patch: { stations: null } } }, 'invalid', ['stations']],
	['is no configuration at all', { change: { document: [] as never } }, 'invalid', ['']],
	['is text that is no YAML', { change: { text: 'a: [' } }, 'invalid', ['']],
	['changes what may not be changed', { change: { patch: { box: 'c' } } }, 'denied', ['box']],
];

for (const [why, more, code, paths] of refused)
	edits(`is refused when it ${why}, and nothing moves`, async () => {
		const { patch, moves, kept, outcomes } = box();
		const answered = await patch({}, more);
		assert.is(answered.code, code);
		for (const path of paths)
			assert.ok(
				answered.faults!.some((fault) => fault.path === path),
				`${path} in ${JSON.stringify(answered.faults)}`,
			);
		assert.is(moves(), 0);
		assert.is(kept.length, 1);
		assert.is(outcomes.length, 1);
		assert.is(outcomes[0]!.rev, null);
	});

edits('that changes nothing makes no revision and moves nothing', async () => {
	const { patch, moves, kept } = box();
	assert.is((await patch(threshold(0.5))).rev, '1-a');
	assert.is(moves(), 0);
	assert.is(kept.length, 1);
});

edits(
	'of a file that can only be read are refused before anything moves; what a hand wrote there is not',
	async () => {
		const { patch, lock, moves, threshold: now, outcomes } = box();
		lock();
		for (const more of [{}, { dryRun: true }, { confirmTimeoutS: 5 }]) {
			const refused = await patch(threshold(0.7), more);
			assert.is(refused.code, 'failed');
			assert.match(
				String(refused),
				/Cannot write "c.yaml": it can only be read\. Move it\. Nothing was changed$/,
			);
		}
		assert.equal([moves(), now(), outcomes.map(({ code }) => code)], [0, 0.5, ['failed', 'failed']]);
		assert.is((await patch(threshold(0.5))).rev, '1-a', 'nothing is to be written');
		assert.is((await patch(threshold(0.7), { by: { place: 'file' } })).rev, '2-a');
	},
);

edits('whose move fails says where and why, and the file is untouched', async () => {
	const { patch, faults, threshold: now, kept } = box();
	faults.move = true;
	const answered = await patch(threshold(0.7));
	assert.is(answered.code, 'failed');
	assert.equal(answered.faults, [{ path: 'stations.s', message: 'no camera' }]);
	assert.is(now(), 0.5);
	assert.is(kept.length, 1);
});

edits('whose file cannot be written is taken back', async () => {
	const { patch, faults, threshold: now, kept, editor } = box();
	faults.disk = true;
	const answered = await patch(threshold(0.7));
	assert.is(answered.code, 'failed');
	assert.is(now(), 0.5);
	assert.is(kept.length, 1);
	assert.is(editor.current().rev, '1-a');
});

edits('that is only tried moves nothing and tells what was found', async () => {
	const { patch, faults, moves } = box();
	const tried = await patch(threshold(0.7), { dryRun: true });
	assert.equal([tried.rev, tried.changed, tried.findings.length], ['1-a', ['recipes.r.threshold'], 1]);
	faults.move = true;
	assert.is((await patch(threshold(0.7), { dryRun: true })).code, 'failed');
	assert.is(moves(), 0);
});

edits('whose way back fails, too, is mended until what stands runs', async () => {
	const { patch, faults, runs, after, threshold: now } = box();
	faults.move = true;
	faults.back = true;
	assert.is((await patch(threshold(0.7))).code, 'failed');
	assert.is(runs(), 'rest');
	await after(60_000);
	assert.is(runs(), 'rest');
	faults.back = false;
	await after(60_000);
	assert.is(now(), 0.5);
});

edits('that must be confirmed runs at once, and stands in the file only then', async () => {
	const { patch, confirm, threshold: now, inFile, after, editor, told } = box();
	const edited = await patch(threshold(0.7), { confirmTimeoutS: 60 });
	assert.is(edited.rev, '2-a');
	assert.is(edited.confirmByMs, 60_000);
	assert.is(now(), 0.7);
	assert.is(inFile().recipes.r!.threshold, 0.5);
	assert.is(editor.current().confirmByMs, 60_000);
	await after(59_000);
	assert.is((await confirm('2-a')).rev, '2-a');
	await after(120_000);
	assert.is(now(), 0.7);
	assert.is(inFile().recipes.r!.threshold, 0.7);
	assert.is(told.at(-1)!.confirmByMs, null);
});

edits('that nobody confirms is undone, also when that can only be done by force', async () => {
	const { patch, threshold: now, inFile, after, faults, editor, outcomes, confirm } = box();
	await patch(threshold(0.7), { confirmTimeoutS: 60 });
	faults.move = true;
	await after(61_000);
	assert.is(now(), 0.5);
	assert.is(inFile().recipes.r!.threshold, 0.5);
	assert.equal([editor.current().rev, editor.current().confirmByMs], ['1-a', null]);
	assert.is(outcomes.at(-1)!.code, 'reverted');
	assert.is((await confirm()).code, 'conflict');
});

edits('waits for nobody: while one is to be confirmed, others are refused', async () => {
	const { patch, confirm, rollback, threshold: now } = box();
	await patch(threshold(0.7), { confirmTimeoutS: 60 });
	assert.is((await patch(threshold(0.8))).code, 'conflict');
	assert.is((await confirm('9-z')).code, 'conflict');
	assert.is((await rollback()).rev, '1-a');
	assert.is(now(), 0.5);
	assert.is((await patch(threshold(0.8))).rev, '2-a');
});

edits('can be brought back to the one before, and to any that is kept', async () => {
	const { patch, rollback, threshold: now, kept } = box();
	await patch(threshold(0.6));
	await patch(threshold(0.7));
	assert.is((await rollback()).rev, '4-a');
	assert.is(now(), 0.6);
	assert.is((await rollback('1-a')).rev, '5-a');
	assert.is(now(), 0.5);
	assert.is(kept[0]!.what, 'back to revision 1-a');
	assert.is((await rollback('7-x')).code, 'conflict');
});

edits('at a time there is one; of two from the same revision the second is refused', async () => {
	const { editor, pace, threshold: now } = box();
	const at = (value: number) =>
		settled(editor.edit({ by: engineer, change: { patch: threshold(value) }, baseRev: '1-a' }, work));
	const [first, second] = await pace.during(Promise.all([at(0.6), at(0.7)]));
	assert.is(first.rev, '2-a');
	assert.is(second.code, 'conflict');
	assert.is(now(), 0.6);
});

edits('whose asker does not wait any more is not begun', async () => {
	const { editor, moves } = box();
	const { signal } = { signal: AbortSignal.abort() };
	const answered = await settled(
		editor.edit({ by: engineer, change: { patch: threshold(1) } }, { ...work, signal }),
	);
	assert.is(answered.code, 'late');
	assert.is(moves(), 0);
});

edits('tells its history without what is secret', async () => {
	const { patch, kept } = box();
	await patch({ stations: { s: { camera: { source: 'rtsp://u:hunter2@h/' } } } });
	assert.is(kept[0]!.what, 'stations.s.camera.source: sim: → rtsp://u:***@h/');
});

edits(
	'whatever is done and whatever fails: what runs is what the file says, unless it waits to be confirmed',
	async () => {
		for (let seed = 1; seed <= 60; seed += 1) {
			const random = randomFrom(seed);
			const { patch, confirm, rollback, after, faults, threshold: now, inFile, editor, told } = box();
			for (let step = 0; step < 12; step += 1) {
				faults.move = random.below(3) === 0;
				faults.disk = random.below(4) === 0;
				const acts = [
					() => patch(threshold(random.below(9) / 10 + 0.1)),
					() => patch(threshold(random.below(9) / 10 + 0.1), { confirmTimeoutS: 5 }),
					() => patch(threshold(-1)),
					() => confirm(),
					() => rollback(),
					() => after(random.below(8000)),
				];
				await oneOf(acts, random)();
				const { confirmByMs, config, rev } = editor.current();
				assert.is(now(), config.recipes.r!.threshold, `seed ${seed}: what runs is what stands`);
				if (confirmByMs === null)
					assert.is(now(), inFile().recipes.r!.threshold, `seed ${seed}: what runs is what the file says`);
				if (told.length > 0) assert.is(told.at(-1)!.rev, rev, `seed ${seed}: what stands is told`);
			}
		}
	},
);

type Renewal = { readonly begun: string[]; readonly settled: boolean[] };

/** Moves to what stands again, and notes with which threshold it began. */
function renewal(here: ReturnType<typeof box>, signal = new AbortController().signal) {
	const said: Renewal = { begun: [], settled: [] };
	const done = here.editor
		.renew(
			() => {
				said.begun.push(String(here.editor.current().config.recipes.r!.threshold));
				return (isMoved) => void said.settled.push(isMoved);
			},
			{ signal, progress: () => {} },
		)
		.then(
			() => 'done',
			(thrown) => (thrown instanceof Refusal ? thrown.code : 'ended'),
		);
	return { ...said, done };
}

edits('and a renewal wait for each other, and neither takes anything back', async () => {
	const here = box();
	const [first, again, second] = [here.patch(threshold(0.6)), renewal(here), here.patch(threshold(0.7))];
	const [one, how, two] = await here.pace.during(Promise.all([first, again.done, second]));
	assert.equal([one.rev, how, two.rev], ['2-a', 'done', '3-a']);
	assert.equal(again.begun, ['0.6']);
	assert.equal(again.settled, [true]);
	assert.equal([here.threshold(), here.inFile().recipes.r!.threshold, here.moves()], [0.7, 0.7, 3]);
	assert.is(here.outcomes.length, 2, 'a renewal is no edit');
});

edits(
	'stays when a renewal after it fails, and what runs is mended where the way back fails too',
	async () => {
		const here = box();
		await here.patch(threshold(0.6));
		here.faults.move = true;
		const failing = renewal(here);
		assert.is(await here.pace.during(failing.done), 'failed');
		assert.equal(
			[failing.settled, here.threshold(), here.inFile().recipes.r!.threshold],
			[[false], 0.6, 0.6],
		);
		here.faults.back = true;
		const torn = renewal(here);
		assert.is(await here.pace.during(torn.done), 'failed');
		assert.is(here.runs(), 'rest');
		const refused = renewal(here);
		assert.equal([await here.pace.during(refused.done), refused.begun], ['busy', []]);
		here.faults.back = false;
		here.faults.move = false;
		await here.after(20_000);
		assert.is(here.threshold(), 0.6);
		assert.is(await here.pace.during(renewal(here).done), 'done');
	},
);

edits('that waits to be confirmed is renewed as it runs, and undone as it was', async () => {
	const here = box();
	await here.patch(threshold(0.6), { confirmTimeoutS: 60 });
	const again = renewal(here);
	assert.equal([await here.pace.during(again.done), again.begun], ['done', ['0.6']]);
	await here.after(61_000);
	assert.is(here.threshold(), 0.5);
	assert.is(here.inFile().recipes.r!.threshold, 0.5);
});

edits('does not wait for a renewal that is given up before its turn', async () => {
	const here = box();
	const over = new AbortController();
	const [first, again] = [here.patch(threshold(0.6)), renewal(here, over.signal)];
	over.abort(new Error('over'));
	assert.is(await again.done, 'ended');
	await here.pace.during(first);
	assert.equal([again.begun, again.settled, here.moves()], [[], [], 1]);
	await here.editor[Symbol.asyncDispose]();
	const late = renewal(here);
	assert.equal([await late.done, late.begun], ['interrupted', []]);
});

edits.run();
