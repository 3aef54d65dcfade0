/** What a query of PromQL speaks of. */
export type Spoken = {
	readonly metrics: readonly {
		readonly name: string;
		readonly matchers: readonly (readonly [label: string, operator: string, value: string])[];
	}[];
	readonly functions: readonly string[];
	/** Of `by (…)`, `on (…)` and the like. */
	readonly labels: readonly string[];
};

const TOKEN =
	/\s+|(?<string>"(?:[^"\\]|\\.)*")|(?<range>\[[^\]]*\])|(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)|(?<number>\d+(?:\.\d+)?)|(?<sign>=~|!~|!=|==|<=|>=|[-+*/%^<>=(){},])/y;

const LISTS = ['by', 'without', 'on', 'ignoring', 'group_left', 'group_right'];
const WORDS = ['and', 'or', 'unless', 'bool', 'offset'];
const CLOSED_BY: Readonly<Record<string, string>> = { '(': ')', '{': '}' };

/** Enough of PromQL's grammar to know its names. @throws Error what cannot be read, or brackets that do not close */
export function spokenOf(query: string): Spoken {
	const tokens = tokensOf(query);
	const metrics: { name: string; matchers: [string, string, string][] }[] = [];
	const [functions, labels]: [string[], string[]] = [[], []];
	const open: string[] = [];
	for (let at = 0; at < tokens.length; at += 1) {
		const token = tokens[at]!;
		const next = tokens[at + 1];
		if (token in CLOSED_BY) open.push(CLOSED_BY[token]!);
		else if (token === ')' || token === '}') {
			if (open.pop() !== token) throw new Error(`"${token}" closes nothing in ${query}`);
		} else if (/^[a-zA-Z_:]/.test(token)) {
			if (LISTS.includes(token)) {
				const end = tokens.indexOf(')', at);
				if (next !== '(' || end < 0) throw new Error(`"${token}" without its labels in ${query}`);
				labels.push(...tokens.slice(at + 2, end).filter((one) => one !== ','));
				at = end;
			} else if (WORDS.includes(token)) continue;
			else if (open.at(-1) === '}') {
				metrics.at(-1)!.matchers.push([token, next!, JSON.parse(tokens[at + 2]!) as string]);
				at += 2;
			} else if (next === '(' || (next !== undefined && LISTS.includes(next))) functions.push(token);
			else metrics.push({ name: token, matchers: [] });
		}
	}
	if (open.length > 0) throw new Error(`"${open.at(-1)}" is missing in ${query}`);
	return { metrics, functions, labels };
}

function tokensOf(query: string): string[] {
	const tokens: string[] = [];
	TOKEN.lastIndex = 0;
	while (TOKEN.lastIndex < query.length) {
		const at = TOKEN.lastIndex;
		const found = TOKEN.exec(query);
		if (!found) throw new Error(`cannot read ${query.slice(at)}`);
		if (found[0].trim() !== '') tokens.push(found[0]);
	}
	return tokens;
}
