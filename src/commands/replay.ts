import { Failure, reasonOf } from '../base/failure.js';
import { readBundle } from '../disk/bundle.js';
import { pictureFile } from '../disk/pictures.js';
import { openScorer } from '../inspect/scorer.js';
import { readPicture } from '../opencv/picture.js';
import { openSession } from '../ort/session.js';
import type { Event } from '../protocol/events.js';
import { messageId } from '../protocol/fields.js';
import { openSearch, type Search } from '../sqlite/search.js';
import { misfit } from '../vision/fit.js';
import { eventLine } from './events.js';
import { type Arguments, type Command, numberOption, textOption } from './terminal/command.js';
import { journalFolder, journalOptions } from './terminal/journal.js';
import { timeOption } from './terminal/time.js';

/** What a part would score; a text says why that is not known. */
type Rescore = (event: Event) => Promise<number | string> | number | string;

export const replayCommand: Command = {
	name: 'replay',
	summary:
		'Says which verdicts would have been others: with another threshold by the scores in the journal, with another bundle by the whole frames in it (journal.frames).',
	positionals: [],
	options: {
		...journalOptions,
		threshold: { value: 'X', summary: 'what would have been, had this been the threshold' },
		bundle: { value: 'DIR', summary: 'what would have been, had this bundle judged, with its threshold' },
		station: { value: 'NAME', summary: 'of this station alone' },
		since: { value: 'TIME', summary: 'from then on, as in `inspectord events`' },
		limit: { value: 'N', summary: 'the newest so many events', fallback: '10000000' },
		threads: { value: 'N', summary: 'processor threads for a bundle, 0 for one a core', fallback: '0' },
		json: { summary: 'print each verdict that would be another, and then the figures, as lines of JSON' },
	},
	run: async (args, context) => {
		const query = {
			station: textOption(args, 'station'),
			sinceMs: timeOption(args, 'since', Date.now()),
			limit: numberOption(args, 'limit', { lowest: 1, highest: 10_000_000 }),
		};
		const given = [textOption(args, 'threshold'), textOption(args, 'bundle')];
		if (given.filter((option) => option !== undefined).length !== 1)
			throw new Failure(
				'usage',
				'replay needs one thing that is other',
				'Give --threshold X or --bundle DIR.',
			);
		const folder = await journalFolder(args, context.env);
		using search = openSearch(folder);
		await using judge = await judgeOf(args, search, folder);
		const changed: Record<string, number> = {};
		const unknown: Record<string, number> = {};
		let verdicts = 0;
		for (const event of search.find(query)) {
			context.signal.throwIfAborted();
			if (event.kind !== 'verdict') continue;
			verdicts += 1;
			if (verdicts % 100 === 0) context.note(`${verdicts} verdicts`, { transient: true });
			const score = await judge.rescore(event);
			if (typeof score === 'string') {
				unknown[score] = (unknown[score] ?? 0) + 1;
				continue;
			}
			const verdict = score <= judge.threshold ? 'accept' : 'reject';
			if (verdict === event.verdict) continue;
			const change = `${event.verdict} → ${verdict}`;
			changed[change] = (changed[change] ?? 0) + 1;
			const then = {
				id: messageId(search.series, event.id),
				station: event.station,
				sequence: event.sequence,
			};
			if (args.options.json) context.print({ ...then, was: event.verdict, verdict, score });
			else context.print(`${eventLine(event)}  →  ${verdict}  ${score.toFixed(4)}`);
		}
		if (args.options.json) context.print({ verdicts, threshold: judge.threshold, changed, unknown });
		else for (const line of figureLines(verdicts, judge.threshold, changed, unknown)) context.print(line);
	},
};

type Judge = AsyncDisposable & { readonly threshold: number; readonly rescore: Rescore };

async function judgeOf(args: Arguments, search: Search, folder: string): Promise<Judge> {
	const dir = textOption(args, 'bundle');
	if (dir !== undefined)
		return bundleJudge(dir, search, folder, numberOption(args, 'threads', { lowest: 0, highest: 256 }));
	const most = Number.MAX_VALUE;
	const threshold = numberOption(args, 'threshold', { lowest: -most, highest: most, whole: false });
	return {
		threshold,
		// An error stays one, whatever the threshold: it says that nobody can vouch for the score.
		rescore: ({ score, verdict }) => (score === null || verdict === 'error' ? 'without a score' : score),
		[Symbol.asyncDispose]: async () => {},
	};
}

async function bundleJudge(dir: string, search: Search, folder: string, threads: number): Promise<Judge> {
	const bundle = await readBundle(dir);
	const { input, calibration } = bundle.manifest;
	const scorer = await openScorer(bundle, openSession, { threads });
	return {
		threshold: calibration.threshold,
		rescore: async ({ id }) => {
			const kept = search.pictures(id).find(({ role }) => role === 'frame');
			if (!kept) return 'without a frame';
			try {
				const frame = await readPicture(pictureFile(folder, kept.hash));
				try {
					// A small view of a part is kept in the same place.
					if (input.picture && misfit(frame, input.picture) !== undefined) return 'without a whole frame';
					const { score } = await scorer.score(frame.modelInput(input.region ?? undefined, scorer.size));
					return Number.isFinite(score) ? score : 'whose score is no number';
				} finally {
					frame.release();
				}
			} catch (thrown) {
				if (thrown instanceof Failure && thrown.code === 'image-unreadable')
					return 'whose frame cannot be read';
				throw thrown instanceof Failure ? thrown : new Failure('model-failed', reasonOf(thrown));
			}
		},
		[Symbol.asyncDispose]: () => scorer.close(),
	};
}

function figureLines(
	verdicts: number,
	threshold: number,
	changed: Readonly<Record<string, number>>,
	unknown: Readonly<Record<string, number>>,
): string[] {
	const all = Object.values(changed).reduce((sum, count) => sum + count, 0);
	return [
		`${all} of ${verdicts} verdicts would have been others with threshold ${threshold}.`,
		...Object.entries(changed).map(([change, count]) => `  ${count}  ${change}`),
		...Object.entries(unknown).map(([why, count]) => `  ${count}  ${why}: not known`),
	];
}
