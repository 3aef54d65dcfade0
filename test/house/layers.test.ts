import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const layers = suite('the house');

const src = fileURLToPath(new URL('../../../src', import.meta.url));

/** Rooms that a room may import from; its own is always allowed. */
const pure = ['config', 'vision', 'sim', 'protocol', 'graph', 'model', 'measure', 'pages'];
const flows = ['inspect', 'learn', 'evaluate'];
const processes = ['daemon', 'station', 'jobs'];
const edges = ['opencv', 'ort', 'mqtt', 'disk', 'process', 'schedule', 'download'];
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
	zod: ['config', 'model'],
	yaml: ['config'],
};

/** `process.env` stands in main.ts; the OpenCV loader sets what the binding reads when it is loaded. */
const environment = ['main.ts', join('opencv', 'library.ts')];

const shapeless = /^(utils?|helpers?|manager|types|index|common|misc)\.ts$/;

/** What is wrong with a file: `path` is below src. */
function faultsOf(path: string, text: string): string[] {
	const room = dirname(path) === '.' ? '.' : path.split('/')[0]!;
	const faults: string[] = [];
	for (const [, target = ''] of text.matchAll(/(?:from |import\(|require\()'([^'\n]+)'/g)) {
		if (target.startsWith('node:')) continue;
		if (!target.startsWith('.')) {
			const owner = owners[target] ?? (target === '@u4/opencv-build' ? ['opencv'] : undefined);
			if (!owner?.includes(room)) faults.push(`${path} imports package "${target}"`);
			continue;
		}
		const reached = normalize(join(dirname(path), target));
		const other = dirname(reached) === '.' ? '.' : reached.split('/')[0]!;
		if (other !== room && !allowed[room]?.includes(other)) faults.push(`${path} imports ${reached}`);
	}
	if (text.includes('process.env') && !environment.includes(path)) faults.push(`${path} reads process.env`);
	if (/process\.(on|once)\(\s*'SIG|process\.exit/.test(text) && path !== 'main.ts')
		faults.push(`${path} handles signals or the exit`);
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
	['commands/run.ts', "import { x } from '../mqtt/outbox.js';", 0],
	['disk/bundle.ts', "import { z } from 'zod';", 1],
	['mqtt/link.ts', "import { connect } from 'mqtt';", 0],
	['commands/run.ts', "await import('onnxruntime-node')", 1],
	['commands/run.ts', 'const a = process.env.HOME;', 1],
	['base/utils.ts', '', 1],
	['base/Retry.ts', '', 1],
	['base/retry.ts', 'export default 1;', 1],
];

layers('is guarded by a checker that sees wrong imports', () => {
	for (const [path, text, count] of samples)
		assert.is(faultsOf(path, text).length, count, `${path}: ${text}`);
});

layers('has every import going one way, every package one owner', async () => {
	const names = (await readdir(src, { recursive: true })).filter((name) => name.endsWith('.ts'));
	assert.ok(names.length > 50);
	const faults: string[] = [];
	for (const name of names) faults.push(...faultsOf(name, await readFile(join(src, name), 'utf8')));
	assert.equal(faults, []);
});

layers.run();
