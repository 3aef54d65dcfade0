import { dirname, join, normalize, resolve } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import { secretsIn } from '../base/secrets.js';
import { countOf } from '../base/words.js';
import { addressesOf } from '../config/broker.js';
import { credentialIn } from '../config/file-setting.js';
import { type Check, faultLine, type Parsed, parseConfig } from '../config/parse.js';
import { patternFrom } from '../config/pattern.js';
import type { Config } from '../config/schema.js';
import { type Fault, glimpse } from '../config/yaml.js';
import { enginesFolder } from '../disk/engines.js';
import { readText } from '../disk/text.js';
import { reservedLevels } from '../protocol/topics.js';
import { isCronExpression } from '../schedule/cron.js';
import { parseSource, sourceFrom } from '../vision/source.js';
import { JOBS } from './schedule.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** A configuration by the text of its file; paths in it are relative to the file and come back absolute. */
export function readConfig(text: string, path: string, env: Environment): Parsed {
	const parsed = parseConfig(text, [names, sources, triggers, times]);
	return 'faults' in parsed ? parsed : { config: absolute(parsed.config, dirname(resolve(path)), env) };
}

/**
 * Reads and checks a configuration file; paths in it are relative to it and come back absolute.
 * @throws Failure file-unreadable, config-invalid with a line for every fault
 */
export async function loadConfig(path: string, env: Environment): Promise<Config> {
	const parsed = readConfig(await readText(path, 'configuration'), path, env);
	if ('config' in parsed) return parsed.config;
	throw faulty(path, parsed.faults);
}

/** What is wrong with a configuration file, a line for every fault. */
export function faulty(path: string, faults: readonly Fault[]): Failure {
	const lines = faults.map((fault) => faultLine(path, fault));
	return new Failure(
		'config-invalid',
		`Cannot use configuration "${path}": ${countOf(lines.length, 'fault')}\n${lines.join('\n')}`,
	);
}

/** Where the journal of a configuration probably lies that has faults: the likeliest first. */
export function likelyJournals(text: string, path: string, env: Environment): readonly string[] {
	const base = dirname(resolve(path));
	const { box, journal } = (glimpse(text) ?? {}) as { box?: unknown; journal?: { folder?: unknown } | null };
	const folder = journal?.folder;
	return [
		...(typeof folder === 'string' ? [resolve(base, folder)] : []),
		resolve(base, journalFolder({ box: String(box) }, env)),
	];
}

/** What the broker knows a box by. */
export function clientIdOf({ box, mqtt: { root, clientId } }: Pick<Config, 'box' | 'mqtt'>): string {
	return clientId ?? `${root.replaceAll('/', '-')}-${box}`;
}

/** Everything in a configuration that must never be shown, as it stands there and as libraries may show it. */
export function secretsOf({ mqtt, stations }: Config): string[] {
	const sources = Object.values(stations).map(({ camera }) => camera.source);
	return [...addressesOf(mqtt), ...sources].flatMap(secretsIn);
}

const names: Check = ({ box, stations }) =>
	[
		{ path: ['box'], name: box },
		...Object.keys(stations).map((station) => ({ path: ['stations', station], name: station })),
	].flatMap(({ path, name }) =>
		reservedLevels.has(name)
			? [{ path, message: `"${name}" is a word of the topics themselves: choose another name` }]
			: [],
	);

const sources: Check = ({ stations }) =>
	Object.entries(stations).flatMap(([station, { camera }]) => {
		try {
			parseSource(camera.source);
			return [];
		} catch (thrown) {
			return [{ path: ['stations', station, 'camera', 'source'], message: reasonOf(thrown) }];
		}
	});

const times: Check = ({ schedule }) =>
	JOBS.flatMap((job) => {
		const time = schedule[job];
		if (time === undefined || isCronExpression(time)) return [];
		return [{ path: ['schedule', job], message: `"${time}" is not a cron expression, like "0 3 * * *"` }];
	});

