import { Failure } from '../../base/failure.js';
import { journalOf } from '../../daemon/config-file.js';
import { type Arguments, type Option, textOption } from './command.js';

/** Which journal a command reads. */
export const journalOptions: Readonly<Record<'config' | 'state', Option>> = {
	config: { value: 'FILE', summary: 'the configuration whose journal is meant' },
	state: { value: 'DIR', summary: 'the folder of the journal itself' },
};

/** The folder of the journal that is meant. @throws Failure usage */
export async function journalFolder(
	args: Arguments,
	env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
	const [state, config] = [textOption(args, 'state'), textOption(args, 'config')];
	if (state !== undefined) return state;
	if (config !== undefined) return journalOf(config, env);
	throw new Failure(
		'usage',
		'It is not said which journal',
		'Give a configuration with --config FILE, or the folder of the journal with --state DIR.',
	);
}
