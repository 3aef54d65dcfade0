import { dirname, join, resolve } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import { secretsIn } from '../base/secrets.js';
import { addressesOf } from '../config/broker.js';
import { credentialIn } from '../config/file-setting.js';
import { type Check, faultLine, parseConfig } from '../config/parse.js';
import type { Config } from '../config/schema.js';
import { readText } from '../disk/text.js';
import { reservedLevels } from '../protocol/topics.js';
import { isCronExpression } from '../schedule/cron.js';
import { parseSource, sourceFrom } from '../vision/source.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads and checks a configuration file; paths in it are relative to it and come back absolute.
 * @throws Failure file-unreadable, config-invalid with a line for every fault
 */
export async function loadConfig(path: string, env: Environment): Promise<Config> {
	const parsed = parseConfig(await readText(path, 'configuration'), [names, sources, times]);
	if ('config' in parsed) return absolute(parsed.config, dirname(resolve(path)), env);
	const lines = parsed.faults.map((fault) => faultLine(path, fault));
	throw new Failure(
		'config-invalid',
		`Cannot use configuration "${path}": ${lines.length} fault${lines.length === 1 ? '' : 's'}\n${lines.join('\n')}`,
	);
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

const times: Check = ({ schedule: { selfCheck } }) =>
	selfCheck === undefined || isCronExpression(selfCheck)
		? []
		: [
				{
					path: ['schedule', 'selfCheck'],
					message: `"${selfCheck}" is not a cron expression, like "0 3 * * *"`,
				},
			];

function absolute(config: Config, base: string, env: Environment): Config {
	const { mqtt, journal, recipes, stations } = config;
	return {
		...config,
		mqtt: {
			...mqtt,
			...filesFrom(base, mqtt, ['usernameFile', 'passwordFile']),
			...(mqtt.tls && { tls: { ...mqtt.tls, ...filesFrom(base, mqtt.tls, ['ca', 'cert', 'key']) } }),
		},
		journal: { ...journal, folder: resolve(base, journal.folder ?? journalFolder(config, env)) },
		recipes: mapValues(recipes, (recipe) => ({ ...recipe, model: resolve(base, recipe.model) })),
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
function journalFolder({ box }: Config, { STATE_DIRECTORY }: Environment): string {
	const [given = ''] = (STATE_DIRECTORY ?? '').split(':');
	return given === '' ? `${box}-state` : join(given, 'journal');
}

function mapValues<T>(record: Readonly<Record<string, T>>, map: (value: T) => T): Record<string, T> {
	return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
