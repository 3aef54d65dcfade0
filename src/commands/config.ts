import { existsSync } from 'node:fs';
import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { isObject, patched } from '../config/patch.js';
import { redacted } from '../config/redact.js';
import { revise } from '../config/revise.js';
import { dataOf } from '../config/yaml.js';
import { journalOf } from '../daemon/config-file.js';
import { faulty, readConfig } from '../daemon/settings.js';
import {
	openRevisions,
	type Revision,
	type Revisions,
	readRevision,
	readRevisions,
} from '../disk/revisions.js';
import { readMarkedText, readText } from '../disk/text.js';
import type { Answer } from '../protocol/answer.js';
import type { Ask } from '../protocol/requests.js';
import { assertUnlocked } from '../sqlite/lock.js';
import { answerTo, askCommand, assertOk, freshId } from './ask.js';
import { jsonOf } from './terminal/asked.js';
import { type Arguments, type Command, textOption } from './terminal/command.js';

const { detach: _, as, ...askOptions } = askCommand.options;

type Act = {
	/** In this role over a broker. */
	readonly role: 'viewer' | 'engineer';
	readonly most: number;
	/** Of a daemon that runs. */
	readonly ask: (words: readonly string[], asked: Asking) => Promise<string | object>;
	/** Of the file and its history, where none runs. */
	readonly alone: (words: readonly string[], place: Place) => Promise<string | object>;
};

/** Asks the daemon. @throws Failure for every answer but ok */
type Asking = (payload: Omit<Ask<'config'>, 'id' | 'client' | 'before'>) => Promise<Answer>;

type Place = {
	/** The journal's. */
	readonly folder: string;
	readonly history: () => Promise<{ readonly file: string; readonly revisions: readonly Revision[] }>;
	/** What would be written. @throws Failure */
	readonly commit: (change: (held: string, revisions: Revisions) => Promise<Written>) => Promise<string>;
};

type Written = { readonly text: string; readonly what: string };

const acts: Readonly<Record<string, Act>> = {
	show: {
		role: 'viewer',
		most: 0,
		ask: async (_words, asked) => {
			const { text, result } = await asked({ action: 'show' });
			return `# ${text}\n${revise('', result!.document)}`;
		},
		alone: async (_words, { folder, history }) => {
			const [newest] = (await history()).revisions;
			const text = await readRevision(folder, newest!.rev);
			return `# revision ${newest!.rev}; no daemon runs\n${revise('', redacted(dataOf(text)))}`;
		},
	},
	history: {
		role: 'viewer',
		most: 0,
		ask: async (_words, asked) => linesOf((await asked({ action: 'history' })).result!.revisions as Told[]),
		alone: async (_words, { history }) =>
			linesOf(
				(await history()).revisions.map(({ atMs, ...told }) => ({
					...told,
					at: new Date(atMs).toISOString(),
				})),
			),
	},
	rollback: {
		role: 'engineer',
		most: 1,
		ask: async ([rev], asked) =>
			(await asked({ action: 'rollback', ...(rev !== undefined && { rev }) })).text,
		alone: ([rev], { folder, commit }) =>
			commit(async (_held, revisions) => {
				const wanted = rev ?? revisions.list()[1]?.rev;
				if (wanted === undefined) throw new Failure('usage', 'There is no revision before this one');
				return { text: await readRevision(folder, wanted), what: `back to revision ${wanted}` };
			}),
	},
	edit: {
		role: 'engineer',
		most: Number.POSITIVE_INFINITY,
		ask: async (words, asked) => {
			const file = fileIn(words);
			if (file === undefined) return (await asked({ action: 'edit', patch: patchIn(words) })).text;
			const { rev } = (await asked({ action: 'show' })).result as { rev: string };
			return (await asked({ action: 'edit', baseRev: rev, text: await readText(file, 'configuration') }))
				.text;
		},
		alone: (words, { commit }) =>
			commit(async (held) => {
				const file = fileIn(words);
				if (file !== undefined)
					return { text: await readMarkedText(file, 'configuration'), what: `as in ${file}` };
				const patch = patchIn(words);
				const paths = words.map((word) => word.slice(0, word.indexOf('='))).join(', ');
				return { text: revise(held, patched(dataOf(held), patch)), what: `${paths} changed` };
			}),
	},
};

