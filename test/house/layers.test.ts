import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const layers = suite('the house');

const src = fileURLToPath(new URL('../../../src', import.meta.url));

/** Rooms that a room may import from; its own is always allowed. */
const pure = ['config', 'vision', 'sim', 'protocol', 'graph', 'model', 'measure', 'pages'];
const flows = ['inspect', 'learn', 'evaluate', 'control'];
const processes = ['daemon', 'station', 'jobs'];
const edges = [
	'opencv',
	'ort',
	'mqtt',
	'sqlite',
	'disk',
	'process',
	'schedule',
	'download',
	'machine',
	'socket',
	'gpio',
	'systemd',
	'trtexec',
	'prometheus',
];
const belowFlow = [...pure, 'base'];
const allowed: Readonly<Record<string, readonly string[]>> = {
	'.': ['commands', 'base'],
	commands: [...processes, ...flows, ...edges, ...pure, 'base'],
	...Object.fromEntries(processes.map((room) => [room, [...flows, ...edges, ...belowFlow]])),
	...Object.fromEntries([...flows, ...edges].map((room) => [room, belowFlow])),
	...Object.fromEntries(pure.map((room) => [room, belowFlow])),
	base: [],
};

/** Who may import a package. */
const owners: Readonly<Record<string, readonly string[]>> = {
	opencv4nodejs: ['opencv'],
	'onnxruntime-node': ['ort'],
	mqtt: ['mqtt'],
	aedes: ['mqtt'],
	'node-cron': ['schedule'],
	'onnx-buf': ['graph'],
	'@bufbuild/protobuf': ['graph'],
	zod: ['config', 'model', 'protocol'],
	yaml: ['config'],
	'@photostructure/sqlite': ['sqlite'],
	koffi: ['systemd'],
};

/** `process.env` stands in main.ts; the loaders of OpenCV and ONNX Runtime set what those read when they are loaded. */
const environment = ['main.ts', join('opencv', 'library.ts'), join('ort', 'library.ts')];

const shapeless = /^(utils?|helpers?|manager|types|index|common|misc)\.ts$/;

/** What a pure room must be handed: clocks, chance, files, sockets, processes. */
const worldly =
	/\b(Date\.now|new Date\(\)|performance\.now|Math\.random|setTimeout|setInterval|process\.\w+)|'node:(fs|net|tls|http|https|http2|dgram|dns|os|child_process|worker_threads|timers|timers\/promises)(\/promises)?'/;

/** What a process may never load, by room or file: `import()` is another moment, types are none. */
const unloaded: Readonly<
	Record<
		string,
		{
			readonly entries: readonly string[];
			readonly never: readonly string[];
			/** Of what it may not load. */
			readonly but?: readonly string[];
		}
	>
> = {
	daemon: {
		entries: ['main.ts', 'commands/run.ts', 'commands/check.ts', 'daemon/daemon.ts'],
		// What a bundle or an engine says of itself is data.
		but: ['model/bundle.ts', 'model/engine.ts', 'model/manifest.ts'],
		never: ['graph', 'model', 'inspect', 'learn', 'opencv', 'ort', 'sim', 'mqtt/embedded-broker.ts'],
	},
	station: {
		entries: ['station/process.ts', 'station/probe.ts'],
		never: ['learn', 'evaluate', 'pages', 'mqtt', 'schedule', 'download', 'daemon', 'jobs', 'commands'],
	},
	job: {
		entries: ['jobs/process.ts'],
		never: ['inspect', 'mqtt', 'schedule', 'pages', 'daemon', 'station', 'commands'],
	},
};

type Import = { readonly from: string; readonly to: string; readonly loads: boolean };

