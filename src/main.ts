#!/usr/bin/env node
import { existsSync, fstatSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Context } from './base/context.js';
import { Failure } from './base/failure.js';
import { masked } from './base/secrets.js';
import { nearest } from './base/words.js';
import { children, commands } from './commands/table.js';
import type { Arguments, Command } from './commands/terminal/command.js';
import { commandHelp, generalHelp } from './commands/terminal/help.js';
import { voiceOf } from './commands/terminal/voice.js';

/** A reader of our last words gets so long. */
const LAST_WORDS_MS = 1000;

const results = voiceOf(process.stdout);
const errors = voiceOf(process.stderr);

const EXIT = { failure: 1, usage: 2, fault: 70, interrupted: 130 } as const;

/** What the configuration keeps secret: never shown on a terminal or in a log. */
const secrets: string[] = [];

async function main(): Promise<number> {
	const [name = '', ...rest] = process.argv.slice(2);
	const { version } = JSON.parse(readFileSync(join(homeFolder(), 'package.json'), 'utf8')) as {
		version: string;
	};
	if (name === '' || name === '--help' || name === '-h' || name === 'help') {
		console.log(generalHelp(version, commands));
		return name === '' ? EXIT.usage : 0;
	}
	if (name === '--version' || name === '-v') {
		console.log(version);
		return 0;
	}
	const child = Object.hasOwn(children, name) ? children[name] : undefined;
	if (child) {
		await (await child())(untilSignalled(version));
		return 0;
	}
	const load = Object.hasOwn(commands, name) ? commands[name]?.load : undefined;
	if (!load) {
		const meant = nearest(name, Object.keys(commands));
		throw new Failure(
			'usage',
			`There is no command "${name}"`,
			meant ? `Did you mean "${meant}"?` : 'See inspectord --help.',
		);
	}
	const command = await load();
	if (rest.includes('--help') || rest.includes('-h')) {
		console.log(
			commandHelp(
				command,
				rest.filter((word) => !word.startsWith('-')),
			),
		);
		return 0;
	}
	const args = parse(command, rest);
	await command.run(args, untilSignalled(version));
	return 0;
}

/** The world as it is, with a signal that SIGINT and SIGTERM abort. */
function untilSignalled(version: string): Context {
	const abort = new AbortController();
	const end = () => abort.abort(new Failure('interrupted', 'Interrupted'));
	// A second Ctrl-C ends at once. SIGTERM comes twice from what signals a process and then its group, like timeout(1).
	process.once('SIGINT', end);
	process.on('SIGTERM', end);
	return contextOf(abort.signal, version);
}

/** The nearest folder above the compiled code that holds package.json. */
function homeFolder(): string {
	let folder = dirname(fileURLToPath(import.meta.url));
	while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
	return folder;
}

function parse(command: Command, argv: readonly string[]): Arguments {
	const table = Object.entries(command.options).map(([name, { value, fallback }]) => [
		name,
		{
			type: value ? ('string' as const) : ('boolean' as const),
			...(fallback !== undefined && { default: fallback }),
		},
	]);
	const usage = `See inspectord ${command.name} --help.`;
	let parsed: { values: Record<string, unknown>; positionals: string[] };
	try {
		parsed = parseArgs({ args: [...argv], options: Object.fromEntries(table), allowPositionals: true });
	} catch (thrown) {
		const unknown = /Unknown option '--?([^']+)'/.exec(String(thrown))?.[1];
		if (unknown === undefined)
			throw new Failure('usage', `Cannot understand the options: ${(thrown as Error).message}`, usage);
		const meant = nearest(unknown, Object.keys(command.options));
		throw new Failure(
			'usage',
			`There is no option "--${unknown}" for ${command.name}`,
			meant ? `Did you mean "--${meant}"?` : usage,
		);
	}
	const { positionals } = parsed;
	const needed = command.positionals.filter((positional) => !positional.endsWith('…]')).length;
	const most = needed < command.positionals.length ? Number.POSITIVE_INFINITY : needed;
	if (positionals.length < needed || positionals.length > most) {
		const wanted = command.positionals.join(' ') || 'no arguments';
		throw new Failure(
			'usage',
			`${command.name} takes ${wanted}, not ${positionals.length} argument(s)`,
			usage,
		);
	}
	return { positionals, options: parsed.values as Arguments['options'] };
}

