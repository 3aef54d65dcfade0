import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Context } from '../base/context.js';
import { Failure, reasonOf } from '../base/failure.js';
import { fileState } from '../base/file-state.js';
import { masked } from '../base/secrets.js';
import { assertFilePlace } from '../disk/file.js';
import { readRecord, readTeacher, teacherPath, writeRecord } from '../disk/teacher.js';
import { download } from '../download/download.js';
import { type Backbone, isBackbone } from '../model/architecture.js';
import { foldTeacher } from '../model/teacher.js';
import { type Arguments, type Command, textOption } from './terminal/command.js';
import { bar, tenths } from './terminal/progress.js';

type Published = { readonly address: string; readonly sha256?: string };

const published = (name: string) =>
	`https://huggingface.co/timm/${name}.tv_in1k/resolve/main/model.safetensors`;

/**
 * Where timm publishes torchvision's own weights as safetensors, and the file's SHA-256 where two or more public projects that do not
 * depend on one another have written down the same. Of resnet34 only one has.
 */
const teachers: { readonly [B in Exclude<Backbone, 'pocket'>]: Published } = {
	resnet18: {
		address: published('resnet18'),
		sha256: '694f673df6520a3158624e8a89af086f59923ee4cd7436fe5bc3bc71d295ad81',
	},
	resnet34: { address: published('resnet34') },
	resnet50: {
		address: published('resnet50'),
		sha256: '5d061a3c593d795bfe682d9b152bafbcf550579873492def3515b46db1189888',
	},
	wide_resnet50_2: {
		address: published('wide_resnet50_2'),
		sha256: 'df6fb6c4824769769de18e14088475fd6ee94236849aa4e5d8022ba9d9a9a16c',
	},
};

export const teacherCommand: Command = {
	name: 'teacher',
	summary: `Adds a larger teacher, which teach --backbone NAME then uses: teacher add NAME, NAME one of ${Object.keys(teachers).join(', ')}.`,
	positionals: ['add', 'NAME'],
	options: {
		file: { value: 'FILE', summary: 'take this file instead of downloading one' },
		from: {
			value: 'ADDRESS',
			summary: 'download from here instead of where timm publishes it; takes --sha256',
		},
		sha256: {
			value: 'HASH',
			summary:
				'what the file must have (default: what is known of the published one, or of the one added before)',
		},
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
				`Choose one of ${Object.keys(teachers).join(', ')}.`,
			);
		}
		const place = teacherPath(context.home, name);
		const trusted = await trustedHash(args, teachers[name], place);
		await assertFilePlace(place);
		const part = `${place}.part`;
		const origin = masked(await fetchInto(part, teachers[name].address, args, context));
		const sha256 = await verify(part, name, trusted);
		// First, so that no file stands there that is not the one written down.
		await writeRecord(place, { sha256, origin, addedAt: new Date().toISOString() });
		await rename(part, place);
		if (!trusted && sha256 !== teachers[name].sha256) {
			context.note(
				`warning: nobody vouches for this file. Its SHA-256 is written down now: from here on it is the only "${name}" that teach takes.`,
			);
		}
		context.print(
			args.options.json
				? { teacher: place, sha256, origin }
				: `Added teacher "${name}" (SHA-256 ${sha256}). Use it with teach --backbone ${name}.`,
		);
	},
};

/** What the file must have, and what to do when it has not. */
type Trusted = { readonly sha256: string; readonly advice: string };

/**
 * By what the file is known: the hash that was given, that of the published file, or the one written down when it was added before.
 * @throws Failure usage for a hash that is none, and for an address of one's own without a hash
 */
async function trustedHash(
	args: Arguments,
	{ sha256 }: Published,
	place: string,
): Promise<Trusted | undefined> {
	const given = textOption(args, 'sha256')?.toLowerCase();
	if (given !== undefined) {
		if (!/^[0-9a-f]{64}$/.test(given))
			throw new Failure(
				'usage',
				`Cannot use --sha256 "${given}"`,
				'It is 64 hexadecimal digits; sha256sum prints it.',
			);
		return { sha256: given, advice: 'Get it from a source that you trust.' };
	}
	const isFile = textOption(args, 'file') !== undefined;
	if (!isFile && textOption(args, 'from') !== undefined) {
		throw new Failure(
			'usage',
			'Cannot tell whether what --from gives is the teacher: its SHA-256 is not known',
			'Give it with --sha256, from where the file was made; sha256sum prints it.',
		);
	}
	const record = await readRecord(place);
	if (!isFile && sha256 !== undefined) {
		return {
			sha256,
			advice:
				'It is not the file that is known. Give its hash with --sha256 only if somebody whom you trust names it.',
		};
	}
	if (record === undefined) return undefined;
	return {
		sha256: record.sha256,
		advice: `That one was added on ${record.addedAt.slice(0, 10)}. Give the hash of the new one with --sha256 if it shall take its place.`,
	};
}

/** @returns where it came from */
async function fetchInto(
	part: string,
	publishedAt: string,
	args: Arguments,
	context: Context,
): Promise<string> {
	await mkdir(resolve(part, '..'), { recursive: true });
	const file = textOption(args, 'file');
	if (file !== undefined) {
		await copyFile(file, part).catch((thrown) => {
			throw new Failure(
				'file-unreadable',
				`Cannot read teacher "${file}": ${fileState(thrown)}`,
				'Check the path.',
			);
		});
		return resolve(file);
	}
	const address = textOption(args, 'from') ?? publishedAt;
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
async function verify(part: string, name: Backbone, trusted: Trusted | undefined): Promise<string> {
	try {
		const { weights, sha256 } = await readTeacher(part);
		if (trusted && trusted.sha256 !== sha256) {
			throw new Failure(
				'teacher-invalid',
				`Cannot add teacher "${name}": its SHA-256 is ${sha256}, not ${trusted.sha256}`,
				trusted.advice,
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