/** What a file imports of ours; `loads` is false for types alone. */
function importsOf(path: string, text: string): Import[] {
	const found = text.matchAll(/^(?:import|export) (type )?([^;]*?)from '(\.[^'\n]+)\.js'/gm);
	return [...found].map(([, type, names = '', target = '']) => {
		const listed = /^\{([^}]*)\}/.exec(names.trim())?.[1]?.split(',') ?? [];
		const onlyTypes = listed.length > 0 && listed.every((name) => /^\s*(type |$)/.test(name));
		const to = `${normalize(join(dirname(path), target))}.ts`;
		return { from: path, to, loads: type === undefined && !onlyTypes };
	});
}

const roomOf = (path: string) => (path.includes('/') ? path.split('/')[0]! : '.');

/** Everything that can be reached from `starts`, themselves not counted unless a way leads back. */
function reached(starts: readonly string[], next: (from: string) => readonly string[]): Set<string> {
	const seen = new Set<string>();
	const open = starts.flatMap(next);
	for (let at = open.pop(); at !== undefined; at = open.pop()) {
		if (seen.has(at)) continue;
		seen.add(at);
		open.push(...next(at));
	}
	return seen;
}

/** The names that lie on a circle. */
function circles(pairs: readonly (readonly [from: string, to: string])[]): string[] {
	const names = [...new Set(pairs.map(([from]) => from))];
	const next = (from: string) => pairs.filter(([a]) => a === from).map(([, to]) => to);
	return names.filter((name) => reached([name], next).has(name)).sort();
}

