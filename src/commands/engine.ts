import { resolve } from 'node:path';
import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { PRECISIONS } from '../base/precision.js';
import { duration } from '../base/words.js';
import { buildEngineInChild } from '../daemon/job.js';
import { loadConfig } from '../daemon/settings.js';
import { readDataset } from '../disk/dataset.js';
import { enginesFolder, type Listed, listEngines, removeEngine } from '../disk/engines.js';
import { accelerator } from '../machine/accelerator.js';
import { fingerprintOf, keyDifference, type Machine } from '../model/engine.js';
import type { EngineProgress, EngineRequest } from '../protocol/engine-messages.js';
import { type Arguments, type Command, choiceOption, numberOption, textOption } from './terminal/command.js';
import { bar, tenths } from './terminal/progress.js';

type Act = {
	readonly takes: string;
	readonly least: number;
	readonly most: number;
	run(words: readonly string[], folder: string, args: Arguments, context: Context): Promise<void>;
};

const acts: Readonly<Record<string, Act>> = {
	build: { takes: 'one BUNDLE', least: 1, most: 1, run: build },
	list: { takes: 'nothing more', least: 0, most: 0, run: list },
	verify: {
		takes: 'names of engines, or nothing for all',
		least: 0,
		most: Number.POSITIVE_INFINITY,
		run: verify,
	},
	remove: { takes: 'names of engines', least: 1, most: Number.POSITIVE_INFINITY, run: remove },
};

export const engineCommand: Command = {
	name: 'engine',
	summary:
		'Engines of TensorRT: `build BUNDLE` makes one for this machine with trtexec, compares it with float32 and keeps it whole or not at all; `list`, `verify [ID…]`, `remove ID…`.',
	positionals: [Object.keys(acts).join('|'), '[BUNDLE or ID…]'],
	options: {
		precision: {
			value: 'NAME',
			summary: `build: ${PRECISIONS.join(', ')} (default: what the bundle runs in); fp16 can be made of any bundle`,
		},
		labelled: {
			value: 'DATASET',
			summary: 'build: labelled images that the engine must tell apart as well as float32',
		},
		again: { summary: 'build: also where an engine stands, or the build failed before' },
		limit: { value: 'SECONDS', summary: 'build: what trtexec may take', fallback: '3600' },
		engines: {
			value: 'FOLDER',
			summary:
				'where engines are kept (default: CACHE_DIRECTORY, XDG_CACHE_HOME/inspectord or ~/.cache/inspectord, and engines below it)',
		},
		config: { value: 'FILE', summary: 'the configuration whose folder of engines is meant' },
		json: { summary: 'print the result as one line of JSON' },
	},
	run: async (args, context) => {
		const [action = '', ...words] = args.positionals;
		const act = Object.hasOwn(acts, action) ? acts[action] : undefined;
		if (!act)
			throw new Failure('usage', `engine cannot "${action}"`, `It can ${Object.keys(acts).join(', ')}.`);
		if (words.length < act.least || words.length > act.most)
			throw new Failure('usage', `engine ${action} takes ${act.takes}`, 'See inspectord engine --help.');
		await act.run(words, await folderOf(args, context), args, context);
	},
};

async function folderOf(args: Arguments, { env }: Context): Promise<string> {
	const [given, config] = [textOption(args, 'engines'), textOption(args, 'config')];
	if (given !== undefined) return resolve(given);
	return config === undefined ? enginesFolder(env) : (await loadConfig(config, env)).engines.folder!;
}

async function build(
	[bundle = '']: readonly string[],
	cache: string,
	args: Arguments,
	context: Context,
): Promise<void> {
	const labelled = textOption(args, 'labelled');
	const request: EngineRequest = {
		bundle: resolve(bundle),
		precision: choiceOption(args, 'precision', PRECISIONS),
		cache,
		limitMs: 1000 * numberOption(args, 'limit', { lowest: 1, highest: 86_400 }),
		again: args.options.again === true,
		...(labelled !== undefined && { labelled: resolve(labelled) }),
	};
	if (labelled !== undefined) await readDataset(labelled, context.note);
	try {
		const built = await buildEngineInChild(request, { ...context, report: engineLines(context) });
		if (args.options.json) return context.print(built);
		context.print(
			built.isNew
				? `Built engine ${built.id} in ${duration(built.seconds)}; it scores like float32. It lies in "${cache}".`
				: `Engine ${built.id} stands there already; --again builds it anew.`,
		);
	} catch (thrown) {
		if (thrown instanceof Failure) await sayLastWords(thrown, cache, context);
		throw thrown;
	}
}

