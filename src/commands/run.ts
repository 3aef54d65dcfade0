import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { jsonLog, type Log, lineLog } from '../base/log.js';
import { startDaemon } from '../daemon/start.js';
import { openNotifier } from '../systemd/notify.js';
import { type Arguments, type Command, textOption } from './terminal/command.js';
import { verdictLine } from './terminal/verdict-line.js';

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
		log: { value: 'text|json', summary: 'how the log is written (docs/log.md)', fallback: 'text' },
	},
	run: async (args, context) => {
		const file = textOption(args, 'config');
		if (file !== undefined) return inspect(file, context.interactive, args, context);
		// Its broker and its line are loaded only when they are shown.
		const { prepareDemonstration } = await import('./demonstration.js');
		await using demonstration = await prepareDemonstration(args, context);
		await inspect(demonstration.file, true, args, context);
	},
};

/** `isAttended`: somebody reads what is wrong with the file. */
async function inspect(file: string, isAttended: boolean, args: Arguments, context: Context): Promise<void> {
	const log = logOf(args, context);
	await startDaemon(file, isAttended, {
		env: context.env,
		version: context.version,
		conceal: context.conceal,
		log,
		openNotifier: () => openNotifier(context.env, process.pid, log),
		// Whoever closes his terminal wants it to end.
		onReread: context.interactive ? () => {} : context.onHangup,
		onVerdict: (message) =>
			context.print(args.options.json ? message : verdictLine(message, context.interactive)),
		signal: context.signal,
		untilFinished: args.options['until-finished'] === true,
	});
	const { reason } = context.signal;
	if (context.signal.aborted && !(reason instanceof Failure)) throw reason;
}

/** @throws Failure usage */
function logOf(args: Arguments, { note, toJournal }: Context): Log {
	const form = textOption(args, 'log');
	const clock = () => new Date();
	if (form === 'json') return jsonLog((line, prefix) => note(line, { prefix }), toJournal, clock);
	if (form === 'text') return lineLog(note, toJournal, clock);
	throw new Failure('usage', `--log is text or json, not "${form}"`, 'See inspectord run --help.');
}
