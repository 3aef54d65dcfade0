import { masked, secretsIn } from '../base/secrets.js';
import { mannerOf } from './setting.js';

/** A configuration, or a part of one, as anybody may see it: without the passwords in its addresses and pipelines. */
export function redacted(value: unknown): unknown {
	const secrets: string[] = [];
	mapTexts(value, [], (text) => {
		secrets.push(...secretsIn(text));
		return text;
	});
	return mapTexts(value, [], (text) => openText(text, secrets));
}

/**
 * What was wanted, with the passwords put back that were not shown: a text that stands where it was shown, or is another station's
 * source or another broker's address as it was shown, means that which stands. `standing` is what `shown` was made of.
 */
export function restored(wanted: unknown, shown: unknown, standing: unknown): unknown {
	const known = hiddenIn(shown, standing);
	return mapTexts(wanted, [], (text, keys) => {
		const same = known.filter((hidden) => hidden.shown === text);
		const here = same.find(({ path }) => path === keys.join('.'));
		if (here) return here.text;
		// A password goes nowhere but where one of its kind stands.
		const kind = mannerOf(keys).remote;
		if (kind !== 'cameras' && kind !== 'brokers') return text;
		const meant = new Set(same.filter((hidden) => hidden.kind === kind).map((hidden) => hidden.text));
		return meant.size === 1 ? [...meant][0]! : text;
	});
}

/** Where a value still has "***" for a password: nobody knows which one is meant. */
export function unrestored(value: unknown): readonly string[] {
	const paths: string[] = [];
	mapTexts(value, [], (text, keys) => {
		const plain = text.replaceAll('***', 'secret');
		if (plain !== text && openText(plain) !== plain) paths.push(keys.join('.'));
		return text;
	});
	return paths;
}

/** In quotes, as addresses with blanks are read. `secrets`: a password of one camera may stand in the path of another. */
function openText(text: string, secrets: readonly string[] = []): string {
	return masked(`"${text}"`, secrets).slice(1, -1);
}

type Hidden = { readonly path: string; readonly kind: string; readonly shown: string; readonly text: string };

/** The texts that are shown otherwise than they stand. */
function hiddenIn(shown: unknown, standing: unknown): readonly Hidden[] {
	const found: Hidden[] = [];
	const texts = new Map<string, string>();
	mapTexts(shown, [], (text, keys) => {
		texts.set(keys.join('.'), text);
		return text;
	});
	mapTexts(standing, [], (text, keys) => {
		const path = keys.join('.');
		const open = texts.get(path);
		if (open !== undefined && open !== text)
			found.push({ path, kind: mannerOf(keys).remote, shown: open, text });
		return text;
	});
	return found;
}

function mapTexts(
	value: unknown,
	keys: readonly string[],
	map: (text: string, keys: readonly string[]) => string,
): unknown {
	if (typeof value === 'string') return map(value, keys);
	if (typeof value !== 'object' || value === null) return value;
	if (Array.isArray(value)) return value.map((each, i) => mapTexts(each, [...keys, String(i)], map));
	return Object.fromEntries(
		Object.entries(value).map(([key, each]) => [key, mapTexts(each, [...keys, key], map)]),
	);
}
