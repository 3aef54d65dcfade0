import { readdir, readFile, realpath, rmdir, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import { fileState } from '../base/file-state.js';
import { sha256Of } from '../base/hash.js';
import { PRECISIONS, type Precision } from '../base/precision.js';
import {
	type Bundle,
	type BundleContents,
	bundleId,
	type GoldenVector,
	MOST_HELD_OUT,
	pinOf,
} from '../model/bundle.js';
import { FORMAT_VERSION, goldenSchema, type Manifest, manifestSchema } from '../model/manifest.js';
import type { Size } from '../vision/image.js';
import { LIKENESS_BYTES } from '../vision/likeness.js';
import { assertWritable, flush } from './file.js';
import { assertReplaceable, FolderWriter } from './folder.js';
import { packPictures, unpackPictures } from './held-out.js';

const MANIFEST = 'manifest.json';
const GOLDEN = 'golden.json';
const HELD_OUT = 'held-out.bin';
export const SHEET = 'threshold.png';
const LIKENESS = 'likeness.bin';

const modelFile = (precision: Precision) => (precision === 'fp32' ? 'model.onnx' : `model-${precision}.onnx`);

/** Folders that are looked at for bundles. */
const MOST_LOOKED = 2000;

/** It holds a number for each step of a lesson. */
const MOST_MANIFEST_BYTES = 8e6;

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
 * `place` stays; where nothing does, it becomes a link to the new one if that is wanted. A bundle never changes once it is written.
 * @throws Failure file-unwritable, usage when the name of `place` holds a hash
 */
export async function writeBundle(
	place: string,
	{ manifest, models, golden, heldOut = [], likenesses = [], sheet }: BundleContents,
	isLinked = true,
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
	const pictures =
		heldOut.length > 0 ? await packPictures(heldOut, manifest.input.tiling.width * 3) : undefined;
	const likeness =
		likenesses.length > 0
			? Buffer.concat(likenesses.map((one) => new Uint8Array(one.buffer, one.byteOffset, one.length)))
			: undefined;
	const files = {
		models: hashes,
		golden: sha256Of(vectors),
		...(pictures && { heldOut: sha256Of(pictures) }),
		...(sheet && { sheet: sha256Of(sheet) }),
		...(likeness && { likeness: sha256Of(likeness) }),
	};
	const whole: Manifest = { ...manifest, files };
	const text = `${JSON.stringify(whole, null, '\t')}\n`;
	const id = bundleId(basename(resolve(place)), sha256Of(text));
	await using folder = await FolderWriter.open(place);
	for (const [precision, model] of present) await folder.write(modelFile(precision), model);
	await folder.write(GOLDEN, vectors);
	if (pictures) await folder.write(HELD_OUT, pictures);
	if (sheet) await folder.write(SHEET, sheet);
	if (likeness) await folder.write(LIKENESS, likeness);
	await folder.write(MANIFEST, text);
	await folder.commitBeside(id);
	const isNamed = isLinked && (await linkWhereFree(place, id));
	return { manifest: whole, dir: join(dirname(place), id), isNamed };
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
	const { place, id, manifest } = await describeBundle(dir);
	const bytesOf = (name: string) => fileOf(dir, place, name);
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
		id,
		manifest,
		models,
		golden: parseGolden(dir, golden, manifest.input.tiling),
		heldOut: () => heldOutOf(dir, place, manifest),
		sheet: () => mayBeGone(dir, place, SHEET, manifest.files.sheet),
		likenesses: () => likenessesOf(dir, place, manifest),
	};
}

async function heldOutOf(dir: string, place: string, { files, input }: Manifest): Promise<Uint8Array[]> {
	const file = await mayBeGone(dir, place, HELD_OUT, files.heldOut);
	if (!file) return [];
	const { width, height } = input.tiling;
	try {
		return await unpackPictures(file, {
			rowBytes: width * 3,
			bytes: width * height * 3,
			most: MOST_HELD_OUT,
		});
	} catch (thrown) {
		throw broken(dir, `"${HELD_OUT}" is wrong: ${reasonOf(thrown)}`);
	}
}

