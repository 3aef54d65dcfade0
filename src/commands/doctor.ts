import { userInfo } from 'node:os';
import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import type { Config } from '../config/schema.js';
import { tryLibrary } from '../daemon/probe.js';
import { loadConfig } from '../daemon/settings.js';
import { enginesFolder } from '../disk/engines.js';
import { acceleratorHere } from '../machine/accelerator.js';
import { below } from '../machine/below.js';
import { askSystemd } from '../machine/clock.js';
import { watchCondition } from '../machine/condition.js';
import { devices } from '../machine/devices.js';
import { unit } from '../machine/unit.js';
import { placeAt } from '../machine/writable.js';
import type { LibraryAsked } from '../protocol/probe-messages.js';
import { findTrtexec } from '../trtexec/find.js';
import { checked } from './checked.js';
import { type Facts, type Judgement, STEPS, type Tried } from './doctor-steps.js';
import { type Command, textOption } from './terminal/command.js';

type Finding = Judgement & { readonly step: string };

/** One width, so that messages stand below each other. */
const SHOWN = { ok: 'ok     ', missing: 'MISSING', warning: 'warning' } as const;

export const doctor: Command = {
	name: 'doctor',
	summary:
		'Looks at this box, step by step, and tells what is missing and the command that mends it. With --config also at all that a configuration needs. Ends with 0 only when everything that is needed is there; warnings do not count.',
	positionals: [],
	options: {
		config: { value: 'FILE', summary: 'also try all that this configuration needs, as check does' },
		jetson: { summary: 'also look at what TensorRT on a Jetson needs' },
		json: { summary: 'print the findings as one line of JSON' },
	},
	run: async (args, context) => {
		const file = textOption(args, 'config');
		const config = file === undefined ? undefined : await configOf(file, context);
		const steps = STEPS.filter(({ of }) => of === 'box' || args.options.jetson === true);
		const facts = await factsOf(config?.config, context);
		const findings: readonly Finding[] = [
			...steps.map(({ name, look }) => ({ step: name, ...look(facts) })),
			...(config?.finding ? [config.finding] : []),
			...(config?.config ? await findingsOf(config.config, context) : []),
		];
		const lacking = findings.filter(({ state }) => state === 'missing').length;
		if (args.options.json) context.print({ ok: lacking === 0, findings });
		else
			for (const { step, state, message, remedy } of findings) {
				context.print(`${SHOWN[state]}  ${step}: ${indented(message)}`);
				if (remedy !== undefined) context.print(`${INDENT}${indented(remedy)}`);
			}
		if (lacking > 0)
			throw new Failure('box-incomplete', `This box lacks ${lacking} of ${findings.length} things`);
	},
};

/** Stands below what it belongs to, whatever lines it has. */
const INDENT = ' '.repeat(9);
const indented = (text: string): string => text.replaceAll('\n', `\n${INDENT}`);

type Read = { readonly config?: Config; readonly finding?: Finding };

/** A configuration with faults is a finding among others. */
async function configOf(file: string, { env }: Context): Promise<Read> {
	try {
		return { config: await loadConfig(file, env) };
	} catch (failure) {
		if (!(failure instanceof Failure)) throw failure;
		const { message, advice } = failure;
		return {
			finding: {
				step: 'config',
				state: 'missing',
				message,
				remedy: advice ?? `Mend it there, and try it again: inspectord check --config ${file}`,
			},
		};
	}
}

/** Of a failure that says nothing of it. */
const REPORT =
	'Try it again alone: inspectord check --config FILE. When it stays so, report this line, and what journalctl -u inspectord says.';

async function findingsOf(config: Config, context: Context): Promise<readonly Finding[]> {
	const findings = await checked(config, context);
	return findings.map(({ what, ok, message, advice }) => ({
		step: what,
		state: ok ? 'ok' : 'missing',
		message,
		...(!ok && { remedy: advice ?? REPORT }),
	}));
}

/** Without a configuration the journal would lie where the unit starts the daemon. */
async function factsOf(config: Config | undefined, context: Context): Promise<Facts> {
	const { env } = context;
	const service = await unit('inspectord.service');
	const [state] = (env.STATE_DIRECTORY ?? '').split(':');
	const folder = config?.journal.folder ?? (state || (service !== 'unheard' && service?.folder) || null);
	const attempt = (asked: LibraryAsked) => triedIn(asked, context);
	const [opencv, onnxruntime, tensorrt, sqlite, systemd, ...rest] = await Promise.all([
		attempt({ kind: 'opencv' }),
		attempt({ kind: 'provider', provider: 'cpu' }),
		attempt({ kind: 'provider', provider: 'tensorrt' }),
		attempt({ kind: 'sqlite' }),
		attempt({ kind: 'systemd' }),
		askSystemd('timedatectl'),
		folder === null ? null : placeAt(folder),
		placeAt(config?.engines.folder ?? enginesFolder(env)),
		watchCondition()(),
		acceleratorHere(env),
		devices(below('/'), '/'),
		findTrtexec(env, context.signal).catch((failure) => {
			if (!(failure instanceof Failure) || context.signal.aborted) throw failure;
			return { failure };
		}),
	]);
	const [clock, journal, engines, condition, gpu, found, trtexec] = rest;
	return {
		node: { version: process.versions.node, arch: process.arch },
		opencv,
		onnxruntime,
		tensorrt,
		sqlite,
		systemd,
		trtexec,
		clock,
		journal,
		engines,
		condition,
		accelerator: gpu,
		devices: found,
		unit: service,
		cameras: Object.values(config?.stations ?? {}).map(({ camera }) => camera.source),
		user: userInfo().username,
	};
}

async function triedIn(asked: LibraryAsked, { env, note, signal }: Context): Promise<Tried> {
	try {
		return { message: await tryLibrary(asked, { env, note, signal }) };
	} catch (failure) {
		if (!(failure instanceof Failure) || signal.aborted) throw failure;
		return { message: failure.message, failure };
	}
}
