import { Failure } from '../base/failure.js';
import { inLanes } from '../base/lanes.js';
import { masked } from '../base/secrets.js';
import { credentialsOf, secretsOfCredentials } from '../daemon/credentials.js';
import { attempts, needsOf } from '../daemon/services.js';
import { loadConfig, secretsOf } from '../daemon/settings.js';
import { type Command, textOption } from './terminal/command.js';

/** What is tried at the same time: each camera is a process. */
const AT_ONCE = 4;

export const check: Command = {
	name: 'check',
	summary:
		'Tries everything that a configuration needs: the file itself, each bundle with its golden vectors, each camera, the broker.',
	positionals: [],
	options: {
		config: { value: 'FILE', summary: 'the configuration (YAML)' },
		json: { summary: 'print the findings as one line of JSON' },
	},
	run: async (args, context) => {
		const file = textOption(args, 'config');
		if (file === undefined)
			throw new Failure('usage', 'check needs a configuration', 'Give one with --config FILE.');
		const config = await loadConfig(file, context.env);
		const credentials = await credentialsOf(config, context.env).catch(() => ({}));
		const secrets = [...secretsOf(config), ...secretsOfCredentials(credentials)];
		context.conceal(secrets);
		const { env, note, signal } = context;
		const attempt = attempts();
		const findings = await inLanes(needsOf(config), AT_ONCE, (need) => attempt(need, { env, note, signal }));
		signal.throwIfAborted();
		const shown = findings.map(({ path, message, failure }) => ({
			what: path,
			ok: failure === undefined,
			message: masked(message, secrets),
			...(failure?.advice !== undefined && { advice: masked(failure.advice, secrets) }),
		}));
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
