import { dirname, join, resolve } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import { secretsIn, spellingsOf } from '../base/secrets.js';
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

/** The broker's password: the first line, as it stands, of the file that the configuration names. @throws Failure file-unreadable */
export async function passwordOf({ mqtt }: Pick<Config, 'mqtt'>): Promise<string | undefined> {
	const { passwordFile } = mqtt;
	if (passwordFile === undefined) return undefined;
	const [password = ''] = (await readText(passwordFile, 'password file')).split(/\r?\n/);
	if (password !== '') return password;
	throw new Failure(
		'file-unreadable',
		`Cannot read password file "${passwordFile}": its first line is empty`,
		'Write the password there, and nothing else.',
	);
}

/** What the broker knows a box by. */
export function clientIdOf({ box, mqtt: { root, clientId } }: Pick<Config, 'box' | 'mqtt'>): string {
	return clientId ?? `${root.replaceAll('/', '-')}-${box}`;
}

/** Everything in a configuration that must never be shown, as it stands there and as libraries may show it. */
export function secretsOf({ mqtt, stations }: Config, password: string | undefined): string[] {
	const addresses = [mqtt.url, ...Object.values(stations).map(({ camera }) => camera.source)];
	return [...addresses.flatMap(secretsIn), ...spellingsOf(password ?? '')];
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
			...(mqtt.passwordFile !== undefined && { passwordFile: resolve(base, mqtt.passwordFile) }),
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

/** What systemd gives for state (systemd.exec(5)); several folders are separated by colons. */
function journalFolder({ box }: Config, { STATE_DIRECTORY }: Environment): string {
	const [given = ''] = (STATE_DIRECTORY ?? '').split(':');
	return given === '' ? `${box}-state` : join(given, 'journal');
}

function mapValues<T>(record: Readonly<Record<string, T>>, map: (value: T) => T): Record<string, T> {
	return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
