import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Refusal } from '../../../src/control/answer.js';
import { type EnginesRequestWorld, enginesRequest } from '../../../src/control/requests/engines.js';
import type { EngineTold } from '../../../src/protocol/engines.js';
import { examples } from '../../../src/protocol/examples.js';
import { requestExamples } from '../../../src/protocol/request-examples.js';
import { demandOf, REQUESTS } from '../../../src/protocol/requests.js';
import { editorOf } from '../editor.js';
import { refusalOf, work } from '../working.js';

const requests = suite('the request "engines"');

const TEXT = `
box: t
stations: { s: { camera: { source: "0" }, recipe: r } }
recipes: { r: { model: bundles/lid, precision: fp16 } }
`;

const [building, failed] = examples.engines.engines as readonly [EngineTold, EngineTold];
const ready: EngineTold = {
	...building,
	state: 'ready',
	engine: 'ab'.repeat(32),
	progress: null,
	usedBy: ['s'],
};

/** A service that is so far at each look. */
function box(steps: readonly { readonly told: EngineTold; readonly isOver: boolean }[]) {
	const asked: unknown[] = [];
	const told: string[] = [];
	let at = 0;
	let service: ReturnType<EnginesRequestWorld['engines']> = {
		current: examples.engines,
		ask: async (...what) => {
			asked.push(what);
			return building.id;
		},
		of: () => steps[at],
		remove: async (id) => {
			asked.push(id);
		},
		changed: async () => {
			at += 1;
		},
	};
	const handler = enginesRequest({
		editor: () => editorOf(TEXT),
		bundleNamed: async (name) => {
			if (name !== 'lid@1c947c1d') throw new Refusal('conflict', `bundle: there is no ${name}`);
			return '/box/bundles/lid@1c947c1d';
		},
		engines: () => service,
		kept: async () => requestExamples.engines[0]!.result.kept,
	});
	const progress = (_done: number, _of: number, line: string) => void told.push(line);
	return {
		asked,
		told,
		leave: () => {
			service = undefined;
		},
		ask: (ask: Partial<Parameters<typeof handler>[0]>) =>
			handler({ action: 'list', ...ask }, { ...work, progress }),
	};
}

requests('may be asked to look by viewers, and to build or remove by engineers', () => {
	for (const [action, role, changes] of [
		[undefined, 'viewer', false],
		['list', 'viewer', false],
		['build', 'engineer', true],
		['remove', 'engineer', true],
	] as const) {
		const demand = demandOf(REQUESTS.engines, { action });
		assert.equal([demand.role, demand.changes], [role, changes], action);
	}
});

requests('tells what the stations compute with, and what lies on the disk', async () => {
	const { text, result } = await box([]).ask({});
	assert.is(text, '3 engines');
	assert.ok(REQUESTS.engines.result.safeParse(result).success);
	assert.equal([result.engines.length, result.kept.length], [2, 1]);
});

requests(
	'builds what a recipe or a bundle means, tells how far it is, and is answered when it is over',
	async () => {
		for (const [ask, model, precision] of [
			[{ recipe: 'r' }, '/box/bundles/lid', 'fp16'],
			[{ recipe: 'r', precision: 'int8' }, '/box/bundles/lid', 'int8'],
			[{ bundle: 'lid@1c947c1d' }, '/box/bundles/lid@1c947c1d', 'bundle'],
		] as const) {
			const here = box([
				{ told: { ...building, state: 'waiting', waitsFor: 'a lesson', progress: null }, isOver: false },
				{ told: building, isOver: false },
				{ told: building, isOver: false },
				{ told: { ...ready, usedBy: [] }, isOver: false },
				{ told: ready, isOver: true },
			]);
			const { text, result } = await here.ask({ action: 'build', again: true, ...ask });
			assert.equal(here.asked, [[{ model, precision }, true]]);
			assert.is(text, 'engine of lid@5e81c08b in fp16: ready, used by s');
			assert.equal(here.told, [
				'engine of lid@5e81c08b in fp16: waiting, a lesson',
				'engine of lid@5e81c08b in fp16: building 42 %, 572 s',
				'engine of lid@5e81c08b in fp16: ready',
			]);
			assert.equal(result.engines, [ready]);
		}
	},
);

const refusals: readonly (readonly [
	what: string,
	ask: Parameters<ReturnType<typeof box>['ask']>[0],
	last: EngineTold,
	code: Refusal['code'],
	text: RegExp,
])[] = [
	['the build failed', { action: 'build', recipe: 'r' }, failed, 'failed', /out of memory\n\[E\] Error/],
	[
		'a station went back',
		{ action: 'build', recipe: 'r' },
		{
			...ready,
			refusedBy: [
				{
					...{ station: 's', code: 'engine-failed', message: 'too late', at: building.since },
					...{ times: 1, againAt: building.since },
				},
			],
		},
		'failed',
		/station "s" went back: too late/,
	],
	['there is no such recipe', { action: 'build', recipe: 'x' }, ready, 'invalid', /recipe/],
	['there is no such bundle', { action: 'build', bundle: 'x' }, ready, 'conflict', /bundle/],
	['both are named', { action: 'build', bundle: 'x', recipe: 'r' }, ready, 'invalid', /either a recipe/],
	['neither is named', { action: 'build' }, ready, 'invalid', /either a recipe/],
	['nothing is named to remove', { action: 'remove' }, ready, 'invalid', /engine: is missing/],
	['a list is asked with more', { recipe: 'r' }, ready, 'invalid', /recipe: is not for "list"/],
	['one is removed again', { action: 'remove', engine: 'x', again: true }, ready, 'invalid', /again: is not/],
];

for (const [what, ask, told, code, text] of refusals) {
	requests(`is refused where ${what}`, async () => {
		const refusal = await refusalOf(box([{ told, isOver: true }]).ask(ask));
		assert.is(refusal.code, code);
		assert.match(refusal.message, text);
	});
}

requests('takes an engine away', async () => {
	const here = box([]);
	const { result } = await here.ask({ action: 'remove', engine: building.id });
	assert.equal([here.asked, result.removed], [[building.id], building.id]);
});

requests('says when the service is started anew meanwhile, or is not there', async () => {
	const here = box([{ told: building, isOver: false }]);
	const answered = refusalOf(here.ask({ action: 'build', recipe: 'r' }));
	await Promise.resolve();
	here.leave();
	assert.ok(['interrupted', 'busy'].includes((await answered).code));
	assert.is((await refusalOf(here.ask({ action: 'build', recipe: 'r' }))).code, 'busy');
});

requests.run();