export const configCommand: Command = {
	name: 'config',
	summary:
		'The configuration of a daemon: show; history; rollback [REV], to the revision before or to REV; edit FILE, or edit key=value, as in recipes.lid.threshold=0.7 (null takes a setting away). Where no daemon runs here, the file itself is edited.',
	positionals: ['ACTION', '[REV|FILE|key=value…]'],
	options: { ...askOptions, as: { ...as!, fallback: '' } },
	run: async (args, context) => {
		const [action = '', ...words] = args.positionals;
		const act = Object.hasOwn(acts, action) ? acts[action] : undefined;
		const names = Object.keys(acts).join(', ');
		if (!act) throw new Failure('usage', `There is no action "${action}"`, `There are ${names}.`);
		if (words.length > act.most || (action === 'edit' && words.length === 0))
			throw new Failure('usage', `"${action}" takes other words`, 'See inspectord config --help.');
		context.print(await carriedOut(act, words, args, context));
	},
};

/** By the daemon that runs, or without one. */
async function carriedOut(
	act: Act,
	words: readonly string[],
	args: Arguments,
	context: Context,
): Promise<string | object> {
	const as = textOption(args, 'as') || act.role;
	const asked: Asking = async (payload) => {
		const options = { ...args.options, as };
		const answer = await answerTo('config', { ...payload, id: freshId() }, { ...args, options }, context);
		assertOk(answer);
		return answer;
	};
	try {
		return await act.ask(words, asked);
	} catch (thrown) {
		const isAlone = thrown instanceof Failure && thrown.code === 'daemon-unreachable';
		if (!isAlone || textOption(args, 'broker') !== undefined) throw thrown;
		return act.alone(words, await placeOf(args, context));
	}
}

async function placeOf(args: Arguments, { env }: Context): Promise<Place> {
	const [config, state] = [textOption(args, 'config'), textOption(args, 'state')];
	const folder = state ?? (await journalOf(config!, env));
	const history: Place['history'] = async () => {
		const found = await readRevisions(folder);
		if (found?.revisions.length) return found;
		throw new Failure(
			'file-unreadable',
			`There is no history in "${folder}"`,
			'It begins with the first run.',
		);
	};
	const file = config ?? (await history()).file;
	return {
		folder,
		history,
		commit: async (change) => {
			assertUnlocked(folder);
			const held = await readMarkedText(file, 'configuration');
			const isUsable = 'config' in readConfig(held, file, env);
			if (!isUsable) await history();
			const revisions = await openRevisions(file, folder, isUsable ? held : undefined);
			if (!isUsable) await revisions.refuse(held, 'replaced from the command line\n');
			const standing = isUsable ? held : await revisions.textOf(revisions.current.rev);
			const { text, what } = await change(standing, revisions);
			const read = readConfig(text, file, env);
			if ('faults' in read) throw faulty(file, read.faults);
			if (text === held) return `revision ${revisions.current.rev} stands: nothing differs`;
			const { rev } = await revisions.commit(text, 'command line', what);
			return `revision ${rev} stands in "${file}": no daemon runs, it was not tried`;
		},
	};
}

/** The file that is meant, if it is one. */
function fileIn(words: readonly string[]): string | undefined {
	const [word = ''] = words;
	return words.length === 1 && (!word.includes('=') || existsSync(word)) ? word : undefined;
}

/** `a.b=1` as a patch; values are JSON where they can be, else texts. @throws Failure usage */
function patchIn(words: readonly string[]): Record<string, unknown> {
	return words.reduce<Record<string, unknown>>((patch, word) => {
		const at = word.indexOf('=');
		if (at <= 0) throw new Failure('usage', `Cannot understand "${word}"`, 'Write key=value, or one file.');
		const value = word.slice(at + 1);
		const nested = word
			.slice(0, at)
			.split('.')
			.reduceRight<unknown>(
				(inner, key) => ({ [key]: inner }),
				jsonOf(value) ?? (value === 'null' ? null : value),
			);
		return merged(patch, nested as Record<string, unknown>);
	}, {});
}

function merged(a: Record<string, unknown>, b: Record<string, unknown>): Record<string, unknown> {
	const entries = Object.entries(b).map(([key, value]) => {
		const before = a[key];
		const isDeeper = isObject(before) && isObject(value);
		return [key, isDeeper ? merged(before, value) : value];
	});
	return { ...a, ...Object.fromEntries(entries) };
}

type Told = { readonly rev: string; readonly at: string; readonly by: string; readonly what: string };

function linesOf(revisions: readonly Told[]): string {
	return revisions.map(({ rev, at, by, what }) => `${rev}  ${at}  ${by}: ${what}`).join('\n');
}
