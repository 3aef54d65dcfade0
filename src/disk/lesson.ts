import { join } from 'node:path';
import { writeWhole } from './file.js';
import { realFiles, textIn } from './files.js';
import { unwritable } from './place.js';

/** A picture that is kept for a lesson: which part it was, and what it scored. */
export type LessonPicture = { readonly part: number; readonly score: number | null };

/** What a lesson keeps while it is not done. */
export type LessonFolder = {
	/** Where its pictures lie. */
	readonly pictures: string;
	/** What was noted last; undefined where that cannot be read. */
	noted(): Promise<unknown>;
	/** @throws Failure file-unwritable */
	note(what: object): Promise<void>;
	/** In the order of their parts. */
	kept(): Promise<readonly LessonPicture[]>;
	/** Of all pictures. */
	bytes(): Promise<number>;
	/** Whole or not at all. @throws Failure file-unwritable */
	keep(picture: LessonPicture, png: Uint8Array): Promise<void>;
	/** @returns those that were not there */
	strike(parts: readonly number[]): Promise<readonly number[]>;
	/** Takes all pictures away. @throws Failure file-unwritable */
	clear(): Promise<void>;
};

/** The name says all there is to say of a picture, and nothing that could be taken for a judgement. */
const NAME = /^(\d{4,})_(-?\d+\.\d+)?\.png$/;

/** `folder` is made when something is written to it. */
export function lessonFolder(folder: string, files = realFiles): LessonFolder {
	const note = join(folder, 'lesson.json');
	const pictures = join(folder, 'pictures');
	const named = async () => {
		const names = await files.list(pictures).catch(() => []);
		return names
			.flatMap((name) => {
				const found = NAME.exec(name);
				if (!found) return [];
				return [{ name, part: Number(found[1]), score: found[2] === undefined ? null : Number(found[2]) }];
			})
			.sort((a, b) => a.part - b.part);
	};
	return {
		pictures,
		noted: async () => {
			try {
				return JSON.parse(textIn(await files.read(note)));
			} catch {
				return undefined;
			}
		},
		note: (what) => writeWhole(note, `${JSON.stringify(what, null, '\t')}\n`, undefined, files),
		kept: async () => (await named()).map(({ part, score }) => ({ part, score })),
		bytes: async () => {
			const found = await Promise.all((await named()).map(({ name }) => files.look(join(pictures, name))));
			return found.reduce((sum, seen) => sum + (seen?.size ?? 0), 0);
		},
		keep: ({ part, score }, png) => {
			const name = `${String(part).padStart(4, '0')}_${score === null ? '' : score.toFixed(6)}.png`;
			return writeWhole(join(pictures, name), png, undefined, files);
		},
		strike: async (parts) => {
			const all = await named();
			const absent = parts.filter((part) => !all.some((picture) => picture.part === part));
			if (absent.length > 0) return absent;
			for (const { name, part } of all) if (parts.includes(part)) await files.remove(join(pictures, name));
			return [];
		},
		clear: () =>
			files.removeFolder(pictures).catch((thrown) => {
				throw unwritable(pictures, thrown);
			}),
	};
}
