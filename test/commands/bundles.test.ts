import { cp, readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sha256Of } from '../../src/base/hash.js';
import { askedIn } from '../../src/commands/terminal/asked.js';
import { REQUESTS, type RequestName, type Result } from '../../src/protocol/requests.js';
import { eventually } from '../free-port.js';
import { type Line, line } from './line.js';

const bundles = suite('bundles, recipes and thresholds of a box that runs');

/** A bundle like the one in `from`, that was taught on another day; under the name of what it holds. */
async function another(from: string, name: string, day: number): Promise<string> {
	const dir = join(from, `../${name}-${day}`);
	await cp(from, dir, { recursive: true });
	const path = join(dir, 'manifest.json');
	const manifest = JSON.parse(await readFile(path, 'utf8'));
	const text = JSON.stringify({ ...manifest, name, createdAt: `2026-11-0${day}T00:00:00Z` });
	await writeFile(path, text);
	const id = `${name}@${sha256Of(text).slice(0, 8)}`;
	await rename(dir, join(from, `../${id}`));
	return id;
}

type Shelf = Line & { readonly ids: readonly [string, string, string] };

/** A box with three bundles, two of `lid` and one of `cap`; recipe `lid` accepts everything, `cap` nothing. */
async function shelf(): Promise<Shelf> {
	const here = await line('', { s: 'camera: { source: pictures, loop: true }' });
	const from = join(here.path, 'bundles/tiny');
	const ids = [
		await another(from, 'lid', 1),
		await another(from, 'lid', 2),
		await another(from, 'cap', 3),
	] as const;
	await writeFile(
		here.config,
		`box: t
mqtt: { url: "mqtt://127.0.0.1:9" }
stations:
  s: { camera: { source: pictures, loop: true }, recipe: lid }
recipes:
  # The lid of the jar.
  lid: { model: bundles/${ids[0]}, threads: 1, threshold: 1000, trigger: { everyMs: 50 } }
  cap: { model: bundles/${ids[2]}, threads: 1, threshold: 0.000001, trigger: { everyMs: 50 } }
`,
	);
	return Object.assign(here, { ids });
}

/** What is answered; its result is held to the schema. */
async function asked<N extends RequestName>(here: Line, name: N, ...words: string[]) {
	const { code, text, result } = await here.answer(name, askedIn(name, words));
	const read = REQUESTS[name].result.safeParse(result);
	assert.is(code === 'ok', read.success, text);
	return { code, text, result: read.data as Result<N> };
}

const modelOf = async (here: Line) => (await asked(here, 'state')).result.stations[0]!.model?.bundle;

const verdictsOf = async (here: Line) => {
	const { result } = await asked(here, 'events', 'station=s', 'limit=100');
	return result.events.flatMap(({ kind, sequence, verdict, origin }) =>
		kind === 'verdict' ? [{ sequence: sequence!, verdict, recipe: origin.recipe }] : [],
	);
};

bundles('are listed, activated and rolled back; a damaged one leaves the old one in place', async () => {
	await using here = await shelf();
	const [first, second, cap] = here.ids;
	here.box();
	await here.ready();
	const { result: listed } = await asked(here, 'bundles');
	assert.equal(
		listed.bundles.map(({ bundle, complete, recipes }) => [bundle.split('@')[0], complete, recipes]),
		[
			['tiny', true, []],
			['cap', true, ['cap']],
			['lid', true, []],
			['lid', true, ['lid']],
		],
	);
	const activate = (bundle: string) => ['action=activate', 'recipe=lid', `bundle=${bundle}`];
	const activated = await asked(here, 'bundles', ...activate(second));
	assert.equal([activated.code, activated.result.edited?.was], ['ok', first]);
	const text = await readFile(here.config, 'utf8');
	assert.match(text, new RegExp(`# The lid of the jar.\\n\\s+lid: .*model: bundles/${second}`));
	assert.is(await modelOf(here), second);
	await truncate(join(here.path, 'bundles', cap, 'model.onnx'), 1000);
	const damaged = await asked(here, 'bundles', ...activate(cap));
	assert.is(damaged.code, 'failed');
	assert.match(damaged.text, /model.onnx" is damaged or cut off/);
	assert.is(await readFile(here.config, 'utf8'), text);
	assert.is(await modelOf(here), second);
	const none = await here.ask('bundles', ...activate(`${second.slice(0, -1)}x`));
	assert.is(none.code, 1);
	assert.match(none.err, /conflict: bundle: there is no bundle ".*", did you mean "lid@/);
	const back = await asked(here, 'bundles', 'action=rollback', 'recipe=lid');
	assert.equal([back.code, back.result.bundles[0]?.bundle, await modelOf(here)], ['ok', first, first]);
	const verdicts = await verdictsOf(here);
	assert.ok(verdicts.length > 0);
	for (const { verdict } of verdicts) assert.is(verdict, 'accept');
});

bundles('of another recipe: none is accepted by the one before after the answer', async () => {
	await using here = await shelf();
	here.box();
	await here.ready();
	const switched = await asked(here, 'recipe', 'station=s', 'recipe=cap');
	assert.is(switched.code, 'ok', switched.text);
	const first = switched.result.verdict!;
	assert.equal([first.verdict, first.threshold, first.bundle], ['reject', 0.000001, here.ids[2]]);
	const verdicts = await verdictsOf(here);
	for (const { sequence, recipe, verdict } of verdicts) {
		const meant = sequence < first.sequence ? ['lid', 'accept'] : ['cap', 'reject'];
		assert.equal([recipe, verdict], meant, `${sequence}`);
	}
	assert.ok(verdicts.some(({ sequence }) => sequence >= first.sequence));
	const wrong = await here.ask('recipe', 'station=s', 'recipe=cup');
	assert.is(wrong.code, 2);
	assert.match(wrong.err, /there is no recipe "cup", did you mean "cap"\?/);
});

bundles('show what other thresholds would have decided, and one is applied without a pause', async () => {
	await using here = await shelf();
	here.box();
	await here.ready();
	await eventually('parts are inspected', async () => (await verdictsOf(here)).length > 5);
	const told = await asked(here, 'threshold', 'station=s', 'values=[0.000001, 1000]');
	const { parts, values, bundle, scores } = told.result;
	assert.is(bundle, here.ids[0]);
	assert.equal([values[0]!.newRejects, values[0]!.accepts, values[1]!.accepts], [parts, 0, parts]);
	assert.ok(parts > 5 && scores!.least > 0 && scores!.greatest < 1000);
	const process = async () => {
		const [{ pid, restarts } = { pid: null, restarts: 0 }] = (await asked(here, 'diagnostics')).result
			.stations;
		return { pid, restarts };
	};
	const before = await process();
	const applied = await asked(here, 'threshold', 'recipe=lid', 'apply=0.000002');
	assert.is(applied.code, 'ok', applied.text);
	assert.match(await readFile(here.config, 'utf8'), /threshold: 0.000002/);
	assert.is((await asked(here, 'state')).result.stations[0]!.threshold, 0.000002);
	assert.equal(await process(), before);
});

bundles.run();
