import { timeLimit } from '../../base/retry.js';
import { isOpen, type Lesson, lessonLine, type Plan, planSchema } from '../../protocol/lesson.js';
import type { Ask, Result } from '../../protocol/requests.js';
import { type Handler, Refusal, unknownName } from '../answer.js';

export type TeachRequestWorld = {
	readonly stations: () => readonly string[];
	/** Undefined while the daemon moves. */
	readonly lesson: () =>
		| {
				readonly current: Lesson | null;
				kept(): Promise<Result<'teach'>['pictures']>;
				begin(plan: Plan): Promise<Lesson>;
				resume(): Promise<Lesson>;
				cancel(keep: boolean): Promise<Lesson>;
				strike(parts: readonly number[]): Promise<Lesson>;
				changed(signal: AbortSignal): Promise<void>;
		  }
		| undefined;
	/** Where its pictures lie; null for those who are not on the box. */
	readonly picturesFor: (place: string) => string | null;
};

type Action = Ask<'teach'>['action'];

/** What each action is asked with, beside the id. */
const takes: Readonly<Record<Action, readonly string[]>> = {
	begin: Object.keys(planSchema.shape),
	follow: [],
	show: [],
	strike: ['strike'],
	resume: [],
	cancel: ['keep'],
};

/** So long somebody follows with one request. */
const FOLLOW_MS = 45_000;

export function teachRequest({ stations, lesson, picturesFor }: TeachRequestWorld): Handler<'teach'> {
	return async ({ action, strike, keep, ...plan }, { by, signal, progress }) => {
		refuseOthers(action, { strike, keep, ...plan });
		const service = lesson();
		if (!service) throw new Refusal('busy', 'The daemon is being changed: ask again later');
		const act: Readonly<Record<Action, () => Promise<Lesson | null>>> = {
			begin: () => service.begin(planOf(plan, stations())),
			resume: () => service.resume(),
			cancel: () => service.cancel(keep ?? false),
			strike: () => service.strike(strike ?? []),
			show: async () => service.current,
			follow: async () => {
				using limit = timeLimit(FOLLOW_MS, signal);
				const over = limit.signal;
				for (let told = ''; service.current && !over.aborted; await service.changed(over)) {
					const { current } = service;
					const line = lessonLine(current);
					const { done, of } = current.progress ?? current.collected ?? { done: 0, of: 0 };
					if (line !== told) progress(done, of, line);
					told = line;
					if (!isOpen(current.state) || current.state === 'collected') break;
				}
				return service.current;
			},
		};
		const now = await act[action]();
		const isShown = action === 'show' || action === 'strike';
		return {
			text: now ? lessonLine(now) : 'There was no lesson yet',
			result: { lesson: now, pictures: isShown ? await service.kept() : [], folder: picturesFor(by.place) },
		};
	};
}

/** @throws Refusal invalid for what an action is not asked with, or lacks */
function refuseOthers(action: Action, asked: object): void {
	const given = Object.entries(asked).flatMap(([key, value]) => (value === undefined ? [] : [key]));
	const faults = given
		.filter((key) => !takes[action].includes(key))
		.map((path) => ({ path, message: `is not for "${action}"` }));
	if (action === 'strike' && !given.includes('strike'))
		faults.push({ path: 'strike', message: 'is missing' });
	refuseFor(faults);
}

function refuseFor(faults: readonly { readonly path: string; readonly message: string }[]): void {
	const [first] = faults;
	if (first) throw new Refusal('invalid', `${first.path}: ${first.message}`, faults);
}

/** @throws Refusal invalid */
function planOf(
	{ name, ...rest }: Omit<Ask<'teach'>, 'action' | 'strike' | 'keep'>,
	stations: readonly string[],
): Plan {
	const { folder, station, parts, hold } = rest;
	const missing = (path: string) => ({ path, message: 'is missing' });
	const beside = (path: string) => ({ path, message: 'is for the parts of a station, not for a folder' });
	const isFolder = folder !== undefined;
	refuseFor([
		...(name === undefined ? [missing('name')] : []),
		...(!isFolder && station === undefined ? [missing('folder')] : []),
		...(!isFolder && station !== undefined && parts === undefined ? [missing('parts')] : []),
		...(rest.falseRejects !== undefined && rest.thresholdRank !== undefined
			? [{ path: 'thresholdRank', message: 'and falseRejects both say what the threshold is' }]
			: []),
		...(isFolder && station !== undefined ? [beside('station')] : []),
		...(isFolder && parts !== undefined ? [beside('parts')] : []),
		...(isFolder && hold !== undefined ? [beside('hold')] : []),
	]);
	if (station !== undefined && !stations.includes(station))
		throw unknownName('station', 'station', station, stations);
	return { ...rest, name: name! };
}
