import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commands } from '../../src/commands/table.js';
import { readConfig } from '../../src/daemon/settings.js';
import { JETPACKS } from '../../src/machine/jetpack.js';
import { healthSchema } from '../../src/protocol/health.js';
import { parseSource } from '../../src/vision/source.js';

const page = suite('the page on Jetsons');

const root = new URL('../../../', import.meta.url);
const text = () => readFile(new URL('docs/jetson.md', root), 'utf8');
const blocksOf = (kind: string, of: string) =>
	[...of.matchAll(new RegExp(`^\`\`\`${kind}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, block]) => block!);

page('names commands and options that there are', async () => {
	const lines = [
		...(await text()).matchAll(
			/(?<![/\w])(?<!-u )inspectord ((?:[a-z]+|--[a-z]+)(?: +(?:--?[\w-]+|[\w./:@-]+))*)/g,
		),
	];
	let seen = 0;
	for (const [, line = ''] of lines) {
		const [name = '', ...words] = line.split(/ +/);
		if (!Object.hasOwn(commands, name)) {
			// "inspectord computes …", "inspectord keys it" are sentences: a command line has an option or stands in code.
			assert.not.match(line, /--/, `there is no command in "${line}"`);
			continue;
		}
		const { options } = await commands[name]!.load();
		for (const [, option = ''] of words.join(' ').matchAll(/--([\w-]+)/g)) {
			seen += 1;
			assert.ok(Object.hasOwn(options, option), `inspectord ${name} has no --${option}`);
		}
	}
	assert.ok(seen >= 4, `${seen}`);
});

page('has in code only commands that there are', async () => {
	for (const [, name = ''] of (await text()).matchAll(/`(?:[A-Z_]+=\S+ )*inspectord ([a-z]+)/g))
		assert.ok(Object.hasOwn(commands, name), name);
});

page('names variables of ours that the program reads, scripts and files that there are', async () => {
	const sources = await readdir(new URL('src', root), { recursive: true });
	const code = await Promise.all(
		sources
			.filter((name) => name.endsWith('.ts'))
			.map((name) => readFile(new URL(`src/${name}`, root), 'utf8')),
	);
	const said = await text();
	const variables = new Set(
		[...said.matchAll(/\b(INSPECTORD_\w+|\w+_DIRECTORY)\b/g)].map(([, name]) => name!),
	);
	assert.ok(variables.has('INSPECTORD_ORT'));
	for (const name of variables)
		assert.ok(
			code.some((one) => one.includes(name)),
			name,
		);
	const paths = [...said.matchAll(/(?:`|\()(?:\.\.\/)?((?:tools|systemd)\/[\w./-]+)/g)].map(
		([, path]) => path!,
	);
	assert.ok(paths.length >= 4);
	for (const path of paths) assert.ok(existsSync(new URL(path, root)), path);
	const { scripts } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));
	for (const [, name = ''] of said.matchAll(/`npm run ([\w:]+)/g))
		assert.ok(Object.hasOwn(scripts, name), name);
});

page('names what health tells', async () => {
	const known = Object.keys(healthSchema.shape.machine.shape);
	const spoken = [...(await text()).matchAll(/`machine\.(\w+)/g)].map(([, name]) => name!);
	assert.ok(spoken.length > 4);
	for (const name of spoken) assert.ok(known.includes(name), name);
});

page('has configurations without faults', async () => {
	const blocks = blocksOf('yaml', await text());
	assert.is(blocks.length, 2);
	for (const block of blocks) {
		const parsed = readConfig(block, '/etc/inspectord/inspectord.yaml', {});
		assert.ok('config' in parsed, JSON.stringify(parsed));
	}
});

page('has the table that the doctor judges by', async () => {
	const said = await text();
	for (const { name, cuda, cudnn, tensorrt, opencv, ubuntu, python, reach } of JETPACKS) {
		const row = said.split('\n').find((line) => line.replaceAll('**', '').startsWith(`| ${name} |`));
		const cells = (row ?? '').split('|').map((cell) => cell.trim());
		assert.equal(
			cells.slice(3, -1),
			[cuda, cudnn, tensorrt, opencv ?? "Ubuntu's 4.6.0", ubuntu, python, reach],
			name,
		);
	}
});

async function pipelines(): Promise<readonly string[]> {
	const sources = [...(await text()).matchAll(/source: "(gstreamer: (?:[^"\\]|\\.)*)"/g)];
	return sources.map(([, source = '']) => {
		const parsed = parseSource(JSON.parse(`"${source}"`));
		assert.is(parsed.kind, 'gstreamer');
		return parsed.kind === 'gstreamer' ? parsed.pipeline : '';
	});
}

/** NVIDIA's elements and cameras that are not here, by elements of GStreamer's own with the same pads. */
const withStandIns = (pipeline: string) =>
	pipeline
		.replace(/nvarguscamerasrc[^!]*/, 'videotestsrc num-buffers=2 ')
		.replace(/v4l2src[^!]*/, 'videotestsrc num-buffers=2 ! jpegenc ')
		.replaceAll('nvvidconv', 'videoconvert')
		.replaceAll('(memory:NVMM)', '')
		// Nobody takes the frames.
		.concat(' wait-on-eos=false');

page('has pipelines that GStreamer understands, with stand-ins for what is not here', async () => {
	const all = await pipelines();
	assert.is(all.length, 2);
	if (spawnSync('gst-launch-1.0', ['--version']).status !== 0) {
		console.log('skipped: no gst-launch-1.0');
		return;
	}
	for (const pipeline of all) {
		const words = withStandIns(pipeline).match(/(?:[^\s"]+|"[^"]*")+/g)!;
		const { status, stderr } = spawnSync('gst-launch-1.0', ['-q', ...words], {
			encoding: 'utf8',
			timeout: 30_000,
		});
		assert.is(status, 0, `${pipeline}\n${stderr}`);
	}
	const broken = spawnSync('gst-launch-1.0', ['-q', 'videotestsrc', '!', 'no-such-element'], {
		encoding: 'utf8',
	});
	assert.is.not(broken.status, 0);
});

page('tells what was never run', async () => {
	assert.match(await text(), /^\| never run \| /m);
});

page.run();
