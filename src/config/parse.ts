import { isNode, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { nearest } from '../base/words.js';
import { type Config, configSchema } from './schema.js';

/** One thing that is wrong: `path` is like `stations.lid.camera.source`, lines and columns count from 1. */
export type Fault = {
	readonly path: string;
	readonly line: number;
	readonly column: number;
	readonly message: string;
};

export type Parsed = { readonly config: Config } | { readonly faults: readonly Fault[] };

type Path = readonly PropertyKey[];
type Place = { readonly line: number; readonly column: number };

/** Looks for what the schema cannot see, in a configuration that fits it. */
export type Check = (config: Config) => { readonly path: Path; readonly message: string }[];

/** Reads a whole configuration and finds everything that is wrong with it, not only the first fault. */
export function parseConfig(text: string, checks: readonly Check[] = []): Parsed {
	const lines = new LineCounter();
	const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
	const placeAt = (offset: number): Place => {
		const { line, col } = lines.linePos(offset);
		return { line, column: col };
	};
	if (document.errors.length > 0) {
		const faults = document.errors.map(({ pos, message }) => ({
			path: '',
			...placeAt(pos[0]),
			message: message.split(' at line')[0] ?? message,
		}));
		return { faults };
	}
	const placeOf = (path: Path): Place => {
		for (let length = path.length; length > 0; length -= 1) {
			const offset = keyOffset(document, path.slice(0, length));
			if (offset !== undefined) return placeAt(offset);
		}
		return { line: 1, column: 1 };
	};
	const fault = (path: Path, message: string): Fault => ({ path: path.join('.'), ...placeOf(path), message });
	const result = configSchema.safeParse(document.toJS() ?? {});
	if (!result.success) return { faults: result.error.issues.flatMap((issue) => faultsOf(issue, fault)) };
	const { data } = result;
	const found = [danglingReferences, ...checks].flatMap((check) => check(data));
	const faults = found.map(({ path, message }) => fault(path, message));
	return faults.length > 0 ? { faults } : { config: data };
}

/** `file:line:column path: message`, as compilers write it. */
export function faultLine(file: string, { path, line, column, message }: Fault): string {
	return `${file}:${line}:${column} ${path ? `${path}: ` : ''}${message}`;
}

function faultsOf(issue: z.core.$ZodIssue, fault: (path: Path, message: string) => Fault): Fault[] {
	if (issue.code === 'unrecognized_keys') {
		return issue.keys.map((key) => {
			const meant = nearest(key, knownKeys(issue.path));
			return fault([...issue.path, key], `unknown key${meant ? `, did you mean "${meant}"?` : ''}`);
		});
	}
	if (issue.code === 'invalid_key') {
		return [fault(issue.path, issue.issues[0]?.message ?? issue.message)];
	}
	if (
		issue.code === 'invalid_type' &&
		issue.input === undefined &&
		/received undefined/.test(issue.message)
	) {
		return [fault(issue.path, 'is missing')];
	}
	return [fault(issue.path, issue.message.replace(/^Invalid input: /, ''))];
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

/** Where the key that a path ends with stands in the text. */
function keyOffset(document: ReturnType<typeof parseDocument>, path: Path): number | undefined {
	const holder: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
	const key = path.at(-1);
	const { items } = (holder ?? {}) as { items?: { key?: unknown }[] };
	for (const item of items ?? []) {
		const node = item.key;
		if (isNode(node) && 'value' in node && String(node.value) === String(key)) return node.range?.[0];
	}
	return undefined;
}
