import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePng } from '../../src/opencv/picture.js';
import { drawPart } from '../../src/sim/line.js';
import { eventually } from '../free-port.js';
import { type Outcome, startWith } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const missing = suite('a compiled library that cannot be loaded');

/** Loaded before the program, its children and threads: a file whose path holds the word cannot be loaded, as the system's loader says it. */
const BREAKING = `const { dlopen } = process;
process.dlopen = (module, path, ...rest) => {
	if (!path.includes(process.env.BROKEN)) return dlopen.call(process, module, path, ...rest);
	throw Object.assign(new Error(path + process.env.SAID), { code: 'ERR_DLOPEN_FAILED' });
};
`;

const ABSENT = ': cannot open shared object file: No such file or directory';
const NOEXEC = ': failed to map segment from shared object';

type Box = AsyncDisposable & {
	readonly file: string;
	start(broken: string, said: string, ...args: string[]): ReturnType<typeof startWith>;
};

async function box(): Promise<Box> {
	const folder = await temporaryFolder();
	const breaking = join(folder.path, 'breaking.cjs');
	await writeFile(breaking, BREAKING);
	await mkdir(join(folder.path, 'pictures'));
	await writeFile(join(folder.path, 'pictures/0.png'), encodePng(drawPart(1, 0, undefined, 96).image));
	await tinyBundle(join(folder.path, 'bundle'));
	const file = join(folder.path, 'box.yaml');
	await writeFile(
		file,
		`box: t
mqtt: { url: "mqtt://127.0.0.1:1" }
journal: { folder: journal }
stations: { s: { camera: { source: pictures, loop: true }, recipe: r } }
recipes: { r: { model: bundle, threads: 1, trigger: { everyMs: 100 } } }
`,
	);
	return {
		file,
		start: (broken, said, ...args) =>
			startWith({ NODE_OPTIONS: `--require=${breaking}`, BROKEN: broken, SAID: said }, ...args),
		[Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
	};
}

const spoken = ({ out, err }: Outcome, what: string): void =>
	assert.not.match(out + err, /a fault of ours|\n {4}at /, what);

/** A library by a word of its path; which step of the doctor and which need of a configuration it is missing for. */
const LIBRARIES = [
	['opencv4nodejs', 'opencv', 'stations.s', /Cannot load the binding to OpenCV: .*cannot open shared object/],
	['onnxruntime', 'onnxruntime', 'recipes.r', /Cannot load ONNX Runtime: .*cannot open shared object/],
	['sqlite', 'sqlite', 'journal.folder', /Cannot load SQLite: .*cannot open shared object/],
] as const;

for (const [broken, step, need, words] of LIBRARIES) {
	missing(`is named by doctor and check, with what to do, and is no fault of ours: ${step}`, async () => {
		await using of = await box();
		await using asked = of.start(broken, ABSENT, 'doctor', '--json');
		const doctor = await asked.ended;
		spoken(doctor, 'doctor');
		assert.is(doctor.code, 1, doctor.err);
		const { findings } = JSON.parse(doctor.out);
		const found = findings.filter(({ state }: { state: string }) => state === 'missing');
		assert.equal(
			found.map((one: { step: string }) => one.step),
			[step],
		);
		assert.match(found[0].message, words);
		assert.match(found[0].remedy, /npm start .+ apt install --reinstall/);

		await using tried = of.start(broken, ABSENT, 'check', '--beside', '--config', of.file);
		await using triedAll = of.start(broken, ABSENT, 'check', '--config', of.file);
		for (const check of [await tried.ended, await triedAll.ended]) {
			spoken(check, 'check');
			if (check.out.includes(`${need}:`)) assert.match(check.out, new RegExp(`^FAULT {2}${need}: `, 'm'));
		}
		const { out, code } = await triedAll.ended;
		assert.is(code, 1);
		assert.match(out, new RegExp(`^FAULT {2}${need}: ${words.source}`, 'm'));
	});
}

missing('on a disk that is mounted noexec says so', async () => {
	await using of = await box();
	await using asked = of.start('sqlite', NOEXEC, 'events', '--config', of.file, '--dir', 'nowhere');
	await using run = of.start('sqlite', NOEXEC, 'run', '--config', of.file);
	spoken(await asked.ended, 'events');
	const ended = await run.ended;
	spoken(ended, 'run');
	assert.is(ended.code, 1);
	assert.match(ended.err, /^inspectord: Cannot load SQLite: .*failed to map segment.*\n.*mounted noexec/m);
});

for (const [broken, words] of [
	['opencv4nodejs', 'Cannot load the binding to OpenCV'],
	['onnxruntime', 'Cannot load ONNX Runtime'],
] as const) {
	missing(`puts its station into error, in words, and ends nothing else: ${broken}`, async () => {
		await using of = await box();
		await using run = of.start(broken, ABSENT, 'run', '--config', of.file);
		await eventually('its state is told', () => new RegExp(`error: s: .*${words}: `).test(run.err()));
		assert.is(run.child.exitCode, null);
		run.child.kill('SIGTERM');
		const ended = await run.ended;
		spoken(ended, 'run');
		assert.is(ended.code, 0);
	});
}

missing('of systemd is a warning of the doctor', async () => {
	await using of = await box();
	await using asked = of.start('koffi', ABSENT, 'doctor', '--json');
	const { code, out } = await asked.ended;
	assert.is(code, 0, out);
	const [found] = JSON.parse(out).findings.filter(({ step }: { step: string }) => step === 'systemd');
	assert.is(found.state, 'warning');
	assert.match(found.message, /Cannot load libsystemd: .+ systemd-notify .+ NotifyAccess=all/);
	assert.match(found.remedy, /npm start/);
});

missing.run();
