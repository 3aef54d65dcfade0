import { spawn, spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { loadOrt, type OrtPlace, ortPlace, ortVersion } from '../../src/ort/library.js';
import { temporaryFolder } from '../tiny-bundle.js';

const libraries = suite('ONNX Runtime from a folder');

const PACKAGE = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
const OWN = ortPlace(undefined).folder;
const BINDING = 'onnxruntime_binding.node';
const LIBRARY = 'libonnxruntime.so.1';
const PROCESS = fileURLToPath(new URL('./place-process.js', import.meta.url));
const SOURCE = fileURLToPath(new URL('../../../test/ort/stand-in-library.c', import.meta.url));
const otherArch = process.arch === 'x64' ? 'arm64' : 'x64';

/** The registry's own, copied: its library is linked where nobody changes it. */
async function copied(folder: string, { whole = false } = {}): Promise<string> {
	await mkdir(folder, { recursive: true });
	await cp(join(OWN, BINDING), join(folder, BINDING));
	if (whole) await cp(join(OWN, LIBRARY), join(folder, LIBRARY));
	else await symlink(join(OWN, LIBRARY), join(folder, LIBRARY));
	return folder;
}

function failureOfPlace(named: string): Failure {
	try {
		ortPlace(named);
	} catch (thrown) {
		assert.instance(thrown, Failure);
		return thrown as Failure;
	}
	return assert.unreachable('it was taken') as never;
}

/** The release in a copy becomes another of as many letters. */
async function releasedAs(path: string, version: string): Promise<void> {
	const bytes = await readFile(path);
	const [before, after] = [`VERS_${ortVersion()}\0`, `VERS_${version}\0`];
	for (let at = bytes.indexOf(before); at >= 0; at = bytes.indexOf(before, at))
		bytes.write(after, at, 'latin1');
	await writeFile(path, bytes);
}

const anotherRelease = ortVersion().replace(
	/^(\d+)\.(\d)/,
	(_, major, minor) => `${major}.${(Number(minor) + 1) % 10}`,
);

const wrong: readonly (readonly [
	title: string,
	spoil: (folder: string) => Promise<unknown>,
	message: RegExp,
])[] = [
	[
		'that is not there',
		(folder) => rm(folder, { recursive: true }),
		/INSPECTORD_ORT ".*": it cannot be read as a folder/,
	],
	[
		'without a binding',
		(folder) => rm(join(folder, BINDING)),
		/it has no onnxruntime_binding.node, neither itself nor in/,
	],
	['without a library', (folder) => rm(join(folder, LIBRARY)), /it has no libonnxruntime.so.1$/],
	[
		'whose library has the name of a wheel',
		(folder) => rename(join(folder, LIBRARY), join(folder, 'libonnxruntime.so.1.30.0')),
		/it has no libonnxruntime.so.1, which "libonnxruntime.so.1.30.0" could be: link it/,
	],
	[
		'whose binding is of another release',
		(folder) => releasedAs(join(folder, BINDING), anotherRelease),
		new RegExp(`"${BINDING}" is of ONNX Runtime ${anotherRelease}, exactly ${ortVersion()} is needed`),
	],
	[
		'whose library is of another release by its name',
		async (folder) => {
			await rename(join(folder, LIBRARY), join(folder, 'x'));
			await cp(join(OWN, LIBRARY), join(folder, 'libonnxruntime.so.1.2.3'));
			await symlink('libonnxruntime.so.1.2.3', join(folder, LIBRARY));
		},
		/is of ONNX Runtime 1.2.3 by its name, and of 1\.\d+\.\d+ by what it holds/,
	],
	[
		'whose binding is for another machine',
		(folder) => cp(join(OWN, '..', otherArch, BINDING), join(folder, BINDING)),
		new RegExp(`"${BINDING}" is for ${otherArch}, this machine is ${process.arch}`),
	],
	[
		'whose binding is cut off',
		(folder) => truncate(join(folder, BINDING), 300_000),
		/"onnxruntime_binding.node" cannot be read: it is no shared library, or cut off/,
	],
	[
		'whose binding is empty',
		(folder) => truncate(join(folder, BINDING), 0),
		/cannot be read: it is no shared/,
	],
	[
		'whose binding is a text',
		(folder) => writeFile(join(folder, BINDING), 'x'.repeat(999)),
		/it is no shared/,
	],
	[
		'whose library is another one',
		async (folder) => {
			await rm(join(folder, LIBRARY));
			await cp(join(folder, BINDING), join(folder, LIBRARY));
		},
		/"libonnxruntime.so.1" does not tell its version/,
	],
	[
		'whose binding is another library',
		async (folder) => {
			await rm(join(folder, BINDING));
			await symlink(join(OWN, LIBRARY), join(folder, BINDING));
		},
		/"onnxruntime_binding.node" does not use libonnxruntime.so.1/,
	],
];

for (const [title, spoil, message] of wrong)
	libraries(`is refused ${title}, with the piece and what to do`, async () => {
		await using box = await temporaryFolder();
		const folder = await copied(join(box.path, 'ort'));
		await spoil(folder);
		const failure = failureOfPlace(folder);
		assert.is(failure.code, 'library-unusable');
		assert.match(failure.message, message);
		assert.match(failure.advice!, 'docs/jetson.md');
	});

libraries('is refused whose library is of another release by what it holds', async () => {
	await using box = await temporaryFolder();
	const folder = await copied(join(box.path, 'ort'), { whole: true });
	await releasedAs(join(folder, LIBRARY), anotherRelease);
	assert.match(failureOfPlace(folder).message, `"${LIBRARY}" is of ONNX Runtime ${anotherRelease}, exactly`);
});

libraries('is found in a folder like the package, and refused where that is for other machines', async () => {
	assert.equal(ortPlace(PACKAGE), { folder: OWN, isOwn: false });
	await using box = await temporaryFolder();
	await mkdir(join(box.path, 'bin', 'napi-v6', process.platform, otherArch), { recursive: true });
	assert.match(
		failureOfPlace(box.path).message,
		`it has a binding for ${otherArch}, this machine is ${process.arch}`,
	);
});

libraries("is the registry's where nobody names one, which is not loaded in place of itself", () => {
	for (const named of [undefined, ''])
		assert.equal(ortPlace(named), { folder: OWN, isOwn: true } satisfies OrtPlace);
	loadOrt(ortPlace(undefined));
});

type Told = {
	readonly place?: OrtPlace;
	readonly computed?: readonly number[];
	readonly lacks?: readonly ({
		readonly isAbsent: boolean;
		readonly message: string;
		readonly advice: string;
	} | null)[];
	readonly code?: string;
	readonly message?: string;
	readonly advice?: string;
};

/** What a process says that loads it. */
function loading(
	folder: string,
	providers: readonly string[] = [],
	env: NodeJS.ProcessEnv = {},
): Promise<Told> {
	const child = spawn(process.execPath, [PROCESS, folder, ...providers], {
		stdio: ['ignore', 'pipe', 'inherit'],
		env: { ...process.env, ...env },
	});
	let out = '';
	child.stdout.on('data', (chunk) => {
		out += chunk;
	});
	return new Promise((resolve, reject) => {
		child.once('close', (code) =>
			code === 0 ? resolve(JSON.parse(out)) : reject(new Error(`ended with ${code}`)),
		);
	});
}

libraries(
	"computes in place of the registry's, and has no provider that its folder has no library of",
	async () => {
		await using box = await temporaryFolder();
		const folder = await copied(join(box.path, 'ort'));
		const { place, computed, lacks } = await loading(folder, ['cpu', 'cuda', 'tensorrt']);
		assert.equal(place, { folder, isOwn: false });
		assert.equal(computed, [2, 4, 6]);
		const [cpu, ...others] = lacks!;
		assert.is(cpu, null);
		for (const other of others) {
			assert.is(other!.isAbsent, true);
			assert.match(other!.message, /has no libonnxruntime_providers|was built without it/);
			assert.match(other!.advice, /ONNX Runtime 1\.\d+\.\d+/);
		}
	},
);

libraries('is not another one that the loader finds before', async () => {
	await using box = await temporaryFolder();
	const folder = await copied(join(box.path, 'ort'), { whole: true });
	const { code, message, advice } = await loading(folder, [], { LD_LIBRARY_PATH: OWN });
	assert.is(code, 'library-unusable');
	assert.match(message!, `"${join(OWN, LIBRARY)}" came in place of its libonnxruntime.so.1`);
	assert.match(advice!, 'LD_LIBRARY_PATH');
});

const SHARED = 'libonnxruntime_providers_shared.so';
const CUDA = 'libonnxruntime_providers_cuda.so';
const TENSORRT = 'libonnxruntime_providers_tensorrt.so';

type Piece = {
	readonly entry?: string;
	readonly version?: string;
	readonly needs?: readonly string[];
	readonly more?: readonly string[];
};

/** A folder with stand-ins for the libraries of both providers; undefined without a compiler, or where the registry's knows no CUDA. */
async function withStandIns(
	folder: string,
	changed: Readonly<Record<string, Piece | null>>,
): Promise<string | undefined> {
	await copied(folder);
	const pieces: Record<string, Piece | null> = {
		[SHARED]: { entry: 'Provider_GetHost' },
		[CUDA]: { entry: 'GetProvider', version: ortVersion() },
		[TENSORRT]: { entry: 'GetProvider' },
		...changed,
	};
	for (const [name, piece] of Object.entries(pieces)) {
		if (!piece) continue;
		const { entry, version, needs = [], more = [] } = piece;
		const absent = needs.map((library) => join(folder, library));
		for (const path of absent)
			if (!compiled(path, [`-Wl,-soname,${path.slice(folder.length + 1)}`])) return undefined;
		const defines = [...(entry ? [`-DENTRY=${entry}`] : []), ...(version ? [`-DVERSION="${version}"`] : [])];
		if (!compiled(join(folder, name), [...defines, ...more, '-Wl,--no-as-needed', ...absent]))
			return undefined;
		for (const path of absent) await rm(path);
	}
	return folder;
}

function compiled(path: string, options: readonly string[]): boolean {
	return spawnSync('cc', ['-shared', '-fPIC', '-o', path, SOURCE, ...options]).status === 0;
}

/** Without what says which compiler it was. */
const other = { more: ['-fno-ident', '-nostartfiles', '-DCOMPILER="another"'] };

const pieces: readonly (readonly [
	title: string,
	changed: Readonly<Record<string, Piece | null>>,
	provider: string,
	lack: { readonly isAbsent: boolean; readonly message: RegExp } | null,
])[] = [
	['are whole', {}, 'tensorrt', null],
	[
		'lack the one of TensorRT',
		{ [TENSORRT]: null },
		'tensorrt',
		{ isAbsent: true, message: /has no \S+tensorrt.so$/ },
	],
	['lack the one of CUDA', { [CUDA]: null }, 'tensorrt', { isAbsent: false, message: /has no \S+cuda.so$/ }],
	['lack the shared one', { [SHARED]: null }, 'cuda', { isAbsent: false, message: /has no \S+shared.so$/ }],
	[
		'lack what they are loaded with',
		{
			[CUDA]: {
				entry: 'GetProvider',
				version: ortVersion(),
				needs: ['libcublas.so.99', 'libcuda.so.99', 'libcurand.so.98'],
			},
			[TENSORRT]: { entry: 'GetProvider', needs: ['libnvinfer.so.99', 'libcublas.so.99'] },
		},
		'tensorrt',
		{
			isAbsent: false,
			message:
				/is not there: TensorRT 99 \("libnvinfer.so.99"\), CUDA 99 \("libcublas.so.99", "libcurand.so.98"\), NVIDIA's driver \("libcuda.so.99"\)$/,
		},
	],
	[
		'are of another version',
		{ [CUDA]: { entry: 'GetProvider', version: `1${ortVersion()}` } },
		'cuda',
		{
			isAbsent: false,
			message: /cuda.so" in ".*" is of another version than 1\.\d+\.\d+, which is needed exactly/,
		},
	],
	[
		'are of different builds',
		{ [TENSORRT]: { entry: 'GetProvider', ...other } },
		'tensorrt',
		{
			isAbsent: false,
			message:
				/tensorrt.so" in ".*" is from another build than libonnxruntime_providers_cuda.so: "another" compiled it/,
		},
	],
	[
		'are something else',
		{ [CUDA]: {} },
		'cuda',
		{ isAbsent: false, message: /is no such library of ONNX Runtime/ },
	],
];

for (const [title, changed, provider, lack] of pieces)
	libraries(`knows libraries of providers that ${title}`, async () => {
		await using box = await temporaryFolder();
		const folder = await withStandIns(join(box.path, 'ort'), changed);
		if (folder === undefined) return console.log('skipped: there is no C compiler');
		const { lacks } = await loading(folder, [provider]);
		const [found] = lacks!;
		if (/was built without it/.test(found?.message ?? ''))
			return console.log(`skipped: the registry's ONNX Runtime for ${process.arch} knows no ${provider}`);
		assert.is(found?.isAbsent, lack?.isAbsent, JSON.stringify(found));
		if (lack) assert.match(found!.message, lack.message);
	});

libraries.run();