function contextOf(signal: AbortSignal, version: string): Context {
	const interactive = process.stderr.isTTY === true && process.stdout.isTTY === true;
	let overdraw = '';
	const unread = { count: 0, told: 0 };
	const clear = () => {
		if (overdraw !== '') errors.say(overdraw);
		overdraw = '';
	};
	return {
		signal,
		env: process.env,
		version,
		home: homeFolder(),
		interactive,
		toJournal: isJournal(process.env.JOURNAL_STREAM),
		print: (result) => {
			clear();
			results.say(`${typeof result === 'string' ? masked(result, secrets) : jsonLine(result)}\n`);
			unread.count += results.dropped();
			// Told at twice as many each time: a reader who stays away must not fill the log.
			if (unread.count > 2 * unread.told) {
				unread.told = unread.count;
				errors.say(`inspectord: ${unread.count} results were not printed so far: nobody reads them\n`);
			}
		},
		note: (line, { transient = false, prefix = '' } = {}) => {
			if (transient && !interactive) return;
			clear();
			const shown = typeof line === 'string' ? masked(line, secrets) : prefix + jsonLine(line, secrets);
			errors.say(transient ? shown : `${shown}\n`);
			if (transient) overdraw = '\r\x1b[K';
		},
		onHangup: (hear) => void process.on('SIGHUP', hear),
		conceal: (more) => void secrets.push(...more),
	};
}

/** Whether standard error is the stream that systemd names, and not one of somebody who inherited the name (systemd.exec(5)). */
function isJournal(named: string | undefined): boolean {
	if (named === undefined) return false;
	try {
		const { dev, ino } = fstatSync(2);
		return named === `${dev}:${ino}`;
	} catch {
		return false;
	}
}

/** A machine's texts stay texts: what looks like an address is masked in each, before it is quoted. */
function jsonLine(value: object, known: readonly string[] = []): string {
	return JSON.stringify(value, (_, inner) => (typeof inner === 'string' ? masked(inner, known) : inner));
}

/** One or two lines: what was wrong, and what to do. */
function report(thrown: unknown): number {
	const say = (text: string) => errors.say(`${masked(text, secrets)}\n`);
	if (!(thrown instanceof Failure)) {
		say(`inspectord: a fault of ours, please report it\n${(thrown as Error)?.stack ?? thrown}`);
		return EXIT.fault;
	}
	const { message, advice } = thrown;
	say(
		`${process.stderr.isTTY ? '\r\x1b[K' : ''}inspectord: ${message}${advice === undefined ? '' : `\n${advice}`}`,
	);
	if (thrown.code === 'interrupted') return EXIT.interrupted;
	return thrown.code === 'usage' ? EXIT.usage : EXIT.failure;
}

/** Node's own words may show an address too: its warnings about URLs do, and whatever nobody catches. */
function guardNodesWords(): void {
	if (process.listenerCount('warning') > 0) {
		process.removeAllListeners('warning');
		process.on('warning', ({ name, message }) =>
			errors.say(masked(`(node:${process.pid}) ${name}: ${message}\n`, secrets)),
		);
	}
	process.on('uncaughtException', (thrown) => process.exit(report(thrown)));
}

/** Ends when everything is said. Whatever runs until it is told to stop does not wait for a reader who does not read. */
function leave(code: number): void {
	process.exitCode = code;
	const [, , name = ''] = process.argv;
	const waits = !Object.hasOwn(children, name) && commands[name]?.endless !== true;
	const end = () => {
		const unread = process.stdout.writableLength + process.stderr.writableLength;
		if (waits && unread > 0) setTimeout(end, LAST_WORDS_MS).unref();
		else process.exit();
	};
	setTimeout(end, LAST_WORDS_MS).unref();
}

guardNodesWords();
main().then(leave, (thrown) => leave(report(thrown)));
