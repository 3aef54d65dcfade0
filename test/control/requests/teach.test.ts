import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Refusal } from '../../../src/control/answer.js';
import { teachRequest } from '../../../src/control/requests/teach.js';
import { examples } from '../../../src/protocol/examples.js';
import type { Lesson, Plan } from '../../../src/protocol/lesson.js';
import { demandOf, REQUESTS } from '../../../src/protocol/requests.js';

const teach = suite('the request teach');

const by = { role: 'engineer', place: 'test' } as const;

/** Asks with a lesson that notes what it is told. */
function asked(ask: object, states: readonly Partial<Lesson>[] = [{}]) {
	const told: unknown[] = [];
	const progress: string[] = [];
	const left = [...states];
	let current: Lesson = { ...examples.lesson, ...left.shift() };
	const hear = (what: unknown): Lesson => {
		told.push(what);
		return current;
	};
	const handler = teachRequest({
		stations: () => ['s', 'lid'],
		lesson: () => ({
			get current() {
				return current;
			},
			kept: async () => [{ part: 1, score: 0.5 }],
			begin: async (plan: Plan) => hear(plan),
			resume: async () => hear('resume'),
			cancel: async (keep) => hear(`cancel ${keep}`),
			strike: async (parts) => hear(`strike ${parts}`),
			changed: async () => {
				current = { ...current, ...left.shift() };
			},
		}),
		picturesFor: (place) => (place === 'local' ? '/kept' : null),
	});
	const { signal } = new AbortController();
	const answered = handler(REQUESTS.teach.ask.parse(ask), {
		by,
		signal,
		progress: (done, of, text) => progress.push(`${done}/${of} ${text}`),
	});
	return answered.then(
		({ text, result }) => ({ text, result, told, progress, faults: [] as readonly string[], code: 'ok' }),
		(thrown) => {
			assert.instance(thrown, Refusal);
			const { code, faults } = thrown as Refusal;
			return {
				text: thrown.message,
				result: null,
				told,
				progress,
				code,
				faults: faults.map(({ path }) => path),
			};
		},
	);
}

const PLAN = { action: 'begin', name: 'lid', station: 's', parts: 8 };

const asks: readonly (readonly [ask: object, told: readonly unknown[]])[] = [
	[{}, []],
	[{ action: 'show' }, []],
	[{ action: 'resume' }, ['resume']],
	[{ action: 'cancel' }, ['cancel false']],
	[{ action: 'cancel', keep: true }, ['cancel true']],
	[{ action: 'strike', strike: [1, 2] }, ['strike 1,2']],
	[PLAN, [{ name: 'lid', station: 's', parts: 8 }]],
	[{ ...PLAN, hold: true, size: 64 }, [{ name: 'lid', station: 's', parts: 8, hold: true, size: 64 }]],
	[{ action: 'begin', name: 'lid', folder: 'good' }, [{ name: 'lid', folder: 'good' }]],
];

for (const [ask, expected] of asks)
	teach(`does what it is asked: ${JSON.stringify(ask)}`, async () => {
		const { code, told, result } = await asked(ask);
		assert.is(code, 'ok');
		assert.equal(told, expected);
		assert.ok(REQUESTS.teach.result.safeParse(result).success);
	});

const refusals: readonly (readonly [ask: object, faults: readonly string[]])[] = [
	[{ action: 'begin' }, ['name', 'folder']],
	[{ action: 'begin', name: 'lid' }, ['folder']],
	[{ action: 'begin', name: 'lid', station: 's' }, ['parts']],
	[{ ...PLAN, folder: 'good', hold: true }, ['station', 'parts', 'hold']],
	[{ ...PLAN, keep: true, strike: [1] }, ['strike', 'keep']],
	[{ ...PLAN, station: 't' }, ['station']],
	[{ action: 'resume', size: 64 }, ['size']],
	[{ action: 'show', name: 'lid' }, ['name']],
	[{ action: 'cancel', strike: [1] }, ['strike']],
	[{ action: 'strike' }, ['strike']],
];

for (const [ask, faults] of refusals)
	teach(`tells every fault of ${JSON.stringify(ask)}`, async () => {
		const answered = await asked(ask);
		assert.equal([answered.code, answered.faults, answered.told], ['invalid', faults, []]);
	});

teach('follows a lesson to its end, and tells each step once', async () => {
	const training = { phase: 'training', done: 42, of: 118, loss: 0.3127, secondsLeft: 96.4 } as const;
	const { text, progress } = await asked({ action: 'follow' }, [
		{ state: 'collecting', collected: { done: 1, of: 8, skipped: 0 }, progress: null },
		{},
		{ collected: { done: 8, of: 8, skipped: 2 } },
		{ state: 'teaching', progress: training },
		{ state: 'failed', progress: null, error: { code: 'x', message: 'no more' } },
	]);
	assert.equal(progress, [
		'1/8 lid: 1 of 8 parts kept',
		'8/8 lid: 8 of 8 parts kept, 2 errors passed over',
		'42/118 lid: training 42/118, loss 0.3127, 96 s left',
		'8/8 lid: failed: no more',
	]);
	assert.is(text, 'lid: failed: no more');
});

teach('lets viewers look, and engineers alone change anything', () => {
	for (const action of ['begin', 'resume', 'cancel', 'strike', 'show', 'follow']) {
		const { role, changes } = demandOf(REQUESTS.teach, { action });
		const looks = action === 'show' || action === 'follow';
		assert.equal([role, changes], [looks ? 'viewer' : 'engineer', !looks], action);
	}
});

teach.run();
