import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import type { Bundle, BundleContents, GoldenVector } from '../model/bundle.js';
import { FORMAT_VERSION, goldenSchema, type Manifest, manifestSchema } from '../model/manifest.js';
import { PRECISIONS, type Precision } from '../model/precision.js';
import type { Size } from '../vision/image.js';
import { assertReplaceable, FolderWriter } from './folder.js';

const MANIFEST = 'manifest.json';
const GOLDEN = 'golden.json';

const modelFile = (precision: Precision) => (precision === 'fp32' ? 'model.onnx' : `model-${precision}.onnx`);

const AGAIN = 'Copy the bundle again from where it was taught, or teach it again.';

/**
 * Writes a bundle whole or not at all; one that stands there is replaced.
 * @throws Failure file-unwritable, also when `dir` holds something that is not a bundle
 */
export async function writeBundle(
	dir: string,
	{ manifest, models, golden }: BundleContents,
): Promise<Manifest> {
	await assertBundlePlace(dir);
	const vectors = JSON.stringify(
		golden.map((v) => ({ ...v, image: Buffer.from(v.image).toString('base64') })),
	);
	const present = PRECISIONS.flatMap((precision) => {
		const model = models[precision];
		return model ? [[precision, model] as const] : [];
	});
	const hashes = Object.fromEntries(present.map(([precision, model]) => [precision, sha256Of(model)]));
	const whole: Manifest = { ...manifest, files: { models: hashes, golden: sha256Of(vectors) } };
	await using folder = await FolderWriter.open(dir);
	for (const [precision, model] of present) await folder.write(modelFile(precision), model);
	await folder.write(GOLDEN, vectors);
	await folder.write(MANIFEST, `${JSON.stringify(whole, null, '\t')}\n`);
	await folder.commit();
	return whole;
}

/** A place that a bundle may be written to: nothing there, an empty folder, or an older bundle. @throws Failure file-unwritable */
export function assertBundlePlace(dir: string): Promise<void> {
	return assertReplaceable(dir, MANIFEST);
}

/** Reads a bundle and verifies its hashes. @throws Failure bundle-invalid saying which file is wrong and how */
export async function readBundle(dir: string): Promise<Bundle> {
	const manifest = parseManifest(dir, await bytesOf(dir, MANIFEST));
	const models: Partial<Record<Precision, string>> = {};
	for (const [precision, hash] of Object.entries(manifest.files.models) as [Precision, string][]) {
		const file = modelFile(precision);
		if (sha256Of(await bytesOf(dir, file)) !== hash)
			throw broken(dir, `"${file}" is damaged or cut off (its SHA-256 differs)`);
		models[precision] = join(dir, file);
	}
	const golden = await bytesOf(dir, GOLDEN);
	if (sha256Of(golden) !== manifest.files.golden)
		throw broken(dir, `"${GOLDEN}" is damaged or cut off (its SHA-256 differs)`);
	return {
		dir,
		manifest,
		models,
		golden: parseGolden(dir, golden, manifest.input.tiling),
	};
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

async function bytesOf(dir: string, name: string): Promise<Uint8Array> {
	try {
		return await readFile(join(dir, name));
	} catch (thrown) {
		const missing = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
		throw broken(dir, missing ? `it has no file "${name}"` : reasonOf(thrown));
	}
}

function broken(dir: string, state: string): Failure {
	return new Failure('bundle-invalid', `Cannot use bundle "${dir}": ${state}`, AGAIN);
}
