import type { z } from 'zod';
import { nearest } from '../base/words.js';
import { brokerFaults } from './broker.js';
import { type Config, configSchema } from './schema.js';
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
	if (!result.success)
		return { faults: result.error.issues.flatMap((issue) => faultsOf(issue, fault, value, sourceOf)) };
	const { data } = result;
	const found = [danglingReferences, brokerFaults, ...checks].flatMap((check) => check(data));
	const faults = found.map(({ path, message }) => fault(path, message));
	return faults.length > 0 ? { faults } : { config: data };
}

/** `file:line:column path: message`, as compilers write it. */
export function faultLine(file: string, { path, line, column, message }: Fault): string {
	return `${file}:${line}:${column} ${path ? `${path}: ` : ''}${message}`;
}

function faultsOf(
	issue: z.core.$ZodIssue,
	fault: (path: Path, message: string) => Fault,
	whole: unknown,
	sourceOf: (path: Path) => string | undefined,
): Fault[] {
	if (issue.code === 'unrecognized_keys') {
		return issue.keys.map((key) => {
			const meant = nearest(key, knownKeys(issue.path));
			return fault([...issue.path, key], `unknown key${meant ? `, did you mean "${meant}"?` : ''}`);
		});
	}
	if (issue.code === 'invalid_key') {
		return [fault(issue.path, issue.issues[0]?.message ?? issue.message)];
	}
	if (issue.code === 'invalid_union') {
		// A choice that failed inside of what was read is the one that was meant.
		const meant = issue.errors.find((choice) => choice.every(({ path }) => path.length > 0));
		const placed = meant?.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
		if (placed) return placed.flatMap((inner) => faultsOf(inner, fault, whole, sourceOf));
	}
	const value = valueAt(whole, issue.path);
	if (value === undefined) return [fault(issue.path, 'is missing')];
	const said = sourceOf(issue.path);
	return [fault(issue.path, refusal(issue, value, said))];
}

/** What is right, what was read, and what to write when only the spelling is wrong. */
function refusal(issue: z.core.$ZodIssue, value: unknown, source: string | undefined): string {
	// What is wrong with an address is said without it: it may hold a password.
	if (issue.code === 'custom') return issue.message;
	if (value === null && source === '') return 'is empty: write a value behind it, or leave it out';
	const written = typeof value === 'string' ? JSON.stringify(value) : (source ?? shown(value));
	const choices = issue.code === 'invalid_union' ? issue.errors.flat() : [issue];
	const right =
		issue.code === 'invalid_union'
			? `expected ${choices.map(expectation).join(' or ')}`
			: issue.message.replace(/^Invalid input: /, '');
	return `${right}; read was ${written}${spelling(choices, value, source)}`;
}

function expectation(issue: z.core.$ZodIssue): string {
	if (issue.code === 'invalid_value') return issue.values.map((one) => JSON.stringify(one)).join(' or ');
	if (issue.code === 'invalid_type') return `a ${issue.expected}`;
	return issue.message;
}

function spelling(choices: readonly z.core.$ZodIssue[], value: unknown, source: string | undefined): string {
	const wants = (expected: string) =>
		choices.some((issue) => issue.code === 'invalid_type' && issue.expected === expected);
	if (typeof value === 'string') {
		const plain = value.trim().replace(/^([+-]?\d+),(\d+)$/, '$1.$2');
		if ((wants('number') || wants('int')) && plain !== '' && Number.isFinite(Number(plain)))
			return `: write ${Number(plain)} without quotes`;
		if (wants('boolean') && /^(true|yes|on)$/i.test(value)) return ': write true without quotes';
		if (wants('boolean') && /^(false|no|off)$/i.test(value)) return ': write false without quotes';
		return '';
	}
	const text = source ?? String(value);
	const isScalar = value === null || typeof value !== 'object';
	const chosen = choices.some((issue) => issue.code === 'invalid_value' && issue.values.includes(text));
	if (isScalar && (wants('string') || chosen))
		return `, which YAML takes for a ${shown(value, true)}: quote it: "${text}"`;
	return '';
}

function shown(value: unknown, kindOnly = false): string {
	if (value === null) return 'null';
	if (Array.isArray(value)) return 'a list';
	if (typeof value === 'object') return 'a map';
	return kindOnly ? typeof value : String(value);
}

function valueAt(whole: unknown, path: Path): unknown {
	let value: unknown = whole ?? {};
	for (const step of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[step];
	return value;
}

/** The keys that the schema has at a path; names of stations and recipes are any. */
function knownKeys(path: Path): string[] {
	let schema: unknown = configSchema;
	for (const step of path) schema = inside(schema, step);
	const { shape } = unwrap(schema) as { shape?: Record<string, unknown> };
	return Object.keys(shape ?? {});
}

function inside(schema: unknown, step: PropertyKey): unknown {
	const { shape, valueType } = unwrap(schema) as {
		shape?: Record<PropertyKey, unknown>;
		valueType?: unknown;
	};
	return shape ? shape[step] : valueType;
}

/** The schema behind defaults and options. */
function unwrap(schema: unknown): object {
	let inner = schema as { def?: { innerType?: unknown } } | undefined;
	while (inner?.def?.innerType) inner = inner.def.innerType as typeof inner;
	return inner ?? {};
}

function danglingReferences(config: Config): ReturnType<Check> {
	return Object.entries(config.stations).flatMap(([station, { recipe }]) => {
		if (Object.hasOwn(config.recipes, recipe)) return [];
		const meant = nearest(recipe, Object.keys(config.recipes));
		const message = `there is no recipe "${recipe}"${meant ? `, did you mean "${meant}"?` : ''}`;
		return [{ path: ['stations', station, 'recipe'], message }];
	});
}
