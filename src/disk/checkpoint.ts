import { readFile } from 'node:fs/promises';
import { Failure, reasonOf } from '../base/failure.js';
import { fileState } from '../base/file-state.js';
import type { Checkpoint } from '../model/checkpoint.js';
import { encodeSafetensors, parseSafetensors } from '../model/safetensors.js';
import { writeWhole } from './file.js';

/** Whole or not at all; replaces an older one. @throws Failure file-unwritable */
export async function writeCheckpoint(path: string, { lesson, losses, state }: Checkpoint): Promise<void> {
	await writeWhole(path, encodeSafetensors(state, { lesson, losses: JSON.stringify(losses) }));
}

/** Undefined when there is none. @throws Failure file-unreadable when it is damaged, or of another lesson */
export async function readCheckpoint(path: string, lesson: string): Promise<Checkpoint | undefined> {
	let bytes: Uint8Array;
	try {
		bytes = await readFile(path);
	} catch (thrown) {
		if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		throw unusable(path, fileState(thrown));
	}
	let checkpoint: Checkpoint;
	try {
		const { weights: state, metadata } = parseSafetensors(bytes);
		const losses = JSON.parse(metadata.losses ?? '') as number[];
		checkpoint = { lesson: metadata.lesson ?? '', losses, state };
	} catch (thrown) {
		throw unusable(path, reasonOf(thrown));
	}
	if (checkpoint.lesson === lesson) return checkpoint;
	throw unusable(path, 'it is of a lesson with other pictures, another teacher or other settings');
}

/** What a checkpoint says that its lesson is; undefined where there is none, or it is damaged. */
export async function readLesson(path: string): Promise<string | undefined> {
	try {
		return parseSafetensors(await readFile(path)).metadata.lesson;
	} catch {
		return undefined;
	}
}

function unusable(path: string, state: string): Failure {
	return new Failure(
		'file-unreadable',
		`Cannot go on from checkpoint "${path}": ${state}`,
		'Give the same pictures and options as then, or teach without --resume.',
	);
}
