import { spawn, spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePng } from '../../src/opencv/picture.js';
import { answerSchema } from '../../src/protocol/answer.js';
import type { RequestName } from '../../src/protocol/requests.js';
import { drawPart } from '../../src/sim/line.js';
import { askLocally } from '../../src/socket/ask.js';
import { eventually } from '../free-port.js';
import { MAIN } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const roots = suite('a root that can only be read');

const forever = new AbortController().signal;

/** Has the command see a file system in which these folders alone, and memory, can be written to. */
const READ_ONLY = `for folder in "$1" "$2"; do mount --bind "$folder" "$folder" || exit 1; done
mount -o remount,bind,ro / || exit 1
shift 2
exec "$@"`;

roots('is enough for a box whose state and cache lie elsewhere, and an edit says what to do', async () => {
	if (spawnSync('unshare', ['--mount', 'true']).status !== 0)
		return console.log('skipped: a view of the file system of its own needs root');
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	for (const name of ['etc/pictures', 'state', 'cache']) await mkdir(at(name), { recursive: true });
	await tinyBundle(at('etc/bundle'));
	await writeFile(at('etc/pictures/0.png'), encodePng(drawPart(1, 0, undefined, 96).image));
	await writeFile(
		at('etc/line.yaml'),
		`box: t
mqtt: { url: "mqtt://127.0.0.1:1" }
stations: { s: { camera: { source: pictures, loop: true }, recipe: r } }
recipes: { r: { model: bundle, threads: 1, threshold: 1000, trigger: { everyMs: 200 } } }
`,
	);
	const program = [process.execPath, MAIN, 'run', '--config', at('etc/line.yaml')];
	const child = spawn(
		'unshare',
		['--mount', 'sh', '-c', READ_ONLY, 'sh', at('state'), at('cache'), ...program],
		{
			stdio: ['ignore', 'pipe', 'pipe'],
			env: { ...process.env, STATE_DIRECTORY: at('state'), CACHE_DIRECTORY: at('cache') },
		},
	);
	let said = '';
	let heard = '';
	child.stdout.on('data', (chunk) => {
		heard += chunk;
	});
	child.stderr.on('data', (chunk) => {
		said += chunk;
	});
	const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
	try {
		let ids = 0;
		const ask = async (name: RequestName, what: object = {}) => {
			let last = '';
			ids += 1;
			const json = JSON.stringify({ id: `test-${ids}`, ...what });
			await askLocally(at('state/journal/ask.sock'), name, json, (text) => (last = text), forever);
			return answerSchema.parse(JSON.parse(last));
		};
		const parts = () => {
			if (child.exitCode !== null) throw new Error(said);
			return heard.match(/ accept /g)?.length ?? 0;
		};
		await eventually('it judges parts', () => parts() > 0, 60_000);
		const edited = await ask('config', { patch: { recipes: { r: { threshold: 900 } } } });
		assert.is(edited.code, 'failed');
		assert.match(edited.text, /line\.yaml": the disk can only be read\. Keep it in a folder .*install\.md.*/);
		const before = parts();
		await eventually('it goes on', () => parts() > before);
	} finally {
		child.kill('SIGTERM');
		await ended;
	}
	assert.equal(
		[await ended, said.replace(/^.*(mqtt|engines):.*\n/gm, '').match(/^.*(error|warning):.*$/gm)],
		[0, null],
		said,
	);
});

roots.run();