/** What trtexec said last, where it was noted. */
async function sayLastWords({ message }: Failure, folder: string, { note }: Context): Promise<void> {
	const setbacks = (await listEngines(folder)).flatMap(({ setback }) => (setback ? [setback] : []));
	const tail = setbacks.find((one) => message.endsWith(one.message))?.tail ?? '';
	for (const line of tail.split('\n')) if (line !== '') note(`trtexec: ${line}`);
}

const labels: { readonly [P in EngineProgress['phase']]: string } = {
	exporting: 'preparing',
	building: 'building ',
	comparing: 'comparing',
};

/** What a build says, as lines. */
function engineLines(context: Context): (progress: EngineProgress) => void {
	const tell = tenths(context);
	return ({ phase, share, line }) => {
		const shown = share === null ? [] : [`${bar(share, 1)} ${Math.floor(100 * share)} %`];
		tell(phase, share ?? 0, [labels[phase], ...shown, line ?? ''].join(' ').trimEnd());
	};
}

async function list(
	_words: readonly string[],
	folder: string,
	args: Arguments,
	context: Context,
): Promise<void> {
	const found = await listEngines(folder);
	if (args.options.json) return context.print({ folder, engines: found.map(toldOf) });
	if (found.length === 0) context.print(`There is no engine in "${folder}".`);
	for (const one of found) for (const line of linesOf(one)) context.print(line);
}

/** @throws Failure engine-invalid when one is not whole, engine-missing when one is not there */
async function verify(
	words: readonly string[],
	folder: string,
	args: Arguments,
	context: Context,
): Promise<void> {
	const all = await listEngines(folder);
	const missing = words.find((word) => !all.some(({ id }) => id === word));
	if (missing !== undefined) throw noSuch(missing, folder);
	const chosen = all.filter(
		({ id, engine, failure }) => (engine || failure) && (words.length === 0 || words.includes(id)),
	);
	const machine = await accelerator();
	const told = chosen.map((one) => ({
		...toldOf(one),
		ok: one.engine !== undefined,
		elsewhere: elsewhere(one, machine),
	}));
	if (args.options.json) context.print({ folder, engines: told });
	else {
		if (chosen.length === 0) context.print(`There is no engine in "${folder}".`);
		for (const { id, ok, elsewhere: why, error } of told) {
			context.print(
				`${ok ? 'ok   ' : 'FAULT'}  ${id}: ${error ?? (why === '' ? 'whole, and of this machine' : `whole, of another machine: ${why}`)}`,
			);
		}
	}
	const faults = chosen.filter(({ failure }) => failure).length;
	if (faults > 0)
		throw new Failure(
			'engine-invalid',
			`${faults} of ${chosen.length} engines in "${folder}" cannot be used`,
			'Build them again with inspectord engine build, or take them away with inspectord engine remove.',
		);
}

/** In which words a machine is another one than the engine's; empty where it is not. */
function elsewhere({ engine }: Listed, { tensorrt, driver, sm, l4t }: Machine): string {
	if (!engine) return '';
	const { key } = engine.record;
	const here = { tensorrt: tensorrt ?? 'none', driver: driver ?? 'none', sm: sm ?? 'none', l4t };
	return keyDifference(key, { ...key, ...here });
}

async function remove(
	words: readonly string[],
	folder: string,
	args: Arguments,
	context: Context,
): Promise<void> {
	for (const word of words) if (!(await removeEngine(folder, word))) throw noSuch(word, folder);
	if (args.options.json) return context.print({ folder, removed: words });
	for (const word of words) context.print(`Removed engine ${word}.`);
}

function noSuch(id: string, folder: string): Failure {
	return new Failure(
		'engine-missing',
		`There is no engine "${id}" in "${folder}"`,
		'inspectord engine list names those that are there.',
	);
}

type Told = {
	readonly id: string;
	readonly error?: string;
	readonly [more: string]: unknown;
};

function toldOf({ id, engine, failure, setback }: Listed): Told {
	return {
		id,
		...(engine && { ...engine.record, file: engine.engine }),
		...(failure && { error: failure.message }),
		...(setback && { setback }),
	};
}

function linesOf({ id, engine, failure, setback }: Listed): string[] {
	const lines: string[] = [];
	if (engine) {
		const { bundle, key, builtAt, seconds, pictures } = engine.record;
		lines.push(
			`${id}  ${bundle} in ${key.precision}, for ${fingerprintOf(key)}; built ${builtAt.slice(0, 16)} in ${duration(seconds)}, like float32 on ${pictures} pictures`,
		);
	}
	if (failure) lines.push(`${id}  cannot be used: ${failure.message}`);
	if (setback) lines.push(`${id}  the build of ${setback.at.slice(0, 16)} failed: ${setback.message}`);
	return lines;
}