/** What is wrong with a file: `path` is below src. */
function faultsOf(path: string, text: string): string[] {
	const room = dirname(path) === '.' ? '.' : path.split('/')[0]!;
	const faults: string[] = [];
	for (const [, target = ''] of text.matchAll(/(?:from |import\(|require\()'([^'\n]+)'/g)) {
		if (target.startsWith('node:')) continue;
		if (!target.startsWith('.')) {
			if (!owners[target]?.includes(room)) faults.push(`${path} imports package "${target}"`);
			continue;
		}
		const reached = normalize(join(dirname(path), target));
		const other = dirname(reached) === '.' ? '.' : reached.split('/')[0]!;
		if (other !== room && !allowed[room]?.includes(other)) faults.push(`${path} imports ${reached}`);
	}
	if (text.includes('process.env') && !environment.includes(path)) faults.push(`${path} reads process.env`);
	if (/process\.(on|once)\(\s*'SIG|process\.exit/.test(text) && path !== 'main.ts')
		faults.push(`${path} handles signals or the exit`);
	if ([...pure, 'base'].includes(room) && worldly.test(text) && !/^base\/retry\.ts$/.test(path))
		faults.push(`${path} knows a clock, chance, or the world outside`);
	if (shapeless.test(basename(path))) faults.push(`${path} has a name that says nothing`);
	if (!/^[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(basename(path))) faults.push(`${path} is not kebab-case`);
	if (/^export default/m.test(text)) faults.push(`${path} has a default export`);
	return faults;
}

const samples: readonly (readonly [path: string, text: string, faults: number])[] = [
	['base/retry.ts', "import { x } from '../model/adam.js';", 1],
	['model/adam.ts', "import { x } from '../learn/train.js';", 1],
	['learn/train.ts', "import { x } from '../ort/session.js';", 1],
	['learn/train.ts', "import { x } from '../inspect/loop.js';", 1],
	['learn/train.ts', "import { x } from '../graph/onnx.js';", 0],
	['opencv/camera.ts', "import { x } from '../disk/text.js';", 1],
	['commands/run.ts', "import { x } from '../mqtt/link.js';", 0],
	['disk/bundle.ts', "import { z } from 'zod';", 1],
	['mqtt/link.ts', "import { connect } from 'mqtt';", 0],
	['commands/run.ts', "await import('onnxruntime-node')", 1],
	['commands/run.ts', 'const a = process.env.HOME;', 1],
	['model/adam.ts', 'const at = Date.now();', 1],
	['vision/frame.ts', 'const at = new Date(wallMs);', 0],
	['config/parse.ts', "import { readFileSync } from 'node:fs';", 1],
	['learn/train.ts', 'const ms = performance.now();', 0],
	['base/utils.ts', '', 1],
	['base/Retry.ts', '', 1],
	['base/retry.ts', 'export default 1;', 1],
];

layers('is guarded by a checker that sees wrong imports', () => {
	for (const [path, text, count] of samples)
		assert.is(faultsOf(path, text).length, count, `${path}: ${text}`);
});

layers('sees circles, and what is only a type', () => {
	const pairs = (...texts: string[]) => texts.map((text) => text.split(' ') as [string, string]);
	assert.equal(circles(pairs('a b', 'b c', 'c d')), []);
	assert.equal(circles(pairs('a b', 'b c', 'c b', 'a d')), ['b', 'c']);
	const text =
		"import { type A, type B } from './b.js';\nimport type { C } from '../c/d.js';\nimport { type E, f } from '../g.js';";
	assert.equal(importsOf('a/a.ts', text), [
		{ from: 'a/a.ts', to: 'a/b.ts', loads: false },
		{ from: 'a/a.ts', to: 'c/d.ts', loads: false },
		{ from: 'a/a.ts', to: 'g.ts', loads: true },
	]);
});

async function sources(): Promise<{ readonly path: string; readonly text: string }[]> {
	const names = (await readdir(src, { recursive: true })).filter((name) => name.endsWith('.ts'));
	assert.ok(names.length > 50);
	return Promise.all(names.map(async (path) => ({ path, text: await readFile(join(src, path), 'utf8') })));
}

layers('has every import going one way, every package one owner', async () => {
	assert.equal(
		(await sources()).flatMap(({ path, text }) => faultsOf(path, text)),
		[],
	);
});

layers('opens no camera but by a named backend: trying them all takes 40 s', async () => {
	const files = (await readdir(join(src, 'opencv', 'cameras'))).filter((name) => name.endsWith('.ts'));
	const opened: string[] = [];
	for (const name of files) {
		const text = await readFile(join(src, 'opencv', 'cameras', name), 'utf8');
		assert.not.match(text, /CAP_ANY/, name);
		for (const [, call] of text.matchAll(/new cv\.VideoCapture\(([^)]*)\)/g)) opened.push(call!);
		for (const [, call] of text.matchAll(/\bopenCapture\((\w+, [^)]*)\)/g))
			if (!call!.includes(':')) assert.match(call!, /^\w+, cv\.CAP_(V4L2|FFMPEG|GSTREAMER), /, name);
	}
	assert.equal(opened, ['address, backend']);
});

layers(
	'waits for one of two signals by base/retry: AbortSignal.any leaves something at the one that lives on',
	async () => {
		const others = (await sources()).filter(({ path }) => path !== 'base/retry.ts');
		assert.equal(
			others.flatMap(({ path, text }) => (text.includes('AbortSignal.any') ? [path] : [])),
			[],
		);
	},
);

layers('has no circle, neither of files nor of rooms', async () => {
	const imports = (await sources()).flatMap(({ path, text }) => importsOf(path, text));
	assert.equal(circles(imports.map(({ from, to }) => [from, to] as const)), []);
	const rooms = imports.map(({ from, to }) => [roomOf(from), roomOf(to)] as const);
	assert.equal(circles(rooms.filter(([from, to]) => from !== to)), []);
});

for (const [process, { entries, never, but = [] }] of Object.entries(unloaded)) {
	layers(`lets the ${process} load nothing that it must not`, async () => {
		const imports = (await sources()).flatMap(({ path, text }) => importsOf(path, text));
		const next = (from: string) => imports.filter((i) => i.from === from && i.loads).map(({ to }) => to);
		const loaded = reached(entries, next);
		assert.ok(loaded.size > 5);
		assert.equal(
			[...loaded].filter(
				(path) => !but.includes(path) && (never.includes(roomOf(path)) || never.includes(path)),
			),
			[],
		);
	});
}

layers.run();
