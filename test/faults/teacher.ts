import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { oneOf, type Random } from '../../src/base/random.js';
import { FEWEST_PARTS, type Lesson } from '../../src/protocol/lesson.js';
import type { Answered } from './engineer.js';
import { FATES, fateOf, nameFor, type Shelf } from './shelf.js';
import type { Being } from './time.js';

export type TeacherWorld = {
	/** The journal's. */
	readonly folder: string;
	/** Whose parts are learnt from. */
	readonly stations: readonly string[];
	readonly shelf: Shelf;
	readonly random: Random;
	readonly later: Being['later'];
	/** Asks the box. @returns whether anybody heard it */
	readonly ask: (request: object) => boolean;
	readonly violated: (what: string) => void;
};

const MORE_PARTS = 5;
/** By then a lesson has its parts and not its bundle. */
const GIVE_UP_MS = 15_000;
/** Of lessons so many wait to be looked at when their parts are kept. */
const HELD = 0.25;

/** Asks for lessons, goes on with them and does not want them any more, and knows what may come of them. */
export function createTeacher({ folder, stations, shelf, random, later, ask, violated }: TeacherWorld) {
	let count = 0;
	let told: Lesson | undefined;
	let noted: Pick<Lesson, 'lesson' | 'state'> | undefined;
	/** What must be answered, where that is known, and by what is gone on. */
	const wanted = new Map<string, { readonly isSure: boolean; readonly then?: (() => void) | undefined }>();
	/** Lessons that are done, by their names of their own. */
	const done = new Map<string, string>();

	const send = (request: object, isSure = false, then?: () => void): void => {
		count += 1;
		const id = `lesson-${count}`;
		wanted.set(id, { isSure, then });
		if (!ask({ id, client: 'teacher', ...request }) && isSure)
			violated(`nobody hears ${id} though nothing is wrong`);
	};
	const begin = (fate: (typeof FATES)[number], station: string, isSure: boolean, then?: () => void): void =>
		send(
			{
				action: 'begin',
				name: nameFor(fate, count + 1),
				station,
				parts: FEWEST_PARTS + random.below(MORE_PARTS),
				...(!isSure && random.uniform() < HELD && { hold: true }),
			},
			isSure,
			then,
		);
	const beginWell = (then?: () => void): void => begin('well', stations[0]!, true, then);
	return {
		begin: () => begin(oneOf(FATES, random), oneOf(stations, random), false),
		resume: () => send({ action: 'resume' }),
		cancel: () => send({ action: 'cancel', ...(random.uniform() < 0.5 && { keep: true }) }),
		strike: () => send({ action: 'strike', strike: [1 + random.below(FEWEST_PARTS)] }),
		/** While nothing is wrong: what lies there is given up, one is given up while it is taught, and another one is learnt whole. */
		teachCalmly: (): void => {
			if (told?.state === 'teaching') violated(`lesson ${told.name} is taught for ever`);
			send({ action: 'cancel' }, false, () =>
				beginWell(() => later(GIVE_UP_MS, () => send({ action: 'cancel' }, true, () => beginWell()))),
			);
		},
		answered: ({ id, code, text }: Answered): void => {
			const known = wanted.get(id ?? '');
			if (!known || code === undefined) return;
			wanted.delete(id ?? '');
			if (known.isSure && code !== 'ok') violated(`${id} was answered ${code}: ${text}`);
			known.then?.();
		},
		/** The journal holds another state of one. */
		noted: ({ lesson, name, state }: Lesson): void => {
			if (state === 'done' && noted?.lesson === lesson && noted.state === 'cancelled')
				violated(`lesson ${name} was given up, and is done`);
			noted = { lesson, state };
		},
		told: (lesson: Lesson): void => {
			told = lesson;
			const { lesson: own, state, name, taught } = lesson;
			const before = done.get(own);
			if (before !== undefined && state !== 'done') violated(`lesson ${name} was done, and is ${state}`);
			if (state !== 'done') return;
			done.set(own, name);
			if (fateOf(name) !== 'well') violated(`lesson ${name} is done, and cannot be`);
			if (!taught || !shelf.find(taught.bundle))
				violated(`lesson ${name} is done, and there is no bundle ${taught?.bundle}`);
		},
		/** When everything is well: what was learnt is, and nothing of it is left. */
		settle: (): void => {
			for (const [id, { isSure }] of wanted) if (isSure) violated(`${id} was never answered`);
			wanted.clear();
			if (told?.state !== 'done') violated(`a lesson is ${told?.state ?? 'nowhere'} though nothing is wrong`);
			const place = join(folder, 'lesson', 'pictures');
			const left = existsSync(place) ? readdirSync(place) : [];
			if (left.length > 0) violated(`${left.length} pictures of a lesson that is done lie there`);
		},
	};
}

export type Teacher = ReturnType<typeof createTeacher>;
