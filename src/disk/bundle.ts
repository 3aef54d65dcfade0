import { readdir, readFile, realpath, rmdir, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import { PRECISIONS, type Precision } from '../base/precision.js';
import { type Bundle, type BundleContents, bundleId, type GoldenVector, pinOf } from '../model/bundle.js';
import { FORMAT_VERSION, goldenSchema, type Manifest, manifestSchema } from '../model/manifest.js';
import type { Size } from '../vision/image.js';
import { assertWritable, flush } from './file.js';
import { assertReplaceable, FolderWriter } from './folder.js';

const MANIFEST = 'manifest.json';
const GOLDEN = 'golden.json';

const modelFile = (precision: Precision) => (precision === 'fp32' ? 'model.onnx' : `model-${precision}.onnx`);

const AGAIN = 'Copy the bundle again from where it was taught, or teach it again.';

/** A bundle as it stands on disk now. */
export type WrittenBundle = {
	readonly manifest: Manifest;
	/** The folder of this content, `bundles/lid@1c947c1d`. */
	readonly dir: string;
	/** Whether the plain name leads to it, which it does when nothing had that name. */
	readonly isNamed: boolean;
};

/**
 * Writes a bundle whole or not at all, beside `place` and under the name of its content: `lid@1c947c1d` for `lid`. What stands at
 * `place` stays; where nothing does, it becomes a link to the new one. A bundle never changes once it is written.
 * @throws Failure file-unwritable, usage when the name of `place` holds a hash
 */
export async function writeBundle(
	place: string,
	{ manifest, models, golden }: BundleContents,
): Promise<WrittenBundle> {
	assertPlain(place);
	await assertReplaceable(place, MANIFEST);
	const vectors = JSON.stringify(
		golden.map((v) => ({ ...v, image: Buffer.from(v.image).toString('base64') })),
	);
	const present = PRECISIONS.flatMap((precision) => {
		const model = models[precision];
		return model ? [[precision, model] as const] : [];
	});
	const hashes = Object.fromEntries(present.map(([precision, model]) => [precision, sha256Of(model)]));
	const whole: Manifest = { ...manifest, files: { models: hashes, golden: sha256Of(vectors) } };
	const text = `${JSON.stringify(whole, null, '\t')}\n`;
	const id = bundleId(basename(resolve(place)), sha256Of(text));
	await using folder = await FolderWriter.open(place);
	for (const [precision, model] of present) await folder.write(modelFile(precision), model);
	await folder.write(GOLDEN, vectors);
	await folder.write(MANIFEST, text);
	await folder.commitBeside(id);
	return { manifest: whole, dir: join(dirname(place), id), isNamed: await linkWhereFree(place, id) };
}

/** False where something stands, or the disk knows no links. */
async function linkWhereFree(place: string, id: string): Promise<boolean> {
	// Takes an empty folder away, and nothing else.
	await rmdir(place).catch(() => {});
	try {
		await symlink(id, place);
		await flush(dirname(resolve(place)));
		return true;
	} catch {
		return false;
	}
}

/**
 * A place that a bundle may be written beside: nothing there, an empty folder, or an older bundle; and it is tried whether anything can
 * be written there.
 * @throws Failure file-unwritable, usage when the name holds a hash
 */
export async function assertBundlePlace(place: string): Promise<void> {
	assertPlain(place);
	await assertReplaceable(place, MANIFEST);
	await assertWritable(place);
}

function assertPlain(place: string): void {
	const pin = pinOf(basename(resolve(place)));
	if (!pin) return;
	throw new Failure(
		'usage',
		`Cannot write bundle "${place}": what a bundle holds makes its hash, and "@${pin.hash}" stands for another one`,
		`Give the plain name, "${pin.name}"; the hash is put behind it.`,
	);
}

/** The bundles of a plain name, each once: what stands at `place`, and those beside it that are named by their content. */
export async function bundlesOf(place: string): Promise<string[]> {
	const [parent, name] = [dirname(place), basename(place)];
	const names = await readdir(parent).catch(() => []);
	const found = names
		.filter((one) => one === name || pinOf(one)?.name === name)
		.map((one) => join(parent, one));
	return [...new Set(await Promise.all(found.map((path) => realpath(path).catch(() => path))))];
}

/**
 * Reads a bundle and verifies its hashes, and that it is the one that its name pins (`NAME@HASH`, 8 to 64 digits).
 * @throws Failure bundle-invalid saying which file is wrong and how
 */
export async function readBundle(dir: string): Promise<Bundle> {
	// A link that is moved while it is read must not mix two bundles.
	const place = await placeOf(dir);
	const bytesOf = (name: string) => fileOf(dir, place, name);
	const described = await bytesOf(MANIFEST);
	const hash = sha256Of(described);
	const pinned = [dir, place]
		.map((path) => pinOf(basename(resolve(path))))
		.filter((pin) => pin !== undefined);
	if (!pinned.every((pin) => hash.startsWith(pin.hash))) {
		throw broken(
			dir,
			`its folder was renamed, or "${MANIFEST}" altered: what it holds is "@${hash.slice(0, 8)}"`,
			'Pin the bundle that you mean, or copy it again from where it was taught.',
		);
	}
	const manifest = parseManifest(dir, described);
	const models: Partial<Record<Precision, string>> = {};
	for (const [precision, expected] of Object.entries(manifest.files.models) as [Precision, string][]) {
		const file = modelFile(precision);
		if (sha256Of(await bytesOf(file)) !== expected)
			throw broken(dir, `"${file}" is damaged or cut off (its SHA-256 differs)`);
		models[precision] = join(place, file);
	}
	const golden = await bytesOf(GOLDEN);
	if (sha256Of(golden) !== manifest.files.golden)
		throw broken(dir, `"${GOLDEN}" is damaged or cut off (its SHA-256 differs)`);
	return {
		dir,
		id: bundleId(manifest.name, hash),
		manifest,
		models,
		golden: parseGolden(dir, golden, manifest.input.tiling),
	};
}

/**
 * Where a bundle lies, without links. A pin leads to whatever stands under that name and holds what it says: a folder whose name has
 * more digits or fewer, or a plain one.
 */
async function placeOf(dir: string): Promise<string> {
	const place = await realpath(dir).catch(() => undefined);
	const pin = pinOf(basename(resolve(dir)));
	if (place !== undefined || !pin) return place ?? dir;
	for (const other of await bundlesOf(join(dirname(resolve(dir)), pin.name))) {
		const described = await readFile(join(other, MANIFEST)).catch(() => '');
		if (sha256Of(described).startsWith(pin.hash)) return other;
	}
	return dir;
}

function parseManifest(dir: string, bytes: Uint8Array): Manifest {
	let document: unknown;
	try {
		document = JSON.parse(Buffer.from(bytes).toString('utf8'));
	} catch (thrown) {
		throw broken(dir, `"${MANIFEST}" is not JSON: ${reasonOf(thrown)}`);
	}
	const version = (document as { formatVersion?: unknown } | null)?.formatVersion;
	if (version !== undefined && version !== FORMAT_VERSION) {
		throw broken(dir, `it has format version ${version}, this inspectord reads version ${FORMAT_VERSION}`);
	}
	const parsed = manifestSchema.safeParse(document);
	if (parsed.success) return parsed.data;
	const faults = parsed.error.issues.map(
		({ path, message }) => `${path.join('.') || 'manifest'}: ${message}`,
	);
	throw broken(dir, `"${MANIFEST}" is wrong: ${faults.slice(0, 3).join('; ')}`);
}

function parseGolden(dir: string, bytes: Uint8Array, { width, height }: Size): GoldenVector[] {
	try {
		const vectors = goldenSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
		return vectors.map((v) => {
			const image = new Uint8Array(Buffer.from(v.image, 'base64'));
			if (image.length !== width * height * 3) throw new Error(`a picture has ${image.length} bytes`);
			return { ...v, image };
		});
	} catch (thrown) {
		throw broken(dir, `"${GOLDEN}" is wrong: ${reasonOf(thrown)}`);
	}
}

async function fileOf(dir: string, place: string, name: string): Promise<Uint8Array> {
	try {
		return await readFile(join(place, name));
	} catch (thrown) {
		const missing = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
		if (!missing) throw broken(dir, reasonOf(thrown));
		const stands = await stat(place).catch(() => undefined);
		throw broken(dir, stands ? `it has no file "${name}"` : 'there is no such folder');
	}
}

function broken(dir: string, state: string, advice = AGAIN): Failure {
	return new Failure('bundle-invalid', `Cannot use bundle "${dir}": ${state}`, advice);
}
