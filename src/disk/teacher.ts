import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../base/failure.js';
import { fileState } from '../base/file-state.js';
import { sha256Of } from '../base/hash.js';
import type { Backbone } from '../model/architecture.js';
import { parseSafetensors } from '../model/safetensors.js';
import type { Weights } from '../model/weights.js';
import { writeWhole } from './file.js';

/** A weights file as it is, before anybody knows which network it is for. */
export type TeacherFile = {
	readonly weights: Weights;
	readonly metadata: Readonly<Record<string, string>>;
	readonly sha256: string;
};

/** What `teacher add` wrote down beside a teacher. */
export type TeacherRecord = { readonly sha256: string; readonly origin: string; readonly addedAt: string };

/** @throws Failure teacher-invalid when the file is missing, cut off or not safetensors, or not the one that was added */
export async function readTeacher(path: string): Promise<TeacherFile> {
	const file = await parsed(path);
	const record = await readRecord(path);
	if (record === undefined || record.sha256 === file.sha256) return file;
	throw new Failure(
		'teacher-invalid',
		`Cannot trust teacher "${path}": its SHA-256 is ${file.sha256}, not the ${record.sha256} of the one that was added on ${record.addedAt.slice(0, 10)}`,
		'Add it again with inspectord teacher add.',
	);
}

/** What was written down when a teacher was added, undefined where nothing was. */
export async function readRecord(teacher: string): Promise<TeacherRecord | undefined> {
	const text = await readFile(recordPath(teacher), 'utf8').catch(() => '');
	try {
		const { sha256, origin, addedAt } = JSON.parse(text) as Partial<TeacherRecord>;
		const isText = (value: unknown): value is string => typeof value === 'string';
		return isText(sha256) && isText(origin) && isText(addedAt) ? { sha256, origin, addedAt } : undefined;
	} catch {
		return undefined;
	}
}

/** @throws Failure file-unwritable */
export async function writeRecord(teacher: string, record: TeacherRecord): Promise<void> {
	await writeWhole(recordPath(teacher), `${JSON.stringify(record, null, '\t')}\n`);
}

function recordPath(teacher: string): string {
	return `${teacher.replace(/\.safetensors$/, '')}.json`;
}

async function parsed(path: string): Promise<TeacherFile> {
	try {
		const bytes = await readFile(path);
		return { ...parseSafetensors(bytes), sha256: sha256Of(bytes) };
	} catch (thrown) {
		throw new Failure(
			'teacher-invalid',
			`Cannot read teacher "${path}": ${fileState(thrown)}`,
			"A teacher is a .safetensors file with the weights of a ResNet in torchvision's names.",
		);
	}
}

/** Where the teacher of that name lies; `home` is the project's folder. */
export function teacherPath(home: string, backbone: Backbone): string {
	return join(home, 'models', 'teachers', `${backbone}.safetensors`);
}
