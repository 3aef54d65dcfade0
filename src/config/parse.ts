import { noneSuch } from '../base/words.js';
import { brokerFaults } from './broker.js';
import { faultsIn } from './faults.js';
import { type Config, configSchema } from './schema.js';
import { signedFaults } from './signed.js';
import { type Fault, type Path, readYaml, type Yaml } from './yaml.js';

export type Parsed = { readonly config: Config } | { readonly faults: readonly Fault[] };

/** Looks for what the schema cannot see, in a configuration that fits it. */
export type Check = (config: Config) => { readonly path: Path; readonly message: string }[];

/** Reads a whole configuration and finds everything that is wrong with it, not only the first fault. */
export function parseConfig(text: string, checks: readonly Check[] = []): Parsed {
	let read: Yaml;
	try {
		read = readYaml(text);
	} catch (thrown) {
		if (!(thrown instanceof RangeError)) throw thrown;
		return { faults: [{ path: '', line: 1, column: 1, message: 'it is nested too deeply to be read' }] };
	}
	if ('faults' in read) return read;
	const { value, placeOf, sourceOf } = read;
	const fault = (path: Path, message: string): Fault => ({ path: path.join('.'), ...placeOf(path), message });
	const result = configSchema.safeParse(value ?? {});
	if (!result.success) {
		const wrong = faultsIn(configSchema, result.error.issues, { whole: value, format: 'YAML', sourceOf });
		return { faults: wrong.map(({ path, message }) => fault(path, message)) };
	}
	const { data } = result;
	const found = [danglingReferences, brokerFaults, signedFaults, ...checks].flatMap((check) => check(data));
	const faults = found.map(({ path, message }) => fault(path, message));
	return faults.length > 0 ? { faults } : { config: data };
}

/** `file:line:column path: message`, as compilers write it. */
export function faultLine(file: string, { path, line, column, message }: Fault): string {
	return `${file}:${line}:${column} ${path ? `${path}: ` : ''}${message}`;
}

function danglingReferences(config: Config): ReturnType<Check> {
	return Object.entries(config.stations).flatMap(([station, { recipe }]) => {
		if (Object.hasOwn(config.recipes, recipe)) return [];
		const message = noneSuch('recipe', recipe, Object.keys(config.recipes));
		return [{ path: ['stations', station, 'recipe'], message }];
	});
}
