import {
	type Document,
	isAlias,
	isNode,
	isScalar,
	LineCounter,
	parseDocument,
	visit,
	type YAMLError,
} from 'yaml';

export type Path = readonly PropertyKey[];

/** One thing that is wrong: `path` is like `stations.lid.camera.source`, lines and columns count from 1. */
export type Fault = {
	readonly path: string;
	readonly line: number;
	readonly column: number;
	readonly message: string;
};

type Place = Pick<Fault, 'line' | 'column'>;

/** What a text in YAML 1.2 holds, and where; or why it holds nothing. */
export type Yaml =
	| { readonly faults: readonly Fault[] }
	| {
			readonly value: unknown;
			/** Of the key that a path ends with, or of the nearest above it. */
			placeOf(path: Path): Place;
			/** A scalar as it is written, without quotes. */
			sourceOf(path: Path): string | undefined;
	  };

/** More values than this many times an anchor's own is an attack, or a mistake. */
const MOST_ALIASES = 100;

const QUOTE = 'quote a text that begins with "*"';

/** What the library's words leave open; by its codes. */
const advice: Readonly<Record<string, string>> = {
	BAD_ALIAS: `"*" begins an alias in YAML: ${QUOTE}, like "* * * * *"`,
	MULTIPLE_DOCS: 'it holds more than one document: leave out what stands from "---" on',
	TAB_AS_INDENT: 'a tab cannot indent in YAML: use blanks',
	TAG_RESOLVE_FAILED: 'a tag ("!…") means nothing here: leave it out, or quote the text',
	BAD_SCALAR_START: 'no text may begin so: quote it',
};

/** Keys are taken as they are written (01 stays 01); "<<" merges. @throws RangeError when it is nested too deeply */
export function readYaml(text: string): Yaml {
	const nodes = readNodes(text);
	if ('faults' in nodes) return nodes;
	const { document, placeAt } = nodes;
	let value: unknown;
	try {
		value = document.toJS({ maxAliasCount: MOST_ALIASES });
	} catch (thrown) {
		if (thrown instanceof RangeError) throw thrown;
		const message = `its aliases cannot be followed: ${(thrown as Error).message}`;
		return { faults: [{ path: '', ...placeAt(0), message }] };
	}
	return {
		value,
		placeOf: (path) => {
			for (let length = path.length; length > 0; length -= 1) {
				const offset = keyOffset(document, path.slice(0, length));
				if (offset !== undefined) return placeAt(offset);
			}
			return { line: 1, column: 1 };
		},
		sourceOf: (path) => {
			const node = path.length === 0 ? undefined : document.getIn(path, true);
			return isScalar(node) ? node.source : undefined;
		},
	};
}

/** What can be understood of a text that has faults; nothing certain. */
export function glimpse(text: string): unknown {
	try {
		return parseDocument(text, { merge: true, logLevel: 'silent' }).toJS({ maxAliasCount: MOST_ALIASES });
	} catch {
		return undefined;
	}
}

type Nodes =
	| { readonly faults: readonly Fault[] }
	| { readonly document: Document.Parsed; placeAt(offset: number): Place };

/** The nodes of a text, each with its tokens; its keys are texts. @throws RangeError when it is nested too deeply */
export function readNodes(text: string): Nodes {
	const lines = new LineCounter();
	const options = { lineCounter: lines, uniqueKeys: true, merge: true, keepSourceTokens: true };
	// With a mark of the byte order the library counts columns wrongly.
	const document = parseDocument(text.replace(/^\ufeff/, ''), options);
	const placeAt = (offset: number): Place => {
		const { line, col } = lines.linePos(offset);
		return { line: Math.max(1, line), column: Math.max(1, col) };
	};
	const faultAt = (offset: number, message: string): Fault => ({ path: '', ...placeAt(offset), message });
	const faultOf = ({ code, pos, message }: YAMLError): Fault => {
		const words = message.split(' at line')[0] ?? message;
		// The library walks what it reads by calling itself.
		if (/call stack/.test(words)) throw new RangeError(words);
		return faultAt(pos[0], advice[code] ?? words);
	};
	const said = [...document.errors, ...document.warnings].map(faultOf);
	// What follows in a line after a fault is only its consequence.
	const faults = said.filter(({ line }, i) => said.findIndex((other) => other.line === line) === i);
	if (faults.length === 0) faults.push(...danglingAliases(document, faultAt));
	if (faults.length > 0) return { faults };
	takeKeysAsWritten(document);
	return { document, placeAt };
}

function danglingAliases(
	document: Document.Parsed,
	faultAt: (offset: number, message: string) => Fault,
): Fault[] {
	const faults: Fault[] = [];
	visit(document, {
		Alias: (_, alias) => {
			if (alias.resolve(document)) return;
			const message = `there is no anchor "&${alias.source}" before it: ${QUOTE}`;
			faults.push(faultAt(alias.range?.[0] ?? 0, message));
		},
	});
	return faults;
}

function takeKeysAsWritten(document: Document.Parsed): void {
	visit(document, {
		Pair: (_, { key }) => {
			if (isScalar(key) && typeof key.value !== 'string' && typeof key.value !== 'symbol')
				key.value = key.source ?? String(key.value);
		},
	});
}

/** Where the key that a path ends with stands in the text. */
function keyOffset(document: Document.Parsed, path: Path): number | undefined {
	const found: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
	const holder = isAlias(found) ? found.resolve(document) : found;
	const key = path.at(-1);
	const { items } = (holder ?? {}) as { items?: { key?: unknown }[] };
	for (const item of items ?? []) {
		const node = item.key;
		if (isNode(node) && 'value' in node && String(node.value) === String(key)) return node.range?.[0];
	}
	return undefined;
}

/** What a text says, as data; nothing where it cannot be read. */
export function dataOf(text: string): unknown {
	const read = readYaml(text);
	return 'value' in read ? (read.value ?? {}) : {};
}
