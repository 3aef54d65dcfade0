import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Context } from '../../src/base/context.js';
import { teacherCommand } from '../../src/commands/teacher.js';
import { readTeacher } from '../../src/disk/teacher.js';
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
	const notes: string[] = [];
	const context: Context = {
		signal: new AbortController().signal,
		env: {},
		version: '0',
		home,
		interactive: false,
		toJournal: false,
		print: (result) => printed.push(typeof result === 'string' ? result : JSON.stringify(result)),
		note: (line) => notes.push(String(line)),
		onHangup: () => {},
		conceal: () => {},
	};
	const add = (name: string, options: Record<string, string | boolean>) =>
		teacherCommand.run({ positionals: ['add', name], options }, context);
	const folder = join(home, 'models', 'teachers');
	return {
		home,
		folder,
		printed,
		notes,
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
	const sha256 = createHash('sha256').update(content).digest('hex');
	const failure = await failureOf(world.add('resnet18', { from: server.address, sha256 }));
	assert.is(failure.code, 'download-failed');
	const [part] = await readdir(world.folder);
	assert.is(part, 'resnet18.safetensors.part');
	await world.add('resnet18', { from: server.address, sha256 });
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
			[
				'resnet18',
				{ from: 'http://127.0.0.1:1/x', sha256: '0'.repeat(64) },
				/Cannot download "http:\/\/127\.0\.0\.1:1\/x": /,
			],
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

teachers("from an address of one's own takes its hash, and a hash is one", async () => {
	await using server = await publish(zeroTeacher());
	await using world = await place();
	const without = await failureOf(world.add('resnet18', { from: server.address }));
	assert.is(without.code, 'usage');
	assert.match(without.advice!, /--sha256/);
	assert.is((await failureOf(world.add('resnet18', { from: server.address, sha256: 'abc' }))).code, 'usage');
	const other = await failureOf(world.add('resnet18', { from: server.address, sha256: '1'.repeat(64) }));
	assert.is(other.code, 'teacher-invalid');
	assert.is(server.ranges.length, 1, 'what takes no hash is not asked for');
	assert.equal(await readdir(world.folder), [], 'what is another file is not kept');
});

teachers(
	'that nobody vouches for is trusted on first use, said plainly, and is the only one from then on',
	async () => {
		await using world = await place();
		const [file, other] = [join(world.home, 'a.safetensors'), join(world.home, 'b.safetensors')];
		const content = zeroTeacher();
		await writeFile(file, content);
		const changed = Buffer.from(content);
		changed[changed.length - 1] = 1;
		await writeFile(other, changed);
		const sha256 = createHash('sha256').update(changed).digest('hex');

		await world.add('resnet18', { file });
		assert.match(world.notes.join('\n'), /nobody vouches for this file/);
		world.notes.length = 0;
		await world.add('resnet18', { file });
		assert.equal(world.notes, []);
		const failure = await failureOf(world.add('resnet18', { file: other }));
		assert.is(failure.code, 'teacher-invalid');
		assert.match(failure.message, new RegExp(`its SHA-256 is ${sha256}, not `));
		assert.match(
			failure.advice!,
			/was added on \d{4}-\d\d-\d\d\. Give the hash of the new one with --sha256/,
		);
		const teacher = join(world.folder, 'resnet18.safetensors');
		assert.equal(await readFile(teacher), content);
		await world.add('resnet18', { file: other, sha256 });
		assert.is((await readTeacher(teacher)).sha256, sha256);

		// Exchanged behind the back of `teacher add`: no lesson takes it.
		await writeFile(teacher, content);
		const distrusted = await failureOf(readTeacher(teacher));
		assert.is(distrusted.code, 'teacher-invalid');
		assert.match(
			distrusted.message,
			/Cannot trust teacher ".*resnet18\.safetensors": its SHA-256 is [0-9a-f]{64}, not the /,
		);
		// Another program's file beside a teacher of one's own says nothing about it.
		await writeFile(join(world.home, 'a.json'), '{"sha256": 5}');
		await readTeacher(file);
	},
);

teachers('is tried for its place before anything is fetched', async () => {
	const content = zeroTeacher();
	await using server = await publish(content);
	await using world = await place();
	await writeFile(join(world.home, 'models'), '');
	const sha256 = createHash('sha256').update(content).digest('hex');
	const failure = await failureOf(world.add('resnet18', { from: server.address, sha256 }));
	assert.is(failure.code, 'file-unwritable');
	assert.is(server.ranges.length, 0);
});

teachers.run();
