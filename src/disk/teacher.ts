import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import type { Backbone } from '../model/architecture.js';
import { parseSafetensors } from '../model/safetensors.js';
import type { Weights } from '../model/weights.js';

/** A weights file as it is, before anybody knows which network it is for. */
export type TeacherFile = {
	readonly weights: Weights;
	readonly metadata: Readonly<Record<string, string>>;
	readonly sha256: string;
};

/** @throws Failure teacher-invalid when the file is missing, cut off or not safetensors */
export async function readTeacher(path: string): Promise<TeacherFile> {
	try {
		const bytes = await readFile(path);
		return { ...parseSafetensors(bytes), sha256: sha256Of(bytes) };
	} catch (thrown) {
		throw new Failure(
			'teacher-invalid',
			`Cannot read teacher "${path}": ${reasonOf(thrown)}`,
			"A teacher is a .safetensors file with the weights of a ResNet in torchvision's names.",
		);
	}
}

/** Where the teacher of that name lies; `home` is the project's folder. */
export function teacherPath(home: string, backbone: Backbone): string {
	return join(home, 'models', 'teachers', `${backbone}.safetensors`);
}
