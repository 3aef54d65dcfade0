import { own } from './difference.js';

/** The document that a JSON Merge Patch leads to (RFC 7396): null takes away, objects go deeper, everything else replaces. */
export function patched(target: unknown, patch: unknown): unknown {
	if (!isObject(patch)) return patch;
	const before = isObject(target) ? target : {};
	const keys = new Set([...Object.keys(before), ...Object.keys(patch)]);
	const entries = [...keys].flatMap((key): [string, unknown][] => {
		if (!Object.hasOwn(patch, key)) return [[key, before[key]]];
		return patch[key] === null ? [] : [[key, patched(own(before, key), patch[key])]];
	});
	return Object.fromEntries(entries);
}

/** Whether it has keys of its own: no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
