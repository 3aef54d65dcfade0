import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { aborted } from '../../src/base/retry.js';
import type { Editor } from '../../src/control/edit.js';
import { watchFile } from '../../src/daemon/by-hand.js';
import { journalOf, noteProven, openConfigFile } from '../../src/daemon/config-file.js';
import { realEdges } from '../../src/daemon/edges.js';
import { realFiles } from '../../src/disk/files.js';
import { watchFolder } from '../../src/disk/watch.js';
import { lockOf } from '../../src/sqlite/lock.js';
import { failureOf } from '../failure-of.js';
import { eventually } from '../free-port.js';
import { temporaryFolder } from '../tiny-bundle.js';

const opening = suite('the configuration file at the start');

const line = (threshold: number) => `box: cell-4 # mine
stations: { lid: { camera: { source: "sim:" }, recipe: lid } }
recipes: { lid: { model: lid, threshold: ${threshold} } }
`;

async function place() {
	const folder = await temporaryFolder();
	const file = join(folder.path, 'line.yaml');
	return {
		file,
		folder: folder.path,
		journal: join(folder.path, 'cell-4-state'),
		write: (text: string | Uint8Array) => writeFile(file, text),
		held: () => readFile(file, 'utf8'),
		open: (isAttended = false) => openConfigFile(file, {}, isAttended),
		[Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
	};
}

type Opened = Awaited<ReturnType<typeof openConfigFile>>;

const thresholdOf = ({ config }: Opened) => config.recipes.lid?.threshold;

/** Starts with a text, and lives long enough. */
async function proven(at: Awaited<ReturnType<typeof place>>, text: string) {
	await at.write(text);
	const file = await at.open();
	await noteProven(file, file.rev);
	return file;
}

opening('says what is to run, and begins a history', async () => {
	await using at = await place();
	await at.write(line(1));
	const file = await at.open();
	assert.is(file.text, line(1));
	assert.is(file.rev, file.revisions.current.rev);
	assert.is(file.folder, at.journal);
	assert.equal(file.outcomes, []);
	assert.is(thresholdOf(file), 1);
	assert.ok(file.config.recipes.lid?.model.startsWith(at.folder));
});

opening('refuses a file with faults where nothing is proven, and leaves nothing', async () => {
	await using at = await place();
	await at.write('box: [');
	assert.is((await failureOf(at.open())).code, 'config-invalid');
	assert.equal(await readdir(at.folder), ['line.yaml']);
	await at.write(line(1));
	await at.open();
	await at.write('box: [');
	assert.is((await failureOf(at.open())).code, 'config-invalid');
	await rm(at.file);
	assert.is((await failureOf(at.open())).code, 'file-unreadable');
});

const faults: readonly (readonly [what: string, text: string | Uint8Array, said: RegExp])[] = [
	['an unknown key', `${line(2)}colour: red\n`, /line\.yaml:4:1 colour: unknown key/],
	['a recipe that is not there', line(2).replace('recipe: lid', 'recipe: lit'), /did you mean "lid"/],
	['broken YAML', `box: cell-4\n\t- [`, /line\.yaml:2:1 /],
	['no text', new Uint8Array([0xff, 0xfe, 1, 0]), /it is UTF-16, or no text/],
	['nothing', '', /box: is missing/],
];

for (const [what, text, said] of faults) {
	opening(`runs what stood when a file that was proven holds ${what}, and keeps it beside`, async () => {
		await using at = await place();
		const before = await proven(at, line(1));
		await at.write(text);
		assert.match((await failureOf(at.open(true))).message, said);
		for (let i = 0; i < 2; i += 1) {
			const file = await at.open();
			assert.is(thresholdOf(file), 1);
			assert.is(file.rev, before.rev);
			assert.is(file.outcomes.length, 1);
			assert.match(file.outcomes[0]!.text, said);
			assert.match(file.outcomes[0]!.text, new RegExp(`revision ${before.rev} runs`));
		}
		assert.equal(await readFile(at.file), Buffer.from(text as string));
		assert.equal(await readFile(`${at.file}.refused`), Buffer.from(text as string));
		assert.match(await readFile(`${at.file}.refused.txt`, 'utf8'), said);
		assert.is(await journalOf(at.file, {}), at.journal);
		await at.write(line(3));
		const mended = await at.open();
		assert.is(thresholdOf(mended), 3);
		assert.equal(mended.outcomes, []);
	});
}

opening('writes a file anew that is gone', async () => {
	await using at = await place();
	await proven(at, line(1));
	await rm(at.file);
	const file = await at.open();
	assert.is(thresholdOf(file), 1);
	assert.match(file.outcomes[0]!.text, /there is no such file; it was written anew/);
	assert.is(await at.held(), line(1));
});

opening('takes what a hand wrote, unless it was refused while it ran', async () => {
	await using at = await place();
	const file = await proven(at, line(1));
	await at.write(line(2));
	await file.revisions.refuse(line(2), 'the broker does not answer\n');
	const again = await at.open();
	assert.is(thresholdOf(again), 1);
	assert.match(again.outcomes[0]!.text, /holds what was refused before/);
	await at.write(line(3));
	assert.is(thresholdOf(await at.open()), 3);
});

opening('goes back to what is proven at the third start that follows soon', async () => {
	await using at = await place();
	const good = await proven(at, line(1));
	await at.write(line(2));
	assert.is(thresholdOf(await at.open()), 2);
	assert.is(thresholdOf(await at.open()), 2);
	const file = await at.open();
	assert.is(thresholdOf(file), 1);
	assert.match(
		file.outcomes[0]!.text,
		/revision 2-\w+ was started 3 times within five minutes and did not last/,
	);
	assert.match(
		file.outcomes[0]!.text,
		new RegExp(`revision ${good.rev}, which is proven, runs as revision 3-`),
	);
	assert.is(await at.held(), line(1));
	assert.is(await readFile(`${at.file}.refused`, 'utf8'), line(2));
	assert.is(file.revisions.current.by, 'box');
	assert.equal((await at.open()).outcomes, []);
});

opening('counts no start that ended in order, and none with a revision that is proven', async () => {
	await using at = await place();
	const file = await proven(at, line(1));
	for (let i = 0; i < 5; i += 1) assert.is((await at.open()).rev, file.rev);
	await at.write(line(2));
	await at.open();
	const second = await at.open();
	await noteProven(second, second.rev);
	await at.write(line(3));
	await at.open();
	assert.is(thresholdOf(await at.open()), 3);
});

opening('runs on with a new revision where none is proven, however often it starts', async () => {
	await using at = await place();
	await at.write(line(1));
	for (let i = 0; i < 5; i += 1) assert.is(thresholdOf(await at.open()), 1);
});

opening('counts nothing while another daemon runs', async () => {
	await using at = await place();
	await proven(at, line(1));
	await at.write(line(2));
	await at.open();
	const lock = lockOf(at.journal);
	for (let i = 0; i < 3; i += 1) assert.is((await failureOf(at.open())).code, 'journal-busy');
	lock.close();
	assert.is(thresholdOf(await at.open()), 2);
});

opening('is read again while it runs when it changes, and not when something beside it does', async () => {
	await using at = await place();
	await at.write(line(1));
	const file = await at.open();
	let change: Parameters<typeof watchFolder>[1] = () => {};
	const count = { reads: 0, waits: 0 };
	const edges = {
		...realEdges,
		files: {
			...realFiles,
			read: (path: string) => {
				count.reads += 1;
				return realFiles.read(path);
			},
		},
		pace: {
			...realEdges.pace,
			/** The long wait, for a change, has no end. */
			pause: async (ms: number, signal: AbortSignal) => {
				if (ms < 1000) return;
				count.waits += 1;
				await aborted(signal);
			},
		},
		watchFolder: (_: string, onChange: typeof change) => {
			change = onChange;
		},
	};
	const waits = (times: number) => eventually('it waits', () => count.waits === times);
	await using _watched = watchFile(file, {} as Editor, {}, edges, () => {});
	await waits(1);
	const { reads } = count;
	for (const name of ['line.yaml.new', 'other.yaml', '.line.yaml.swp']) change(name);
	await turn();
	assert.equal(count, { reads, waits: 1 });
	change('line.yaml');
	await waits(2);
	assert.ok(count.reads > reads);
	change(null);
	await waits(3);
});

opening('is what is told to have changed when an editor moves another file to its name', async () => {
	await using at = await place();
	await at.write(line(1));
	const ending = new AbortController();
	const heard: (string | null)[] = [];
	watchFolder(at.folder, (name) => void heard.push(name), ending.signal);
	await writeFile(`${at.file}.new`, line(2));
	await rename(`${at.file}.new`, at.file);
	await eventually('it is told', () => heard.includes('line.yaml'));
	ending.abort();
});

opening.run();
