import { Failure } from '../base/failure.js';
import { lineLog } from '../base/log.js';
import type { Config } from '../config/schema.js';
import type { VerdictMessage } from '../protocol/verdict.js';
import { type Arguments, type Command, type Context, textOption } from './command.js';
import { runDaemon } from './daemon.js';
import { prepareDemonstration } from './demonstration.js';
import { loadConfig, passwordOf } from './load-config.js';

export const run: Command = {
	name: 'run',
	summary:
		'Inspects by a configuration until it is told to stop. Without --config it demonstrates itself: an embedded broker, a simulated line, and a part that it teaches itself on the spot.',
	positionals: [],
	options: {
		config: { value: 'FILE', summary: 'the configuration (YAML)' },
		data: { value: 'DIR', summary: 'where the demonstration keeps its bundle', fallback: 'inspectord-data' },
		port: { value: 'N', summary: "first port to try for the demonstration's broker", fallback: '1883' },
		'until-finished': { summary: 'end when every source has ended (folders and files that do not loop)' },
		json: { summary: 'print verdicts as one line of JSON each' },
	},
	run: async (args, context) => {
		const file = textOption(args, 'config');
		if (file !== undefined) return inspect(await loadConfig(file), args, context);
		await using demonstration = await prepareDemonstration(args, context);
		await inspect(demonstration.config, args, context);
	},
};

async function inspect(config: Config, args: Arguments, context: Context): Promise<void> {
	const underSystemd = context.env.JOURNAL_STREAM !== undefined;
	await runDaemon(config, {
		env: context.env,
		version: context.version,
		password: await passwordOf(config),
		log: lineLog(context.note, config.log, underSystemd, () => new Date()),
		onVerdict: (message) =>
			context.print(args.options.json ? JSON.stringify(message) : verdictLine(message, context.interactive)),
		signal: context.signal,
		untilFinished: args.options['until-finished'] === true,
	});
	const { reason } = context.signal;
	if (context.signal.aborted && !(reason instanceof Failure)) throw reason;
}

const colours = { accept: '\x1b[32m', reject: '\x1b[31m', error: '\x1b[33m' } as const;

/** One line a part: time, station, verdict, score against threshold, which frame, how long. */
export function verdictLine(message: VerdictMessage, coloured: boolean): string {
	const { verdict, score, threshold, station, takenAt, frame, times, error } = message;
	const word = verdict.padEnd(6);
	const number = (n: number | null) => (n === null ? '   –  ' : n.toFixed(4));
	return [
		takenAt.slice(11, 23),
		station,
		coloured ? `${colours[verdict]}${word}\x1b[0m` : word,
		`${number(score)} / ${number(threshold)}`,
		...(times ? [`${times.totalMs.toFixed(0).padStart(4)} ms`] : []),
		...(frame === null ? [] : [frame]),
		...(error ? [error.message] : []),
	].join('  ');
}
