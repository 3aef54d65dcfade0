import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { askedIn } from '../../src/commands/terminal/asked.js';
import { readBundle } from '../../src/disk/bundle.js';
import { encodePng, readPicture } from '../../src/opencv/picture.js';
import type { Lesson } from '../../src/protocol/lesson.js';
import type { Result } from '../../src/protocol/requests.js';
import { drawPart } from '../../src/sim/line.js';
import { childrenOf } from '../children-of.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { program } from '../program.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { type Line, line } from './line.js';

const lessons = suite('a lesson on the box');

const NOBODY = 'mqtt: { url: "mqtt://127.0.0.1:9" }';

/** Slow enough for a disk that others use, too. */
const EVERY = '{ everyMs: 200 }';

const CAMERA = { s: 'camera: { source: pictures, loop: true }' };

/** As little as can be learnt. */
const SMALL = ['size=64', 'preset=paper', 'iterations=1', 'batch=4', 'threads=1'];
const LONG = ['size=64', 'preset=paper', 'iterations=100000', 'batch=4', 'threads=1'];

const ask = async (here: Line, ...words: string[]) => {
	const { code, text, result, faults } = await here.answer('teach', askedIn('teach', words));
	const { lesson, pictures, folder } = (result ?? {}) as Result<'teach'>;
	return { code, text, faults, lesson: lesson as Lesson, pictures, folder };
};

const becomes = (here: Line, ...states: Lesson['state'][]) =>
	eventually(
		`it is ${states}`,
		async () => {
			const { lesson } = await ask(here);
			return lesson && states.includes(lesson.state) && lesson;
		},
		60_000,
	);

/** What is kept are the pictures of the line, without a loss. */
async function assertWhole(path: string, folder: string): Promise<void> {
	const pixels = async (file: string): Promise<Buffer> => {
		const frame = await readPicture(file);
		const { data } = frame.crop({ x: 0, y: 0, width: frame.width, height: frame.height }, frame.width);
		frame.release();
		return Buffer.from(data);
	};
	const shown = await Promise.all([0, 1, 2, 3].map((i) => pixels(join(path, `pictures/${i}.png`))));
	const names = await readdir(folder);
	for (const name of names) {
		const data = await pixels(join(folder, name));
		assert.ok(
			shown.some((picture) => picture.equals(data)),
			name,
		);
	}
	assert.is(names.length, 8);
}

const begin = (here: Line, name: string, parts: number, ...more: string[]) =>
	ask(here, 'action=begin', `name=${name}`, 'station=s', `parts=${parts}`, ...more);

lessons('is taught from the next parts, told on its topic, and is there for a recipe', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	await using broker = await startMosquitto(await freePort(), folder.path);
	await using here = await line(
		`mqtt: { url: "${broker.url}" }\ncontrol: { remote: engineer }`,
		CAMERA,
		EVERY,
	);
	await using subscriber = await listen(broker.url, 'inspectord/t/lesson');
	const box = here.box();
	await here.ready();
	const { code, out, err } = await here.ask(
		'teach',
		'action=begin',
		'name=lid',
		'station=s',
		'parts=10',
		...SMALL,
	);
	assert.is(code, 0, err);
	assert.match(err, /lid: \d+ of 10 parts kept/);
	const { lesson } = JSON.parse(out);
	assert.equal([lesson.state, lesson.collected.done, lesson.error], ['done', 10, null]);
	const { id } = await readBundle(join(here.path, 'bundles', lesson.taught.bundle));
	assert.is(id, lesson.taught.bundle);
	assert.equal((await readdir(join(here.path, 'bundles'))).sort(), [id, 'tiny'].sort());
	const told = (): Lesson[] => subscriber.heard.map(({ payload }) => JSON.parse(payload.toString()));
	await eventually('its end is told', () => told().at(-1)?.state === 'done');
	assert.equal([...new Set(told().map(({ state }) => state))], ['collecting', 'teaching', 'done']);
	const found = await program('events', '--config', here.config, '--limit', '100000', '--json');
	const events = found.out
		.trim()
		.split('\n')
		.map((text) => JSON.parse(text));
	assert.equal(
		events.flatMap(({ kind, state }) => (kind === 'lesson' ? [state] : [])),
		['collecting', 'teaching', 'done'],
	);
	// The station was judging by its own bundle all the time.
	const running = JSON.parse((await here.ask('state')).out).stations[0];
	assert.equal([running.state, running.model.name], ['running', 'tiny']);
	box.child.kill('SIGTERM');
	await box.ended;
});

lessons('is begun over a broker that then goes, and its end is told when it comes again', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const port = await freePort();
	const first = await startMosquitto(port, folder.path);
	await using here = await line(
		`mqtt: { url: "${first.url}" }\ncontrol: { remote: engineer }`,
		CAMERA,
		EVERY,
	);
	here.box();
	await here.ready();
	const from = (role: string) => ['--broker', first.url, '--box', 't', '--as', role, '--detach'];
	const asked = ['teach', 'action=begin', 'name=lid', 'station=s', 'parts=20', ...SMALL];
	const denied = await program('ask', ...asked, ...from('operator'));
	assert.match(denied.err, /denied: .* is for engineers/);
	const begun = await program('ask', ...asked, ...from('engineer'));
	assert.is(begun.code, 0, begun.err);
	assert.is(JSON.parse(begun.out).folder, null);
	await first.kill('SIGKILL');
	await becomes(here, 'done');
	await using _second = await startMosquitto(port, folder.path);
	await using subscriber = await listen(first.url, 'inspectord/t/lesson');
	const told = (): Lesson[] => subscriber.heard.map(({ payload }) => JSON.parse(payload.toString()));
	await eventually('its end is told', () => told().at(-1)?.state === 'done', 60_000);
});

