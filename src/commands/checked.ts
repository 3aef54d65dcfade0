import type { Context } from '../base/context.js';
import { inLanes } from '../base/lanes.js';
import { masked } from '../base/secrets.js';
import type { Config } from '../config/schema.js';
import { credentialsOf, secretsOfCredentials } from '../daemon/credentials.js';
import { attempts, needsOf } from '../daemon/services.js';
import { secretsOf } from '../daemon/settings.js';

/** What is tried at the same time: each camera is a process. */
const AT_ONCE = 4;

/** What one thing was found to be that a configuration needs; `what` is its path there. */
export type Checked = {
	readonly what: string;
	readonly ok: boolean;
	readonly message: string;
	readonly advice?: string;
};

/** Tries everything that a configuration needs where `paths` says so, each once, and conceals its secrets. @throws Failure interrupted */
export async function checked(config: Config, context: Context, paths = /./): Promise<readonly Checked[]> {
	const credentials = await credentialsOf(config, context.env).catch(() => ({}));
	const secrets = [...secretsOf(config), ...secretsOfCredentials(credentials)];
	context.conceal(secrets);
	const { env, note, signal } = context;
	const attempt = attempts();
	const needs = needsOf(config).filter(({ path }) => paths.test(path));
	const findings = await inLanes(needs, AT_ONCE, (need) => attempt(need, { env, note, signal }));
	signal.throwIfAborted();
	return findings.map(({ path, message, failure }) => ({
		what: path,
		ok: failure === undefined,
		message: masked(message, secrets),
		...(failure?.advice !== undefined && { advice: masked(failure.advice, secrets) }),
	}));
}
