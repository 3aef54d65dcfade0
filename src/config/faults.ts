import type { z } from 'zod';
import { didYouMean, nearest, quoted } from '../base/words.js';
import type { Path } from './yaml.js';

/** What was read. */
export type Read = {
	readonly whole: unknown;
	readonly format: 'YAML' | 'JSON';
	/** A scalar as it is written, without quotes, where that is known. */
	readonly sourceOf?: (path: Path) => string | undefined;
};

type Wrong = { readonly path: Path; readonly message: string };

/** All that a schema finds wrong with what was read: where, what is right, what was read, and what to write when only the spelling is wrong. */
export function faultsIn(schema: z.ZodType, issues: readonly z.core.$ZodIssue[], read: Read): Wrong[] {
	return issues.flatMap((issue) => faultsOf(issue, schema, read));
}

function faultsOf(issue: z.core.$ZodIssue, schema: z.ZodType, read: Read): Wrong[] {
	const { path } = issue;
	if (issue.code === 'unrecognized_keys')
		return issue.keys.map((key) => ({
			path: [...path, key],
			message: `unknown key${didYouMean(key, keysAt(schema, path))}`,
		}));
	if (issue.code === 'invalid_key') return [{ path, message: issue.issues[0]?.message ?? issue.message }];
	if (issue.code === 'invalid_union') {
		// A choice that failed inside of what was read is the one that was meant.
		const isInside = ({ path: inner, code }: z.core.$ZodIssue) =>
			inner.length > 0 || code === 'unrecognized_keys';
		const meant = issue.errors.find((choice) => choice.every(isInside));
		const placed = meant?.map((inner) => ({ ...inner, path: [...path, ...inner.path] }));
		if (placed) return faultsIn(schema, placed, read);
	}
	const value = valueAt(read.whole, path);
	if (value === undefined) return [{ path, message: 'is missing' }];
	return [{ path, message: refusal(issue, value, read.sourceOf?.(path), read.format) }];
}

/** What is right, what was read, and what to write when only the spelling is wrong. */
function refusal(
	issue: z.core.$ZodIssue,
	value: unknown,
	source: string | undefined,
	format: Read['format'],
): string {
	// What is wrong with an address is said without it: it may hold a password.
	if (issue.code === 'custom') return issue.message;
	if (value === null && source === '') return 'is empty: write a value behind it, or leave it out';
	const written = typeof value === 'string' ? quoted(value) : (source ?? shown(value));
	const choices = issue.code === 'invalid_union' ? issue.errors.flat() : [issue];
	const right =
		issue.code === 'invalid_union'
			? `expected ${choices.map(expectation).join(' or ')}`
			: issue.message.replace(/^Invalid (input|option): /, '');
	return `${right}; read was ${written}${spelling(choices, value, source, format)}`;
}

function expectation(issue: z.core.$ZodIssue): string {
	if (issue.code === 'invalid_value') return issue.values.map((one) => JSON.stringify(one)).join(' or ');
	if (issue.code === 'invalid_type') return issue.expected === 'object' ? 'a map' : `a ${issue.expected}`;
	return issue.message;
}

function spelling(
	choices: readonly z.core.$ZodIssue[],
	value: unknown,
	source: string | undefined,
	format: Read['format'],
): string {
	const wants = (expected: string) =>
		choices.some((issue) => issue.code === 'invalid_type' && issue.expected === expected);
	if (typeof value === 'string') {
		const plain = value.trim().replace(/^([+-]?\d+),(\d+)$/, '$1.$2');
		if ((wants('number') || wants('int')) && plain !== '' && Number.isFinite(Number(plain)))
			return `: write ${Number(plain)} without quotes`;
		if (wants('boolean') && /^(true|yes|on)$/i.test(value)) return ': write true without quotes';
		if (wants('boolean') && /^(false|no|off)$/i.test(value)) return ': write false without quotes';
		const known = choices.flatMap((issue) =>
			issue.code === 'invalid_value' ? issue.values.map(String) : [],
		);
		const meant = nearest(value, known);
		return meant === undefined ? '' : `, did you mean "${meant}"?`;
	}
	const text = source ?? String(value);
	const isScalar = value === null || typeof value !== 'object';
	const chosen = choices.some((issue) => issue.code === 'invalid_value' && issue.values.includes(text));
	if (isScalar && (wants('string') || chosen))
		return `, which ${format} takes for a ${shown(value, true)}: quote it: "${text}"`;
	return '';
}

function shown(value: unknown, kindOnly = false): string {
	if (value === null) return 'null';
	if (Array.isArray(value)) return 'a list';
	if (typeof value === 'object') return 'a map';
	return kindOnly ? typeof value : String(value);
}

function valueAt(whole: unknown, path: Path): unknown {
	let value: unknown = whole;
	for (const step of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[step];
	return value;
}

/** The keys that a schema has at a path; names of stations and recipes are any. */
function keysAt(schema: z.ZodType, path: Path): string[] {
	let inner: unknown = schema;
	for (const step of path) inner = inside(inner, step);
	const { shape } = unwrap(inner) as { shape?: Record<string, unknown> };
	return Object.keys(shape ?? {});
}

function inside(schema: unknown, step: PropertyKey): unknown {
	const { shape, valueType, element } = unwrap(schema) as {
		shape?: Record<PropertyKey, unknown>;
		valueType?: unknown;
		element?: unknown;
	};
	return shape ? shape[step] : (valueType ?? element);
}

/** The schema behind defaults and options; of a choice the one that has keys. */
function unwrap(schema: unknown): object {
	let inner = schema as { def?: { innerType?: unknown; options?: readonly unknown[] } } | undefined;
	while (inner?.def?.innerType) inner = inner.def.innerType as typeof inner;
	const keyed = inner?.def?.options?.map(unwrap).find((option) => 'shape' in option);
	return keyed ?? inner ?? {};
}
