import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, StringStringEntryProtoSchema, TensorProto_DataLocation } from 'onnx-buf';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readOnnx } from '../../src/disk/onnx.js';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { float32 } from '../../src/graph/tensor.js';
import { openSession } from '../../src/ort/session.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';

const files = suite('ONNX files');

/** y = x · a + b. */
function whole(): Uint8Array {
	const graph = new Graph();
	const x = graph.input('x', 'float32', [2]);
	const a = graph.constant(float32([2], [3, 5]), 'a');
	const b = graph.constant(float32([2], [7, 11]), 'b');
	graph.output(graph.add(graph.mul(x, a), b), 'y');
	return encodeOnnx(graph, 'line');
}

type Place = Readonly<Record<string, string>>;

/** The same with its constants in other files. */
function outside(places: Readonly<Record<string, Place>>): Uint8Array {
	const model = fromBinary(ModelProtoSchema, whole());
	for (const tensor of model.graph!.initializer) {
		const place = places[tensor.name];
		if (!place) continue;
		tensor.rawData = new Uint8Array();
		tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
		tensor.externalData = Object.entries(place).map(([key, value]) =>
			create(StringStringEntryProtoSchema, { key, value }),
		);
	}
	return toBinary(ModelProtoSchema, model);
}

const bytesOf = (...numbers: number[]) => new Uint8Array(Float32Array.from(numbers).buffer);

files('are read whole, whatever files their weights lie in', async () => {
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	await mkdir(at('weights'));
	await writeFile(at('both.data'), bytesOf(0, 3, 5, 7, 11));
	await writeFile(at('weights/b.bin'), bytesOf(7, 11));
	const variants: readonly Readonly<Record<string, Place>>[] = [
		{},
		{ b: { location: 'weights/b.bin' } },
		{
			a: { location: 'both.data', offset: '4', length: '8' },
			b: { location: './weights/b.bin', length: '8' },
		},
		{ a: { location: 'both.data', offset: '4', length: '8' }, b: { location: 'both.data', offset: '12' } },
	];
	for (const places of variants) {
		await writeFile(at('m.onnx'), outside(places));
		const session = await openSession(await readOnnx(at('m.onnx')), { threads: 1 });
		const { y } = await session.run({ x: float32([2], [1, 2]) });
		assert.equal([...(y!.data as Float32Array)], [10, 21]);
		await session.close();
	}
});

files('that lack their weights, or want them from elsewhere, are refused', async () => {
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	await mkdir(at('models'));
	await mkdir(at('models/folder'));
	await writeFile(at('secret'), bytesOf(3, 5));
	await symlink(at('secret'), at('models/link'));
	await writeFile(at('models/short'), bytesOf(3));
	await writeFile(at('models/long'), bytesOf(3, 5, 7));
	await writeFile(at('models/pointer'), 'version https://git-lfs.github.com/spec/v1\n');
	const cases: readonly (readonly [place: Place, message: RegExp])[] = [
		[{ location: 'absent' }, /its weights lie in "absent" beside it: there is no such file/],
		[{ location: 'folder' }, /its weights lie in "folder" beside it: it is a folder/],
		[{ location: '../secret' }, /weights from "..\/secret", which does not lie beside it/],
		[{ location: 'folder/../../secret' }, /does not lie beside it/],
		[{ location: at('secret') }, /does not lie beside it/],
		[{ location: 'link' }, /weights from "link", which does not lie beside it/],
		[
			{ location: 'short', length: '8' },
			/"short" is cut off: it holds 4 bytes, the tensor "a" lies at 0 to 8/,
		],
		[{ location: 'short', offset: '99' }, /"short" is cut off/],
		[{ location: 'long' }, /the tensor "a" has 12 bytes in "long", but its shape needs 8/],
		[{ location: 'long', offset: '-4' }, /the tensor "a" lies at "-4" of "long"/],
		[{ location: 'pointer' }, /"pointer": it is a pointer of Git LFS/],
		[{}, /the tensor "a" lies in another file, but the model does not say in which/],
	];
	for (const [place, message] of cases) {
		await writeFile(at('models/m.onnx'), outside({ a: place }));
		const failure = await failureOf(readOnnx(at('models/m.onnx')));
		assert.is(failure.code, 'model-failed');
		assert.match(failure.message, message);
		assert.match(failure.message, /^Cannot read model ".*m.onnx": /);
		assert.ok(failure.advice);
	}
});

files('that are something else are told by what they are', async () => {
	await using folder = await temporaryFolder();
	const path = join(folder.path, 'm.onnx');
	const cases: readonly (readonly [content: string | Uint8Array, message: RegExp])[] = [
		['', /it is empty/],
		['version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n', /it is a pointer of Git LFS/],
		['PK\x03\x04archive', /it is a ZIP archive, as PyTorch writes its checkpoints/],
		['<!DOCTYPE html><html></html>', /it is a web page/],
		['    TFL3', /it is a model of TensorFlow Lite/],
		[whole().slice(0, 60), /it is not an ONNX model, or cut off/],
		['nothing of the kind', /it is not an ONNX model/],
	];
	for (const [content, message] of cases) {
		await writeFile(path, content);
		assert.match((await failureOf(readOnnx(path))).message, message);
	}
	assert.match((await failureOf(readOnnx(join(folder.path, 'no.onnx')))).message, /there is no such file/);
	assert.match((await failureOf(readOnnx(folder.path))).message, /it is a folder/);
});

files.run();