lessons('is one at a time, and is cancelled at every stage without leaving anything', async () => {
	await using here = await line(NOBODY, CAMERA, EVERY);
	const box = here.box();
	await here.ready();
	assert.is((await begin(here, 'lid', 500)).code, 'ok');
	const second = await begin(here, 'cap', 8);
	assert.equal([second.code, second.text], ['busy', 'Lesson "lid" is collecting; `cancel` ends it']);
	await eventually('some are kept', async () => ((await ask(here)).lesson.collected?.done ?? 0) > 2);
	assert.is((await ask(here, 'action=cancel')).lesson.state, 'cancelled');
	assert.equal((await ask(here)).pictures, []);

	assert.is((await begin(here, 'lid', 8, 'hold=true', ...LONG)).code, 'ok');
	await becomes(here, 'collected');
	const { pictures, folder } = await ask(here);
	assert.is(pictures.length, 8);
	await assertWhole(here.path, folder!);
	const children = (await childrenOf(box.child.pid!)).length;
	assert.is((await ask(here, 'action=resume')).code, 'ok');
	await eventually('it learns', async () => (await ask(here)).lesson.progress?.phase === 'training', 60_000);
	assert.is((await childrenOf(box.child.pid!)).length, children + 1);
	assert.is((await begin(here, 'cap', 8)).code, 'busy');
	assert.is((await ask(here, 'action=cancel')).lesson.state, 'cancelled');
	assert.is((await childrenOf(box.child.pid!)).length, children);
	assert.equal(await readdir(join(here.path, 'bundles')), ['tiny']);
});

lessons(
	'is told to have been interrupted by kill -9 while it collects and while it learns, and goes on',
	async () => {
		await using here = await line(NOBODY, CAMERA, EVERY);
		const first = here.box();
		await here.ready();
		assert.is((await begin(here, 'lid', 30, ...LONG)).code, 'ok');
		await eventually('some are kept', async () => ((await ask(here)).lesson.collected?.done ?? 0) > 2);
		first.child.kill('SIGKILL');
		await first.ended;
		const second = here.box();
		await here.ready();
		const { lesson, pictures } = await ask(here);
		assert.is(lesson.state, 'interrupted');
		assert.ok(pictures.length > 2);
		assert.is((await ask(here, 'action=resume')).lesson.state, 'collecting');
		await eventually(
			'it learns',
			async () => (await ask(here)).lesson.progress?.phase === 'training',
			60_000,
		);
		const orphan = await childrenOf(second.child.pid!);
		second.child.kill('SIGKILL');
		await second.ended;
		for (const pid of orphan)
			await eventually('the orphan has ended', () => {
				try {
					return !process.kill(pid, 0);
				} catch {
					return true;
				}
			});
		here.box();
		await here.ready();
		assert.is((await ask(here)).lesson.state, 'interrupted');
		assert.is((await ask(here, 'action=resume')).lesson.state, 'teaching');
		const done = await eventually(
			'it goes on where it was, or ends',
			async () => {
				const { lesson: now } = await ask(here);
				return now.state === 'failed' || now.progress?.phase === 'training' ? now : undefined;
			},
			60_000,
		);
		assert.is(done.error, null);
		assert.ok(done.progress!.done > 0);
		assert.is((await ask(here, 'action=cancel')).lesson.state, 'cancelled');
		assert.equal(await readdir(join(here.path, 'bundles')), ['tiny']);
	},
);

lessons('reads from the folder that the owner allows, and from no other', async () => {
	await using here = await line(`${NOBODY}\ncontrol: { allow: { pictures: allowed } }`, CAMERA, EVERY);
	await mkdir(join(here.path, 'allowed/good'), { recursive: true });
	for (let i = 0; i < 10; i += 1)
		await writeFile(join(here.path, `allowed/good/${i}.png`), encodePng(drawPart(1, i, undefined, 96).image));
	await mkdir(join(here.path, 'allowed/bad'));
	await symlink(join(here.path, 'pictures/0.png'), join(here.path, 'allowed/bad/0.png'));
	here.box();
	await here.ready();
	const from = (folder: string, ...more: string[]) =>
		ask(here, JSON.stringify({ action: 'begin', name: 'lid', folder }), ...more);
	for (const folder of ['../pictures', '/etc', 'bad', 'nowhere', '..']) {
		const { code, faults } = await from(folder);
		assert.equal([folder, code, faults[0]?.path], [folder, 'invalid', 'folder']);
	}
	assert.is((await ask(here)).lesson, null);
	const asked = await here.ask('teach', 'action=begin', 'name=lid', 'folder=good', ...SMALL);
	assert.is(asked.code, 0, asked.err);
	const { lesson }: { readonly lesson: Lesson } = JSON.parse(asked.out);
	assert.equal([lesson.state, lesson.taught!.images + lesson.taught!.heldOut], ['done', 10]);
	// What a person sees of one that fails.
	await mkdir(join(here.path, 'allowed/few'));
	await writeFile(join(here.path, 'allowed/few/1.png'), encodePng(drawPart(1, 1, undefined, 96).image));
	const failed = await here.ask('teach', 'action=begin', 'name=cap', 'folder=few', ...SMALL);
	assert.is(failed.code, 1);
	assert.match(failed.err, /cap/);
	assert.equal(
		(await readdir(join(here.path, 'bundles'))).filter((name) => name.startsWith('cap')),
		[],
	);
});

lessons.run();
