import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Context } from '../../src/base/context.js';
import { teacherCommand } from '../../src/commands/teacher.js';
import { architectures } from '../../src/model/architecture.js';
import { teacherUnits } from '../../src/model/teacher.js';
import { failureOf } from '../failure-of.js';

const teachers = suite('adding a teacher');

/** A safetensors file of a ResNet18's shapes, all zeros, folded. */
function zeroTeacher(): Buffer {
	const header: Record<string, unknown> = {};
	let length = 0;
	for (const { unit, shape } of teacherUnits(architectures.resnet18)) {
		for (const [part, dims] of [
			['weight', shape],
			['bias', [shape[0]!]],
		] as const) {
			const bytes = 4 * dims.reduce((a, b) => a * b, 1);
			header[`${unit.conv}.${part}`] = { dtype: 'F32', shape: dims, data_offsets: [length, length + bytes] };
			length += bytes;
		}
	}
	const text = Buffer.from(JSON.stringify(header));
	const size = Buffer.alloc(8);
	size.writeBigUInt64LE(BigInt(text.length));
	return Buffer.concat([size, text, Buffer.alloc(length)]);
}

/** A server on loopback that hangs up after `cut` bytes the first time, and understands ranges. */
async function publish(content: Buffer, cut?: number) {
	const ranges: (string | undefined)[] = [];
	const server = createServer((request, response) => {
		const { range } = request.headers;
		ranges.push(range);
		const from = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
		response.writeHead(range ? 206 : 200, { 'content-length': content.length - from });
		if (cut !== undefined && ranges.length === 1)
			response.write(content.subarray(0, cut), () => response.destroy());
		else response.end(content.subarray(from));
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const { port } = server.address() as { port: number };
	return {
		address: `http://127.0.0.1:${port}/model.safetensors`,
		ranges,
		[Symbol.asyncDispose]: async () => {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

async function place() {
	const home = await mkdtemp(join(tmpdir(), 'inspectord-test-'));
	const printed: string[] = [];
	const context: Context = {
		signal: new AbortController().signal,
		env: {},
		version: '0',
		home,
		interactive: false,
		print: (result) => printed.push(typeof result === 'string' ? result : JSON.stringify(result)),
		note: () => {},
		conceal: () => {},
	};
	const add = (name: string, options: Record<string, string | boolean>) =>
		teacherCommand.run({ positionals: ['add', name], options }, context);
	const folder = join(home, 'models', 'teachers');
	return {
		home,
		folder,
		printed,
		add,
		[Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
	};
}

teachers('downloads it, verifies it and records its hash', async () => {
	const content = zeroTeacher();
	await using server = await publish(content);
	await using world = await place();
	const sha256 = createHash('sha256').update(content).digest('hex');
	await world.add('resnet18', { from: server.address, sha256, json: true });
	assert.is(JSON.parse(world.printed[0]!).sha256, sha256);
	assert.equal(await readFile(join(world.folder, 'resnet18.safetensors')), content);
	assert.is(JSON.parse(await readFile(join(world.folder, 'resnet18.json'), 'utf8')).sha256, sha256);
});

teachers('goes on where an interrupted download ended', async () => {
	const content = zeroTeacher();
	await using server = await publish(content, 1_000_000);
	await using world = await place();
	const failure = await failureOf(world.add('resnet18', { from: server.address }));
	assert.is(failure.code, 'download-failed');
	const [part] = await readdir(world.folder);
	assert.is(part, 'resnet18.safetensors.part');
	await world.add('resnet18', { from: server.address });
	assert.match(server.ranges[1]!, /^bytes=[1-9]\d*-$/);
	assert.equal(await readFile(join(world.folder, 'resnet18.safetensors')), content);
	assert.not.ok((await readdir(world.folder)).includes(part!));
});

teachers(
	'takes a file, and refuses one that is another network, damaged, or not what was promised',
	async () => {
		await using world = await place();
		const file = join(world.home, 'r18.safetensors');
		await writeFile(file, zeroTeacher());
		await world.add('resnet18', { file });
		const cases: readonly (readonly [name: string, options: Record<string, string>, message: RegExp])[] = [
			[
				'resnet50',
				{ file },
				/Cannot add teacher "resnet50": its "layer1\.0\.conv1\.weight" is \[64,64,3,3\]/,
			],
			['resnet18', { file, sha256: '0'.repeat(64) }, /its SHA-256 is [0-9a-f]{64}, not 0000/],
			['resnet18', { file: join(world.home, 'absent') }, /Cannot read teacher/],
			['resnet18', { from: 'http://127.0.0.1:1/x' }, /Cannot download "http:\/\/127\.0\.0\.1:1\/x": /],
			['pocket', {}, /There is no teacher "pocket" to add/],
		];
		for (const [name, options, message] of cases)
			assert.match((await failureOf(world.add(name, options))).message, message);
		assert.equal(
			(await readdir(world.folder)).sort(),
			['resnet18.json', 'resnet18.safetensors'],
			'what stood there still stands',
		);
	},
);

teachers.run();
