import { Failure } from '../base/failure.js';
import { loadConfig } from '../daemon/settings.js';
import { checked } from './checked.js';
import { type Command, textOption } from './terminal/command.js';

/** Where the configuration speaks of what two may have at a time. */
const HELD_BY_NOBODY = /^(recipes|journal)\./;

export const check: Command = {
	name: 'check',
	summary:
		'Tries everything that a configuration needs: the file itself, each bundle with its golden vectors, each camera, the broker.',
	positionals: [],
	options: {
		config: { value: 'FILE', summary: 'the configuration (YAML)' },
		beside: {
			summary:
				'only the file, its bundles and the journal: what a daemon that runs holds on to (cameras, brokers) is left alone',
		},
		json: { summary: 'print the findings as one line of JSON' },
	},
	run: async (args, context) => {
		const file = textOption(args, 'config');
		if (file === undefined)
			throw new Failure('usage', 'check needs a configuration', 'Give one with --config FILE.');
		const shown = await checked(
			await loadConfig(file, context.env),
			context,
			args.options.beside ? HELD_BY_NOBODY : undefined,
		);
		const faults = shown.filter(({ ok }) => !ok);
		if (args.options.json) context.print({ ok: faults.length === 0, findings: shown });
		else
			for (const { what, ok, message, advice } of shown) {
				context.print(`${ok ? 'ok   ' : 'FAULT'}  ${what}: ${message}`);
				if (advice !== undefined) context.print(`       ${advice}`);
			}
		if (faults.length > 0) {
			throw new Failure(
				'config-invalid',
				`Configuration "${file}" would start with ${faults.length} fault${faults.length === 1 ? '' : 's'}`,
			);
		}
		if (!args.options.json) context.print(`Configuration "${file}" would start.`);
	},
};
