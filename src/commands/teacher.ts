import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Context } from '../base/context.js';
import { Failure, reasonOf } from '../base/failure.js';
import { masked } from '../base/secrets.js';
import { writeWhole } from '../disk/file.js';
import { readTeacher, teacherPath } from '../disk/teacher.js';
import { download } from '../download/download.js';
import { type Backbone, isBackbone } from '../model/architecture.js';
import { foldTeacher } from '../model/teacher.js';
import { type Arguments, type Command, textOption } from './terminal/command.js';
import { bar, tenths } from './terminal/progress.js';

/** Where timm publishes torchvision's own weights as safetensors. */
const addresses: { readonly [B in Exclude<Backbone, 'pocket'>]: string } = {
	resnet18: 'https://huggingface.co/timm/resnet18.tv_in1k/resolve/main/model.safetensors',
	resnet34: 'https://huggingface.co/timm/resnet34.tv_in1k/resolve/main/model.safetensors',
	resnet50: 'https://huggingface.co/timm/resnet50.tv_in1k/resolve/main/model.safetensors',
	wide_resnet50_2: 'https://huggingface.co/timm/wide_resnet50_2.tv_in1k/resolve/main/model.safetensors',
};

export const teacherCommand: Command = {
	name: 'teacher',
	summary: `Adds a larger teacher, which teach --backbone NAME then uses: teacher add NAME, NAME one of ${Object.keys(addresses).join(', ')}.`,
	positionals: ['add', 'NAME'],
	options: {
		file: { value: 'FILE', summary: 'take this file instead of downloading one' },
		from: { value: 'ADDRESS', summary: 'download from here instead of where timm publishes it' },
		sha256: { value: 'HASH', summary: 'what the file must have' },
		json: { summary: 'print the result as one line of JSON' },
	},
	run: async (args, context) => {
		const [action = '', name = ''] = args.positionals;
		if (action !== 'add')
			throw new Failure(
				'usage',
				`teacher cannot "${action}"`,
				'It can only add: inspectord teacher add resnet18.',
			);
		if (!isBackbone(name) || name === 'pocket') {
			throw new Failure(
				'usage',
				`There is no teacher "${name}" to add`,
				`Choose one of ${Object.keys(addresses).join(', ')}.`,
			);
		}
		const place = teacherPath(context.home, name);
		const part = `${place}.part`;
		const origin = masked(await fetchInto(part, addresses[name], args, context));
		const sha256 = await verify(part, name, textOption(args, 'sha256'));
		await rename(part, place);
		await writeWhole(
			place.replace(/\.safetensors$/, '.json'),
			`${JSON.stringify({ sha256, origin, addedAt: new Date().toISOString() }, null, '\t')}\n`,
		);
		context.print(
			args.options.json
				? { teacher: place, sha256, origin }
				: `Added teacher "${name}" (SHA-256 ${sha256}). Use it with teach --backbone ${name}.`,
		);
	},
};

/** @returns where it came from */
async function fetchInto(
	part: string,
	published: string,
	args: Arguments,
	context: Context,
): Promise<string> {
	await mkdir(resolve(part, '..'), { recursive: true });
	const file = textOption(args, 'file');
	if (file !== undefined) {
		await copyFile(file, part).catch((thrown) => {
			throw new Failure(
				'file-unreadable',
				`Cannot read teacher "${file}": ${reasonOf(thrown)}`,
				'Check the path.',
			);
		});
		return resolve(file);
	}
	const address = textOption(args, 'from') ?? published;
	const tell = tenths(context);
	await download(
		address,
		part,
		(done, of) => {
			const shown = of === undefined ? '' : ` ${bar(done, of)}`;
			const share = of === undefined ? 0 : done / of;
			tell('downloading', share, `downloading${shown} ${(done / 1e6).toFixed(1)} MB`);
		},
		context.signal,
	);
	return address;
}

/** A file that is not this teacher is removed, so that the next attempt does not continue it. @throws Failure teacher-invalid */
async function verify(part: string, name: Backbone, wanted: string | undefined): Promise<string> {
	try {
		const { weights, sha256 } = await readTeacher(part);
		if (wanted !== undefined && wanted.toLowerCase() !== sha256) {
			throw new Failure(
				'teacher-invalid',
				`Cannot add teacher "${name}": its SHA-256 is ${sha256}, not ${wanted}`,
				'Get it from a source that you trust.',
			);
		}
		try {
			foldTeacher(weights, name);
		} catch (thrown) {
			throw new Failure(
				'teacher-invalid',
				`Cannot add teacher "${name}": ${reasonOf(thrown)}`,
				'Is it the file of this network?',
			);
		}
		return sha256;
	} catch (failure) {
		await rm(part, { force: true });
		throw failure;
	}
}
