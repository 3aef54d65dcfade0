import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sha256Of } from '../../src/base/hash.js';
import { toldBy } from '../answer-of.js';
import { eventually } from '../free-port.js';
import { type Line, line } from './line.js';

const diagnostics = suite('a file for who helps from elsewhere');

/** With all that a password may hold: as it is, as in an address, as in JSON. */
const PASSWORD = 'geheim7"\\#ä';
const ENCODED = encodeURIComponent(PASSWORD);

const write = async (here: Line) => {
	const asked = await here.ask('diagnostics', 'logs=true', '--json');
	assert.is(asked.code, 0, asked.err);
	return JSON.parse(asked.out).result.logs as { file: string; bytes: number; sha256: string };
};

diagnostics(
	'holds the log, the configuration, events and states, and no secret in any spelling',
	async () => {
		await using here = await line(`mqtt: { url: "mqtt://box:${ENCODED}@127.0.0.1:9" }`, {
			s: 'camera: { source: pictures, loop: true }',
			rtsp: `camera: { source: "rtsp://operator:${ENCODED}@127.0.0.1:1/x", timeoutMs: 500 }`,
			query: 'camera: { source: "http://127.0.0.1:1/snap.jpg?user=me&password=geheim7", timeoutMs: 500 }',
			pipe: 'camera: { source: "gstreamer: nosuchelement user-pw=geheim7 ! appsink", timeoutMs: 500 }',
		});
		const box = here.box();
		const inTrouble = async () => {
			const states = (await toldBy(join(here.path, 't-state')))?.stations.map(({ state }) => state) ?? [];
			return states.includes('running') && states.filter((state) => state === 'error').length === 3;
		};
		await eventually('three are in trouble', inTrouble, 60_000);
		const { file, bytes, sha256 } = await write(here);
		assert.is(dirname(file), join(here.path, 't-state/diagnostics'));
		const content = await readFile(file);
		assert.equal([content.length, sha256Of(content)], [bytes, sha256]);
		const folder = join(here.path, 'opened');
		await mkdir(folder);
		execFileSync('tar', ['-xzf', file, '-C', folder]);
		const read = async (name: string) => readFile(join(folder, name), 'utf8');
		const names = (await readdir(folder)).sort();
		assert.equal(names, [
			'configuration.json',
			'diagnostics.json',
			'events.jsonl',
			'health.json',
			'journal.json',
			'log.txt',
			'states.json',
		]);
		for (const name of names) assert.not.match(await read(name), /geheim/, name);
		const configuration = JSON.parse(await read('configuration.json'));
		assert.match(configuration.stations.rtsp.camera.source, /^rtsp:\/\/operator:\*\*\*@127/);
		assert.is(configuration.box, 't');
		assert.match(await read('log.txt'), /^2\d{3}-.*Z (error|warning) /m);
		const events = (await read('events.jsonl'))
			.trim()
			.split('\n')
			.map((text) => JSON.parse(text));
		assert.ok(events.some(({ kind }) => kind === 'state'));
		const states = JSON.parse(await read('states.json'));
		assert.equal(states.stations.length, 4);
		assert.is(JSON.parse(await read('diagnostics.json')).stations.length, 4);
		assert.is(JSON.parse(await read('journal.json')).failure, null);
		// Those that are older go.
		for (let i = 0; i < 5; i += 1) assert.is((await here.answer('diagnostics', { logs: true })).code, 'ok');
		const kept = await readdir(dirname(file));
		assert.is(kept.length, 5);
		assert.not(kept.includes(basename(file)));
		assert.is((await here.ask('diagnostics')).code, 0);
		box.child.kill('SIGTERM');
		assert.not.match((await box.ended).err, /geheim/);
	},
);

diagnostics('says what is in its way, and the box goes on', async () => {
	await using here = await line('mqtt: { url: "mqtt://127.0.0.1:9" }', {
		s: 'camera: { source: pictures, loop: true }',
	});
	await mkdir(join(here.path, 't-state'));
	await writeFile(join(here.path, 't-state/diagnostics'), 'a file');
	here.box();
	await here.ready();
	const asked = await here.ask('diagnostics', 'logs=true', '--json');
	const { code, text } = JSON.parse(asked.out);
	assert.is(code, 'failed');
	assert.match(text, /Cannot write ".*diagnostics/);
	assert.is((await stat(join(here.path, 't-state/diagnostics'))).size, 6);
	assert.is((await here.ask('state')).code, 0);
});

diagnostics.run();
