import {
	type CST,
	Document,
	isAlias,
	isCollection,
	isMap,
	isScalar,
	isSeq,
	type Node,
	type Pair,
	type Scalar,
	type ToStringOptions,
	visit,
	type YAMLMap,
	type YAMLSeq,
} from 'yaml';
import { isObject } from './patch.js';
import { readNodes, readYaml } from './yaml.js';

/**
 * The text changed so that it holds `wanted` (plain data). What need not change stays as it is written: comments, blank lines, quotes,
 * numbers like 0755, anchors; what an alias shares is written out where only one place changes. A text that cannot be read is written anew.
 */
export function revise(text: string, wanted: unknown): string {
	if (text.startsWith(BYTE_ORDER_MARK)) return BYTE_ORDER_MARK + revise(text.slice(1), wanted);
	// Each way writes more anew than the one before, and is taken only if it reads as what is wanted.
	for (const depth of [Number.POSITIVE_INFINITY, 6, 5, 4, 3, 2, 1, 0]) {
		const revised = revisedBelow(text, wanted, depth);
		if (revised !== undefined && holds(revised, wanted)) return revised;
	}
	return `${written(wanted, {}, stepOf(text)).join(endingOf(text))}${endingOf(text)}`;
}

const BYTE_ORDER_MARK = '\ufeff';

/** What is written in place of a part of the text. */
type Splice = { readonly from: number; readonly to: number; readonly text: string };

/** Where a value stands, or would stand. */
type Slot = {
	readonly node: Node | null;
	/** What comes before the value ends here: ":" or "-", its anchor and its tag. */
	readonly after: number;
	/** Of what holds it: what stands below it is indented more. */
	readonly column: number;
	readonly inFlow: boolean;
};

/** A pair of a map, or an item of a list. */
type Entry = {
	readonly key: string;
	readonly isMerge: boolean;
	readonly start: number;
	readonly slot: Slot;
};

/** What differs deeper than `depth` is written anew as a whole. Undefined where the text cannot be read or walked. */
function revisedBelow(text: string, wanted: unknown, depth: number): string | undefined {
	try {
		const nodes = readNodes(text);
		if ('faults' in nodes) return undefined;
		const splices = new Revision(text, nodes.document).splicesTo(wanted, depth);
		// From the end, so that places stay true; of two at one place the first stands first.
		return splices
			.map((splice, i) => ({ ...splice, i }))
			.sort((a, b) => b.from - a.from || b.to - a.to || b.i - a.i)
			.reduce((whole, splice) => whole.slice(0, splice.from) + splice.text + whole.slice(splice.to), text);
	} catch (thrown) {
		if (thrown instanceof RangeError) return undefined;
		throw thrown;
	}
}

/** One walk over a document, in the order of its text: an anchor comes before its aliases. */
class Revision {
	readonly #text: string;
	readonly #document: Document.Parsed;
	readonly #splices: Splice[] = [];
	/** What nodes will hold. */
	readonly #becomes = new Map<Node, unknown>();
	/** Nodes that will not be in the text any more. */
	readonly #gone = new Set<Node>();
	readonly #ending: string;
	readonly #step: number;

	constructor(text: string, document: Document.Parsed) {
		this.#text = text;
		this.#document = document;
		this.#ending = endingOf(text);
		this.#step = stepOf(text);
	}