async function likenessesOf(dir: string, place: string, { files }: Manifest): Promise<Int8Array[]> {
	const file = (await mayBeGone(dir, place, LIKENESS, files.likeness)) ?? new Uint8Array();
	const count = file.length / LIKENESS_BYTES;
	if (!Number.isInteger(count)) throw broken(dir, `"${LIKENESS}" is wrong: it has ${file.length} bytes`);
	return Array.from({ length: count }, (_, i) =>
		Int8Array.from(new Int8Array(file.buffer, file.byteOffset + i * LIKENESS_BYTES, LIKENESS_BYTES)),
	);
}

/** A file of pictures by its hash; undefined where the bundle has none, or its owner took it away. @throws Failure bundle-invalid */
async function mayBeGone(
	dir: string,
	place: string,
	name: string,
	expected: string | undefined,
): Promise<Uint8Array | undefined> {
	const gone = await stat(join(place, name)).then(
		() => false,
		(thrown) => (thrown as NodeJS.ErrnoException).code === 'ENOENT',
	);
	if (expected === undefined || gone) return undefined;
	const file = await fileOf(dir, place, name);
	if (sha256Of(file) !== expected) throw broken(dir, `"${name}" is damaged or cut off (its SHA-256 differs)`);
	return file;
}

/** What a bundle says of itself; of its other files nothing is known. */
export type Described = Pick<Bundle, 'id' | 'manifest'> & {
	/** Of its manifest. */
	readonly sha256: string;
	/** Where it lies, without links. */
	readonly place: string;
};

/**
 * Reads what a bundle says of itself, and verifies that it is the one that its name pins.
 * @throws Failure bundle-invalid
 */
export async function describeBundle(dir: string): Promise<Described> {
	// A link that is moved while it is read must not mix two bundles.
	const place = await placeOf(dir);
	const described = await fileOf(dir, place, MANIFEST);
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
	return { place, id: bundleId(manifest.name, hash), sha256: hash, manifest };
}

/** What can be seen without reading all of a bundle. @throws Failure bundle-invalid when a file is missing or empty */
export async function assertWhole({ place, manifest }: Described): Promise<void> {
	const precisions = Object.keys(manifest.files.models) as Precision[];
	for (const name of [...precisions.map(modelFile), GOLDEN]) {
		const found = await stat(join(place, name)).catch(() => undefined);
		if (!found) throw broken(place, `it has no file "${name}"`);
		if (!found.isFile() || found.size === 0) throw broken(place, `"${name}" is empty, or no file`);
	}
}

/**
 * The bundles in a folder, by the places where they lie without links, the newest on this disk first; what holds no manifest is none.
 * None where there is no such folder.
 */
export async function bundlesIn(folder: string): Promise<string[]> {
	const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
	const names = entries.filter((entry) => !entry.isFile()).map(({ name }) => name);
	const places = new Map<string, number>();
	for (const name of names.slice(0, MOST_LOOKED)) {
		const place = await realpath(join(folder, name)).catch(() => undefined);
		if (place === undefined || places.has(place)) continue;
		const found = await stat(join(place, MANIFEST)).catch(() => undefined);
		if (found?.isFile()) places.set(place, found.mtimeMs);
	}
	return [...places].sort(([, a], [, b]) => b - a).map(([place]) => place);
}

/**
 * Where a bundle lies, without links. A pin leads to whatever stands under that name and holds what it says: a folder whose name has
 * more digits or fewer, or a plain one.
 */
export async function placeOf(dir: string): Promise<string> {
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
	const path = join(place, name);
	try {
		const found = await stat(path);
		// A pipe would be waited for without an end.
		if (!found.isFile()) throw new Error(`"${name}" is no file`);
		if (name === MANIFEST && found.size > MOST_MANIFEST_BYTES)
			throw new Error(`"${name}" has ${found.size} bytes`);
		return await readFile(path);
	} catch (thrown) {
		const missing = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
		if (!missing) throw broken(dir, fileState(thrown));
		const stands = await stat(place).catch(() => undefined);
		throw broken(dir, stands ? `it has no file "${name}"` : 'there is no such folder');
	}
}

function broken(dir: string, state: string, advice = AGAIN): Failure {
	return new Failure('bundle-invalid', `Cannot use bundle "${dir}": ${state}`, advice);
}
