import { Failure } from '../base/failure.js';
import { pause, timeLimit } from '../base/retry.js';
import type { Result } from '../protocol/requests.js';
import { answerTo, freshId } from './ask.js';
import { type Arguments, type Command, numberOption } from './terminal/command.js';
import { journalOptions } from './terminal/journal.js';

/** Between two looks. */
const LOOK_MS = 1000;

export const health: Command = {
	name: 'health',
	summary:
		'Ends with 0 when the daemon of this box answers and every station inspects, rests, or has finished; else with 1, and says why. For whoever must decide whether an update of the box stays (RAUC, Mender: docs/install.md).',
	positionals: [],
	options: {
		...journalOptions,
		within: { value: 'S', summary: 'wait so long for it, in seconds', fallback: '0' },
		connected: { summary: 'the broker must be reached, too' },
		json: { summary: 'print what was found as one line of JSON' },
	},
	run: async (args, context) => {
		const withinS = numberOption(args, 'within', { lowest: 0, highest: 86_400 });
		const isConnected = args.options.connected === true;
		using limit = timeLimit(withinS * 1000, context.signal);
		const look = () => faultsNow(args, context, isConnected);
		let faults = await look();
		while (faults.length > 0 && !limit.signal.aborted) {
			await pause(LOOK_MS, limit.signal);
			context.signal.throwIfAborted();
			faults = await look();
		}
		if (args.options.json) context.print({ ok: faults.length === 0, faults });
		else if (faults.length === 0) context.print('This box is well.');
		if (faults.length > 0) throw new Failure('box-unwell', `This box is not well: ${faults.join('; ')}`);
	},
};

/** A station that rests was looked at like one that inspects, and will. */
const WELL: readonly Result<'state'>['stations'][number]['state'][] = ['running', 'resting', 'finished'];

/** What keeps a box from being well, in words. */
export function faultsIn(
	{ stations, connected }: Pick<Result<'state'>, 'stations' | 'connected'>,
	mustBeConnected: boolean,
): readonly string[] {
	const idle = stations.filter(({ state }) => !WELL.includes(state));
	const told = idle.map(
		({ station, state, error }) =>
			`station "${station}" is in state ${state}${error ? `: ${error.message}` : ''}`,
	);
	if (stations.length === 0) told.push('no station has begun');
	return mustBeConnected && !connected ? [...told, 'the broker is not reached'] : told;
}

/** A daemon that cannot be asked is a fault among others: it may be about to start. */
async function faultsNow(
	args: Arguments,
	context: Parameters<Command['run']>[1],
	mustBeConnected: boolean,
): Promise<readonly string[]> {
	try {
		const { code, text, result } = await answerTo('state', { id: freshId() }, args, context);
		return code === 'ok' ? faultsIn(result as Result<'state'>, mustBeConnected) : [text];
	} catch (thrown) {
		if (!(thrown instanceof Failure) || thrown.code === 'usage' || context.signal.aborted) throw thrown;
		return [thrown.message];
	}
}