	splicesTo(wanted: unknown, depth: number): readonly Splice[] {
		const { contents } = this.#document;
		if (contents === null || (isScalar(contents) && contents.source === '')) {
			if (!same(contents?.toJS(this.#document) ?? null, wanted)) this.#append(wanted);
			return this.#splices;
		}
		this.#walk(
			{ node: contents, after: contents.range![0], column: -this.#step, inFlow: false },
			wanted,
			depth,
		);
		return this.#splices;
	}

	/** To a text of comments at most. */
	#append(wanted: unknown): void {
		const { length } = this.#text;
		const gap = length === 0 || this.#text.endsWith('\n') ? '' : this.#ending;
		const lines = written(wanted, {}, this.#step);
		this.#splice(length, length, `${gap}${lines.join(this.#ending)}${this.#ending}`);
	}

	#walk(slot: Slot, wanted: unknown, depth: number): void {
		const { node } = slot;
		if (isAlias(node)) {
			const future = this.#futureOf(node);
			if (!future || !same(future.value, wanted)) this.#replace(slot, wanted);
			return;
		}
		if (depth > 0 && isMap(node) && isObject(wanted) && this.#walkMap(node, wanted, depth)) return;
		if (depth > 0 && isSeq(node) && Array.isArray(wanted) && this.#walkList(node, wanted, depth)) return;
		if (node !== null) this.#becomes.set(node, wanted);
		if (same(node?.toJS(this.#document) ?? null, wanted) && !isCollection(node)) return;
		if (isCollection(node) && same(node.toJS(this.#document), wanted) && this.#isSelfContained(node)) return;
		this.#replace(slot, wanted);
	}

	/** Whether no alias in it is another's concern. */
	#isSelfContained(node: Node): boolean {
		let isSelfContained = true;
		visit(node, {
			Alias: (_, alias) => {
				const future = this.#futureOf(alias);
				if (!future || !same(future.value, alias.toJS(this.#document))) isSelfContained = false;
			},
		});
		return isSelfContained;
	}

	/** What a node will hold; undefined where it, or what it means, will be gone. */
	#futureOf(node: Node): { readonly value: unknown } | undefined {
		if (this.#gone.has(node)) return undefined;
		if (isAlias(node)) {
			const meant = node.resolve(this.#document);
			return meant && this.#futureOf(meant);
		}
		if (this.#becomes.has(node)) return { value: this.#becomes.get(node) };
		return this.#isSelfContained(node) ? { value: node.toJS(this.#document) } : undefined;
	}

	/** Whether the map could be changed part by part. */
	#walkMap(map: YAMLMap, wanted: Readonly<Record<string, unknown>>, depth: number): boolean {
		const entries = this.#entriesOf(map);
		const own = entries?.filter(({ isMerge }) => !isMerge);
		if (!entries || !own) return false;
		const merges = entries.filter(({ isMerge }) => isMerge);
		const shared = this.#merged(merges, own, wanted);
		const kept = entries.filter(({ key, isMerge }) => (isMerge ? shared : has(wanted, key)));
		if (kept.length === 0 && keysOf(wanted).length + entries.length > 0) return false;
		const owns = new Set(own.map(({ key }) => key));
		const added = keysOf(wanted).filter(
			(key) => !owns.has(key) && !(shared && has(shared, key) && same(shared[key], wanted[key])),
		);
		this.#becomes.set(map, wanted);
		this.#remove(entries, kept, map.flow === true);
		for (const { key, slot } of kept.filter(({ isMerge }) => !isMerge))
			this.#walk(slot, wanted[key], depth - 1);
		if (added.length > 0)
			this.#addPairs(
				entries,
				kept,
				added.map((key) => [key, wanted[key]]),
				map.flow === true,
			);
		return true;
	}

	/** What a map will have of others; undefined where it can have nothing of them any more. */
	#merged(
		merges: readonly Entry[],
		own: readonly Entry[],
		wanted: Readonly<Record<string, unknown>>,
	): Readonly<Record<string, unknown>> | undefined {
		const entries: [string, unknown][] = [];
		for (const { slot } of merges) {
			for (const source of isSeq(slot.node) ? slot.node.items : [slot.node]) {
				const future = this.#futureOf(source as Node)?.value;
				if (!isObject(future)) return undefined;
				entries.unshift(...keysOf(future).map((key): [string, unknown] => [key, future[key]]));
			}
		}
		const shared = Object.fromEntries(entries);
		const owns = new Set(own.filter(({ key }) => has(wanted, key)).map(({ key }) => key));
		return keysOf(shared).every((key) => owns.has(key) || has(wanted, key)) ? shared : undefined;
	}

	/** Whether the list could be changed part by part. */
	#walkList(list: YAMLSeq, wanted: readonly unknown[], depth: number): boolean {
		const entries = this.#entriesOf(list);
		if (!entries || entries.length === 0 || wanted.length === 0) return false;
		const now = entries.map(({ slot }) => slot.node?.toJS(this.#document) ?? null);
		const shorter = Math.min(now.length, wanted.length);
		let head = 0;
		while (head < shorter && same(now[head], wanted[head])) head += 1;
		let tail = 0;
		while (tail < shorter - head && same(now.at(-1 - tail), wanted.at(-1 - tail))) tail += 1;
		const paired = head + Math.max(0, shorter - head - tail);
		const kept = entries.filter((_, i) => i < paired || i >= entries.length - tail);
		if (kept.length === 0) return false;
		this.#becomes.set(list, wanted);
		const isFlow = list.flow === true;
		this.#remove(entries, kept, isFlow);
		for (const [i, { slot }] of kept.entries()) {
			const value = i < paired ? wanted[i] : wanted[wanted.length - kept.length + i];
			if (i === paired) this.#addItems(kept, paired, wanted.slice(paired, wanted.length - tail), isFlow);
			this.#walk(slot, value, depth - 1);
		}
		if (kept.length === paired)
			this.#addItems(kept, paired, wanted.slice(paired, wanted.length - tail), isFlow);
		return true;
	}

	/** Undefined where a key is no text, or something is written in a way that this does not know. */
	#entriesOf(node: YAMLMap | YAMLSeq): readonly Entry[] | undefined {
		const { items: tokens = [] } = node.srcToken as unknown as { items?: CST.CollectionItem[] };
		const inFlow = node.flow === true;
		const filled = tokens.filter(({ key, value, start, sep }) => key || value || sep || isItem(start));
		if (filled.length !== node.items.length) return undefined;
		const entries = filled.map((token, i): Entry | undefined => {
			const item = node.items[i] as Pair | Node;
			const pair = isMap(node) ? (item as Pair) : undefined;
			const [first, last] = [token.start.find(isProperty), (token.sep ?? token.start).findLast(isProperty)];
			const start = first?.offset ?? (token.key ?? token.value)?.offset;
			if (start === undefined || (pair && !isScalar(pair.key)) || (!pair && token.key)) return undefined;
			const after = last ? last.offset + last.source.length : start;
			const key = pair ? (pair.key as Scalar) : undefined;
			const value = pair ? (pair.value as Node | null) : (item as Node);
			const isEmpty = isScalar(value) && value.source === '' && value.type === 'PLAIN';
			return {
				key: key ? String(key.value) : '',
				isMerge: key !== undefined && key.type === 'PLAIN' && key.source === '<<',
				start,
				slot: { node: isEmpty ? null : value, after, column: this.#columnOf(start), inFlow },
			};
		});
		return entries.every((entry) => entry !== undefined) ? entries : undefined;
	}

	#replace(slot: Slot, wanted: unknown): void {
		const { node, after, column, inFlow } = slot;
		if (node) this.#forget(node, node);
		const to = this.#endOf(slot);
		const isBlock = isCollection(node) && node.flow !== true;
		const step = this.#step;
		if (inFlow || !isFilled(wanted)) {
			const from = node && !isBlock ? node.range![0] : after;
			const before = from === after && after > 0 && !/[\s[{,]/.test(this.#text[after - 1]!) ? ' ' : '';
			const line = /\n$/.test(this.#text.slice(from, to)) ? this.#ending : '';
			this.#splice(from, to, `${before}${inline(wanted, node, inFlow)}${line}`);
			return;
		}
		const isSameKind = isBlock && isMap(node) === isObject(wanted);
		if (isSameKind) {
			const [from] = node.range!;
			this.#splice(from, to, this.#indented(written(wanted, {}, step), this.#columnOf(from)).trimStart());
			return;
		}
		const isRoot = column < 0;
		const isBesideDash = this.#text[after - 1] === '-' && !isRoot;
		const indent = isBesideDash ? after - this.#lineStart(after) + 1 : column + step;
		const lines = this.#indented(written(wanted, {}, step), indent);
		this.#splice(
			after,
			to,
			isRoot ? lines : isBesideDash ? ` ${lines.trimStart()}` : `${this.#ending}${lines}`,
		);
	}

	/** What leaves the text with a node; its own anchor stands before it and stays. */
	#forget(node: Node, kept?: Node): void {
		visit(node, {
			Node: (_, inner) => {
				if (inner !== kept) this.#gone.add(inner);
			},
		});
	}

	#remove(entries: readonly Entry[], kept: readonly Entry[], isFlow: boolean): void {
		const removed = entries.filter((entry) => !kept.includes(entry));
		for (const { slot } of removed) if (slot.node) this.#forget(slot.node);
		const first = entries.indexOf(kept[0]!);
		const last = entries.indexOf(kept.at(-1)!);
		// What begins in a line with what holds it makes room for the first that stays.
		const isHead = isFlow || !this.#isFirstInLine(entries[0]!.start);
		for (const entry of removed) {
			const i = entries.indexOf(entry);
			if (isFlow && i > last) this.#splice(this.#endOf(entries[i - 1]!.slot), this.#endOf(entry.slot), '');
			else if (isFlow) this.#splice(entry.start, entries[i + 1]!.start, '');
			else if (isHead && i < first) this.#splice(entry.start, entries[i + 1]!.start, '');
			else this.#splice(this.#commentAbove(entries, i), this.#lineEnd(this.#endOf(entry.slot)), '');
		}
	}

	#addPairs(
		entries: readonly Entry[],
		kept: readonly Entry[],
		pairs: readonly (readonly [key: string, value: unknown])[],
		isFlow: boolean,
	): void {
		const value = Object.fromEntries(pairs);
		const { start, slot } = kept.at(-1)!;
		if (isFlow) {
			const end = this.#endOf(slot);
			this.#splice(end, end, `, ${inline(value, null, true).slice(1, -1)}`);
			return;
		}
		const last = entries.at(-1)!;
		this.#addLines(this.#endOf(last.slot), written(value, {}, this.#step), this.#columnOf(start));
	}

	/** Behind the first `count` of those that are kept. */
	#addItems(kept: readonly Entry[], count: number, values: readonly unknown[], isFlow: boolean): void {
		if (values.length === 0) return;
		const before = kept[count - 1];
		const { start } = before ?? kept[0]!;
		const lines = written(values, {}, this.#step);
		const listed = isFlow ? inline(values, null, true).slice(1, -1) : '';
		if (before && isFlow) {
			const end = this.#endOf(before.slot);
			this.#splice(end, end, `, ${listed}`);
		} else if (before) this.#addLines(this.#endOf(before.slot), lines, this.#columnOf(start));
		else if (isFlow) this.#splice(start, start, `${listed}, `);
		else {
			const column = this.#columnOf(start);
			const text = this.#indented(lines, column).trimStart();
			this.#splice(start, start, `${text}${this.#ending}${' '.repeat(column)}`);
		}
	}

	#addLines(end: number, lines: readonly string[], column: number): void {
		const at = this.#lineEnd(end);
		const text = this.#indented(lines, column);
		const isWhole = at === 0 || this.#text[at - 1] === '\n';
		this.#splice(at, at, isWhole ? `${text}${this.#ending}` : `${this.#ending}${text}`);
	}

	#indented(lines: readonly string[], column: number): string {
		return lines.map((line) => `${' '.repeat(column)}${line}`).join(this.#ending);
	}

	#splice(from: number, to: number, text: string): void {
		this.#splices.push({ from, to, text });
	}

	/** Where a value ends, without the comment behind it. */
	#endOf({ node, after }: Slot): number {
		if (node === null) return after;
		if (isCollection(node) && node.flow !== true) {
			const last = this.#entriesOf(node as YAMLMap | YAMLSeq)?.at(-1);
			if (last) return this.#endOf(last.slot);
		}
		return node.range![1];
	}

	#lineStart(offset: number): number {
		return this.#text.lastIndexOf('\n', offset - 1) + 1;
	}

	/** Where the next line begins; a text of several lines ends with its last. */
	#lineEnd(offset: number): number {
		if (this.#text[offset - 1] === '\n') return offset;
		const at = this.#text.indexOf('\n', offset);
		return at < 0 ? this.#text.length : at + 1;
	}

	#columnOf(offset: number): number {
		return offset - this.#lineStart(offset);
	}

	#isFirstInLine(offset: number): boolean {
		return this.#text.slice(this.#lineStart(offset), offset).trim() === '';
	}

	/** Where an entry begins, with the comment right above it. */
	#commentAbove(entries: readonly Entry[], i: number): number {
		const { start } = entries[i]!;
		const before = entries[i - 1];
		const floor = before ? this.#lineEnd(this.#endOf(before.slot)) : 0;
		const comment = `${' '.repeat(this.#columnOf(start))}#`;
		let at = this.#lineStart(start);
		while (at > floor) {
			const above = this.#lineStart(at - 1);
			if (above < floor || !this.#text.startsWith(comment, above)) break;
			at = above;
		}
		return at;
	}
}

const isProperty = ({ type }: CST.SourceToken) =>
	['anchor', 'tag', 'explicit-key-ind', 'seq-item-ind', 'map-value-ind'].includes(type);

/** Whether something stands there, and not only blank lines and comments. */
const isItem = (start: readonly CST.SourceToken[]) => start.some(isProperty);

const isFilled = (value: unknown) =>
	(isObject(value) && keysOf(value).length > 0) || (Array.isArray(value) && value.length > 0);

/** What is undefined is not there. */
const keysOf = (record: Readonly<Record<string, unknown>>) =>
	Object.keys(record).filter((key) => record[key] !== undefined);

const has = (record: Readonly<Record<string, unknown>>, key: string) =>
	Object.hasOwn(record, key) && record[key] !== undefined;

function same(a: unknown, b: unknown): boolean {
	if (Array.isArray(a) && Array.isArray(b))
		return a.length === b.length && a.every((item, i) => same(item, b[i]));
	if (!isObject(a) || !isObject(b)) return Object.is(a, b);
	const keys = keysOf(a);
	return keys.length === keysOf(b).length && keys.every((key) => has(b, key) && same(a[key], b[key]));
}

function holds(text: string, wanted: unknown): boolean {
	try {
		const read = readYaml(text);
		return 'value' in read && same(read.value, wanted);
	} catch (thrown) {
		if (thrown instanceof RangeError) return false;
		throw thrown;
	}
}

const endingOf = (text: string) => (text.includes('\r\n') ? '\r\n' : '\n');

/** How far its first indented line stands in. */
const stepOf = (text: string) => Math.min(8, Math.max(2, /^( +)[^\s#-]/m.exec(text)?.[1]?.length ?? 2));

/** A value in lines of block style. */
function written(value: unknown, options: ToStringOptions, step: number): string[] {
	const document = new Document(value, { aliasDuplicateObjects: false, keepUndefined: false });
	visit(document, {
		Pair: (_, { key }) => {
			if (isScalar(key) && key.value === '<<') key.type = 'QUOTE_DOUBLE';
		},
	});
	const text = document.toString({
		indent: step,
		lineWidth: 0,
		minContentWidth: 0,
		blockQuote: false,
		flowCollectionPadding: false,
		...options,
	});
	return text.replace(/\n$/, '').split('\n');
}

/** A value in one line, quoted as what it comes instead of. */
function inline(value: unknown, before: Node | null, inFlow: boolean): string {
	const quote = isScalar(before) ? before.type : undefined;
	const isQuoted = quote === 'QUOTE_DOUBLE' || quote === 'QUOTE_SINGLE';
	const options = {
		collectionStyle: 'flow',
		defaultStringType: isQuoted ? quote : 'PLAIN',
		defaultKeyType: 'PLAIN',
	} as const;
	return inFlow ? written([value], options, 2).join('').slice(1, -1) : written(value, options, 2).join('');
}
