import { readFile, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, relative } from 'node:path';
import { Failure } from '../base/failure.js';
import { fileState } from '../base/file-state.js';
import { embedWeights, externalFiles } from '../graph/external.js';

const FETCH = 'Fetch the file itself: git lfs pull.';
const EXPORT = 'Export the network as ONNX, and give that file.';

/** What files that are not ONNX begin with. */
const others: readonly (readonly [start: string, state: string, advice: string])[] = [
	[
		'version https://git-lfs.github.com',
		'it is a pointer of Git LFS, not the file that it stands for',
		FETCH,
	],
	['PK\x03\x04', 'it is a ZIP archive, as PyTorch writes its checkpoints', EXPORT],
	['\x80\x02', 'it is a Python pickle, as PyTorch writes its checkpoints', EXPORT],
	['\x89HDF', 'it is an HDF5 file, as Keras writes its models', EXPORT],
	['\x1f\x8b', 'it is compressed with gzip', 'Unpack it first.'],
	['<!DOCTYPE', 'it is a web page', 'Download the file itself.'],
	['<!doctype', 'it is a web page', 'Download the file itself.'],
	['<html', 'it is a web page', 'Download the file itself.'],
	['<?xml', "it is XML, as OpenVINO's models are", EXPORT],
	['{', 'it is JSON', 'Give an .onnx file.'],
];

/** ONNX Runtime's own format, and TensorFlow Lite, name themselves after four bytes. */
const marked: readonly (readonly [mark: string, state: string])[] = [
	['ORTM', "it is in ONNX Runtime's own format"],
	['TFL3', 'it is a model of TensorFlow Lite'],
];

/**
 * An ONNX model from disk with all its weights inside, whatever files they lie in beside it.
 * @throws Failure model-failed saying what the file is, or which part of it is missing
 */
export async function readOnnx(file: string): Promise<Uint8Array> {
	const refuse = (state: string, advice = 'Give an .onnx file.') =>
		new Failure('model-failed', `Cannot read model "${file}": ${state}`, advice);
	const bytes = await bytesOf(file).catch((thrown) => {
		throw refuse(fileState(thrown));
	});
	const found = otherThanOnnx(bytes);
	if (found) throw refuse(...found);
	const files = new Map<string, Uint8Array>();
	try {
		for (const location of externalFiles(bytes)) {
			if (!(await liesBeside(file, location))) {
				const state = `it wants weights from "${location}", which does not lie beside it`;
				throw refuse(state, 'Export it anew: its weights must lie in its own folder.');
			}
			const content = await bytesOf(join(dirname(file), location)).catch((thrown) => {
				throw refuse(
					`its weights lie in "${location}" beside it: ${fileState(thrown)}`,
					'Copy that file into the same folder.',
				);
			});
			const other = otherThanOnnx(content.subarray(0, 64));
			if (other?.[1] === FETCH) throw refuse(`its weights lie in "${location}": ${other[0]}`, other[1]);
			files.set(location, content);
		}
		return files.size === 0 ? bytes : embedWeights(bytes, files);
	} catch (thrown) {
		if (thrown instanceof Failure) throw thrown;
		throw refuse(
			(thrown as Error).message,
			'Give a whole .onnx file, with the files of its weights beside it.',
		);
	}
}

/** A name that leads out of the model's folder is refused, by itself or through a link. */
async function liesBeside(file: string, location: string): Promise<boolean> {
	const inside = (path: string) => !isAbsolute(path) && !normalize(path).startsWith('..');
	if (!inside(location) || location.includes('\\') || location.includes('\0')) return false;
	try {
		const real = await realpath(join(dirname(file), location));
		const folders = [await realpath(dirname(file)), dirname(await realpath(file))];
		return folders.some((folder) => inside(relative(folder, real)));
	} catch {
		// What is not there is told by its absence.
		return true;
	}
}

function otherThanOnnx(bytes: Uint8Array): [state: string, advice: string] | undefined {
	if (bytes.length === 0) return ['it is empty', 'Copy it again from where it was exported.'];
	const start = Buffer.from(bytes.subarray(0, 64)).toString('latin1');
	const named = others.find(([begin]) => start.startsWith(begin));
	if (named) return [named[1], named[2]];
	const mark = marked.find(([four]) => start.slice(4, 8) === four);
	return mark && [mark[1], EXPORT];
}

async function bytesOf(path: string): Promise<Uint8Array> {
	return new Uint8Array(await readFile(path));
}
