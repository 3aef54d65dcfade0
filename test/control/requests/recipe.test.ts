import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Refusal } from '../../../src/control/answer.js';
import { recipeRequest } from '../../../src/control/requests/recipe.js';
import type { Event } from '../../../src/protocol/events.js';
import { examples } from '../../../src/protocol/examples.js';
import { REQUESTS } from '../../../src/protocol/requests.js';
import { editorOf } from '../editor.js';
import { refusalOf, work } from '../working.js';

const recipes = suite('the request "recipe"');

const CONFIG = `
box: t
stations:
  a: { camera: { source: x }, recipe: lid }
  b: { camera: { source: x }, recipe: lid }
recipes:
  lid: { model: lid }
  cap: { model: cap }
  asked: { model: cap, trigger: { mode: request } }
`;

const verdictOf = (id: number, station: string, recipe: string, score: number | null): Event => ({
	...{ id, kind: 'verdict', station, sequence: id, atMs: 0, recordedMs: 1, score, part: null },
	verdict: score === null ? 'error' : score > 0.5 ? 'reject' : 'accept',
	origin: { station, recipe, threshold: 0.5, model: { bundle: `${recipe}@1c947c1d` } },
	body: score === null ? { error: { code: 'frame-mismatch', message: 'the frame is another' } } : {},
});

function world(state: 'running' | 'finished' = 'running') {
	const editor = editorOf(CONFIG);
	const hearers = new Set<(event: Event) => void>();
	const clock = { ms: 0 };
	/** What comes after so many pauses. */
	const coming = new Map<number, Event>();
	let pauses = 0;
	const say = (event: Event) => {
		for (const hear of hearers) hear(event);
	};
	const handler = recipeRequest({
		editor: () => editor,
		hearVerdicts: (hear) => {
			hearers.add(hear);
			return { [Symbol.dispose]: () => void hearers.delete(hear) };
		},
		states: () => [{ ...examples.stationState, station: 'a', state }],
		series: () => 'abc',
		pace: {
			now: () => clock.ms,
			pause: async (ms) => {
				clock.ms += ms;
				pauses += 1;
				const event = coming.get(pauses);
				if (event) say(event);
			},
		},
	});
	const ask = async (station: string, recipe: string) => {
		const { text, result } = await handler({ station, recipe }, work);
		assert.equal(REQUESTS.recipe.result.safeParse(result).error, undefined);
		return { text, result };
	};
	return { editor, hearers, clock, coming, say, ask };
}

recipes('are switched, and answered with the first part that was scored by the new one', async () => {
	const { editor, coming, hearers, ask } = world();
	coming.set(1, verdictOf(1, 'a', 'lid', 0.1));
	coming.set(2, verdictOf(2, 'b', 'cap', 0.1));
	coming.set(3, verdictOf(3, 'a', 'cap', null));
	coming.set(4, verdictOf(4, 'a', 'cap', 0.6));
	coming.set(5, verdictOf(5, 'a', 'cap', 0.1));
	const { text, result } = await ask('a', 'cap');
	assert.is(text, 'station a runs recipe cap now');
	assert.equal(editor.edits[0]!.change, { patch: { stations: { a: { recipe: 'cap' } } } });
	assert.is(editor.edits[0]!.by, work.by);
	assert.equal(result, {
		...{ station: 'a', recipe: 'cap', was: 'lid', edited: { rev: '2-x', before: '1-x', changed: [] } },
		verdict: {
			...{ id: 'abc-4', sequence: 4, at: '1970-01-01T00:00:00.000Z', verdict: 'reject', score: 0.6 },
			...{ threshold: 0.5, bundle: 'cap@1c947c1d' },
		},
	});
	assert.is(hearers.size, 0);
});

recipes('count a part that was scored while the edit was still watched', async () => {
	const { editor, say, clock, ask } = world();
	editor.during(() => say(verdictOf(9, 'a', 'cap', 0.2)));
	assert.is((await ask('a', 'cap')).result.verdict?.id, 'abc-9');
	assert.is(clock.ms, 0);
});

recipes('that run already move nothing', async () => {
	const { editor, ask } = world();
	const { text, result } = await ask('a', 'lid');
	assert.equal([text, result.verdict, result.edited], ['station a runs recipe lid already', null, null]);
	assert.is(editor.edits.length, 0);
});

recipes('whose parts are asked for are answered when they run', async () => {
	const { clock, ask } = world();
	const { result } = await ask('a', 'asked');
	assert.equal([result.verdict, result.edited?.rev, clock.ms], [null, '2-x', 0]);
});

recipes('by which no part is scored are answered late, and why', async () => {
	const { coming, clock, ask, hearers } = world();
	coming.set(3, verdictOf(3, 'a', 'cap', null));
	const late = await refusalOf(ask('a', 'cap'));
	assert.equal([late.code, hearers.size], ['late', 0]);
	assert.is(
		late.message,
		'station a runs recipe cap now, but none of its parts was scored (the frame is another)',
	);
	assert.ok(clock.ms >= 60_000);
	const ended = world('finished');
	assert.is((await refusalOf(ended.ask('a', 'cap'))).code, 'late');
	assert.is(ended.clock.ms, 0);
});

recipes('that do not run are answered by the edit, which has put the one before back', async () => {
	const { editor, hearers, ask } = world();
	editor.refuse(new Refusal('failed', 'its bundle is damaged'));
	assert.is((await refusalOf(ask('a', 'cap'))).message, 'its bundle is damaged');
	assert.is(hearers.size, 0);
});

for (const [station, recipe, text] of [
	['c', 'lid', /^station: there is no station "c", did you mean "a"\?$/],
	['a', 'cup', /^recipe: there is no recipe "cup", did you mean "cap"\?$/],
	['toString', 'cap', /^station: there is no station "toString": there are a, b$/],
	['a', 'c\u0430p', /^recipe: there is no recipe "c\\u0430p", did you mean "cap"\?$/],
] as const)
	recipes(`are not switched for "${station}" and "${recipe}"`, async () => {
		const { editor, ask } = world();
		const refusal = await refusalOf(ask(station, recipe));
		assert.is(refusal.code, 'invalid');
		assert.match(refusal.message, text);
		assert.is(editor.edits.length, 0);
	});

recipes.run();
