import { Failure } from '../../base/failure.js';
import { nearest, quoted } from '../../base/words.js';
import type { Answer } from '../../protocol/answer.js';
import { valuesOf } from '../../protocol/document.js';
import { readRequest } from '../../protocol/envelope.js';
import { type JsonSchema, jsonSchema } from '../../protocol/json-schemas.js';
import { requestExamples } from '../../protocol/request-examples.js';
import { REQUESTS, type RequestName, type Row, requestNames } from '../../protocol/requests.js';

export function isRequest(name: string): name is RequestName {
	return Object.hasOwn(REQUESTS, name);
}

/**
 * What is asked: one JSON object, or pairs whose values are texts where a text is wanted, and else JSON; where a list is wanted, a key
 * may stand again.
 * @throws Failure usage
 */
export function askedIn(name: string, words: readonly string[]): object {
	const [first = ''] = words;
	if (first.trimStart().startsWith('{')) {
		if (words.length > 1)
			throw new Failure(
				'usage',
				'Beside an object of JSON nothing else can be asked',
				'Quote it as one word.',
			);
		const read = jsonOf(first);
		if (read !== undefined) return read as object;
		throw new Failure('usage', 'What is asked is no JSON', 'Quote it for the shell, or write key=value.');
	}
	const fields = isRequest(name) ? fieldsOf(name) : {};
	const asked = new Map<string, unknown>();
	for (const word of words) {
		const at = word.indexOf('=');
		if (at <= 0)
			throw new Failure(
				'usage',
				`Cannot understand ${quoted(word)}`,
				'Write key=value, or one object of JSON.',
			);
		const [key, text] = [word.slice(0, at), word.slice(at + 1)];
		const value = isRequest(name) && takesText(name, key, text) ? text : (jsonOf(text) ?? text);
		const isList = fields[key]?.items !== undefined;
		if (asked.has(key) && !isList) throw new Failure('usage', `${quoted(key)} is given twice`);
		const before = (asked.get(key) ?? []) as readonly unknown[];
		asked.set(key, isList ? [...before, ...[value].flat()] : value);
	}
	return Object.fromEntries(asked);
}

function takesText(name: RequestName, key: string, text: string): boolean {
	const { shape } = REQUESTS[name].ask as Row['ask'];
	return Object.hasOwn(shape, key) && REQUESTS[name].ask.partial().safeParse({ [key]: text }).success;
}

export function jsonOf(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

/** Says here already what the box would say. @throws Failure usage */
export function refuseUnreadable(name: string, payload: object): void {
	if (!isRequest(name)) {
		const meant = nearest(name, requestNames);
		const advice = meant ? `Did you mean "${meant}"?` : `There are ${requestNames.join(', ')}.`;
		throw new Failure('usage', `There is no request ${quoted(name)}`, advice);
	}
	const read = readRequest(name, Buffer.from(JSON.stringify(payload)));
	if ('refused' in read)
		throw new Failure(
			'usage',
			`Cannot ask "${name}":\n${faultLines(read.refused)}`,
			`See inspectord ask ${name} --help.`,
		);
}

export function faultLines({ faults }: Pick<Answer, 'faults'>): string {
	return faults.map(({ path, message }) => `${path === '' ? '' : `${path}: `}${message}`).join('\n');
}

/** Everything that can be asked, with its fields. */
export function requestsHelp(): string {
	const width = Math.max(...requestNames.map((name) => name.length));
	const lines = requestNames.map((name) => {
		const fields = Object.keys(fieldsOf(name));
		const asked = fields.length > 0 ? ` (${fields.join(', ')})` : '';
		return `  ${name.padEnd(width)}  ${REQUESTS[name].summary}${asked}`;
	});
	return `What can be asked of a box:\n\n${lines.join('\n')}\n\ninspectord ask NAME --help tells more.`;
}

/** What one request is asked with, and an example. */
export function requestHelp(name: RequestName): string {
	const { summary, role, changes } = REQUESTS[name] as Row;
	const { required = [] } = jsonSchema(REQUESTS[name].ask, 'in', 'draft-2020-12');
	const rows = Object.entries(fieldsOf(name)).map(([key, field]) => {
		const values = valuesOf(field).replaceAll('`', '');
		const fallback = field.default === undefined ? '' : ` (default ${JSON.stringify(field.default)})`;
		const needed = required.includes(key) ? 'Needed. ' : '';
		const again = field.items === undefined ? '' : ' May stand more than once.';
		return [`${key}=${values}`, `${needed}${field.description ?? ''}${again}${fallback}`.trim()] as const;
	});
	const example = requestExamples[name].at(-1)!.ask;
	const more = typeof changes === 'boolean' ? '' : `; to ${changes.what} as ${changes.role}`;
	return [
		`Usage: inspectord ask ${name}${rows.length > 0 ? ' [JSON|key=value…]' : ''} [options]`,
		'',
		`${summary} Over a broker it is asked as ${role}${more} (--as).`,
		...(rows.length > 0 ? ['', ...rows.map(([left, right]) => `  ${left}\n      ${right}`)] : []),
		'',
		`  inspectord ask ${name}${Object.keys(example).length > 0 ? ` '${JSON.stringify(example)}'` : ''} --config line.yaml`,
	].join('\n');
}

function fieldsOf(name: RequestName): Readonly<Record<string, JsonSchema>> {
	return jsonSchema(REQUESTS[name].ask, 'in', 'draft-2020-12').properties ?? {};
}