const triggers: Check = ({ stations, recipes }) => {
	const incomplete = Object.entries(recipes).flatMap(([name, { trigger }]) => {
		const { mode } = trigger;
		if ((mode !== 'file' && mode !== 'gpio') || trigger[mode] !== undefined) return [];
		return [{ path: ['recipes', name, 'trigger', mode], message: `is missing: mode "${mode}" needs it` }];
	});
	const late = Object.entries(recipes).flatMap(([name, { trigger, deadlineMs }]) => {
		if (trigger.mode === 'every' || trigger.delayMs < deadlineMs) return [];
		const message = `the part comes into view when its deadline is over (deadlineMs: ${deadlineMs})`;
		return [{ path: ['recipes', name, 'trigger', 'delayMs'], message }];
	});
	const users = new Map<string, string>();
	const shared = Object.entries(stations).flatMap(([station, { recipe }]) => {
		const trigger = recipes[recipe]?.trigger;
		if (!trigger) return [];
		const { mode, file, gpio } = trigger;
		if (mode !== 'file' && mode !== 'gpio') return [];
		const waitsFor =
			mode === 'file'
				? `file "${normalize(file ?? '')}"`
				: `line ${gpio?.line} of "${gpio?.chip.replace(/^\/dev\//, '')}"`;
		const other = users.get(waitsFor);
		users.set(waitsFor, other ?? station);
		if (other === undefined) return [];
		const message = `station "${other}" waits for ${waitsFor}, too: a signal goes to one station`;
		return [{ path: ['stations', station, 'recipe'], message }];
	});
	return [...incomplete, ...late, ...shared];
};

function absolute(config: Config, base: string, env: Environment): Config {
	const { mqtt, journal, engines, recipes, stations, control } = config;
	const { allow } = control;
	return {
		...config,
		mqtt: {
			...mqtt,
			...filesFrom(base, mqtt, ['usernameFile', 'passwordFile']),
			...(mqtt.tls && { tls: { ...mqtt.tls, ...filesFrom(base, mqtt.tls, ['ca', 'cert', 'key']) } }),
		},
		journal: { ...journal, folder: resolve(base, journal.folder ?? journalFolder(config, env)) },
		engines: { ...engines, folder: resolve(base, engines.folder ?? enginesFolder(env)) },
		control: {
			...control,
			allow: {
				...allow,
				cameras: allow.cameras.map((pattern) => patternFrom(pattern, (path) => resolve(base, path))),
				...(allow.bundles !== undefined && { bundles: resolve(base, allow.bundles) }),
				...(allow.pictures !== undefined && { pictures: resolve(base, allow.pictures) }),
			},
		},
		recipes: mapValues(recipes, ({ model, trigger, ...recipe }) => ({
			...recipe,
			model: resolve(base, model),
			trigger: { ...trigger, ...(trigger.file !== undefined && { file: resolve(base, trigger.file) }) },
		})),
		stations: mapValues(stations, (station) => {
			const { camera } = station;
			return {
				...station,
				camera: { ...camera, source: sourceFrom(camera.source, (path) => resolve(base, path)) },
			};
		}),
	};
}

/** The settings among `keys` that name a file: credentials lie where systemd puts them. */
function filesFrom<K extends string>(
	base: string,
	settings: { readonly [key in K]?: string | undefined },
	keys: readonly K[],
): Partial<Record<K, string>> {
	const named = keys.flatMap((key) => {
		const file = settings[key];
		if (file === undefined) return [];
		return [[key, credentialIn(file) === undefined ? resolve(base, file) : file]];
	});
	return Object.fromEntries(named) as Partial<Record<K, string>>;
}

/** What systemd gives for state (systemd.exec(5)); several folders are separated by colons. */
function journalFolder({ box }: Pick<Config, 'box'>, { STATE_DIRECTORY }: Environment): string {
	const [given = ''] = (STATE_DIRECTORY ?? '').split(':');
	return given === '' ? `${box}-state` : join(given, 'journal');
}

function mapValues<T>(record: Readonly<Record<string, T>>, map: (value: T) => T): Record<string, T> {
	return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
