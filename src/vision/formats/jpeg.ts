import type { Size } from '../image.js';
import { type HuffmanTable, huffmanTable, standardTables } from './jpeg-huffman.js';
import { BEYOND, type Component, readsThrough, type Scan } from './jpeg-scan.js';

/** The kinds of JPEG that are not read, by their frame marker (ITU T.81, table B.1). */
const UNREAD: ReadonlyMap<number, string> = new Map([
	[0xc3, 'a lossless JPEG'],
	[0xc5, 'a hierarchical JPEG'],
	[0xc6, 'a hierarchical JPEG'],
	[0xc7, 'a lossless JPEG'],
	[0xc9, 'a JPEG with arithmetic coding'],
	[0xca, 'a JPEG with arithmetic coding'],
	[0xcb, 'a lossless JPEG'],
	[0xcd, 'a hierarchical JPEG'],
	[0xce, 'a hierarchical JPEG'],
	[0xcf, 'a lossless JPEG'],
	[0xf7, 'a JPEG-LS'],
]);

const [SOI, EOI, SOS, DHT, DQT, DRI] = [0xd8, 0xd9, 0xda, 0xc4, 0xdb, 0xdd];
const CUT_OFF = 'the JPEG is cut off';

/** A marker and what belongs to it: `end` is where the next one begins (of a scan: where its codes do). */
type Segment = { readonly marker: number; readonly body: Uint8Array; readonly end: number };

export function isJpeg(bytes: Uint8Array): boolean {
	return bytes[0] === 0xff && bytes[1] === SOI;
}

/** What its head says. `unread` is what it is, if it is of a kind that we do not read; undefined when there is no whole head. */
export function jpegHead(bytes: Uint8Array):
	| {
			readonly size: Size;
			readonly unread: string | undefined;
			readonly exif: Uint8Array | undefined;
	  }
	| undefined {
	let exif: Uint8Array | undefined;
	for (let at = 2; ; ) {
		const segment = segmentAt(bytes, at);
		if (!segment || segment.marker === SOS || segment.marker === EOI) return undefined;
		const { marker, body, end } = segment;
		if (marker === 0xe1 && latin1(body, 0, 6) === 'Exif\0\0') exif ??= body.subarray(6);
		if (isFrame(marker)) {
			if (body.length < 6) return undefined;
			const size = { width: (body[3]! << 8) | body[4]!, height: (body[1]! << 8) | body[2]! };
			const unread = UNREAD.get(marker) ?? (body[0] === 8 ? undefined : `a JPEG of ${body[0]} bits a colour`);
			return { size, unread, exif };
		}
		at = end;
	}
}

/** Where it ends by its markers, which takes no look at its codes; undefined where its end is not there, or not yet. */
export function jpegEnd(bytes: Uint8Array): number | undefined {
	for (let at = 2; ; ) {
		const segment = segmentAt(bytes, at);
		if (!segment) return undefined;
		at = segment.end;
		if (segment.marker === EOI) return at;
		if (segment.marker === SOS) at = markerBehind(bytes, at);
	}
}

/** Where the codes of a scan end, and what stands among them. */
function markerBehind(bytes: Uint8Array, start: number): number {
	for (let at = bytes.indexOf(0xff, start); at >= 0; at = bytes.indexOf(0xff, at)) {
		const next = bytes[at + 1];
		if (next === 0xff) at += 1;
		else if (next === 0 || (next !== undefined && next >= 0xd0 && next <= 0xd7)) at += 2;
		else return at;
	}
	return bytes.length;
}

/**
 * Reads past every code of a Huffman-coded JPEG: decoders only warn of what is missing or makes no sense, and fill it.
 * What follows the end marker is no part of it.
 * @returns what is wrong with it, undefined when it is whole
 */
export function jpegDamage(bytes: Uint8Array): string | undefined {
	const tables = new Map<number, HuffmanTable>();
	const steps = new Map<number, number>();
	let frame: Frame | undefined;
	let every = 0;
	let scratch: Uint8Array | undefined;
	for (let at = 2; ; ) {
		const segment = segmentAt(bytes, at);
		if (!segment) return at >= bytes.length || bytes[at] === 0xff ? CUT_OFF : damaged('a marker is missing');
		const { marker, body, end } = segment;
		at = end;
		if (marker === EOI) break;
		if (marker === DHT && !readTables(body, tables)) return damaged('a table of codes makes no sense');
		if (marker === DQT && !readSteps(body, steps)) return damaged('a table of steps makes no sense');
		if (marker === DRI) every = ((body[0] ?? 0) << 8) | (body[1] ?? 0);
		if (isFrame(marker)) {
			frame ??= frameOf(marker, body, 8 * bytes.length);
			if (!frame) return damaged('its head makes no sense');
		}
		if (marker !== SOS) continue;
		const scan = frame && scanOf(body, frame, tables, steps);
		if (!frame || !scan) return damaged('the head of a scan makes no sense');
		scratch ??= new Uint8Array(bytes.length + BEYOND);
		const next = endOfScan(bytes, at, scan, every, scratch);
		if (typeof next === 'string') return next;
		frame.brought(scan);
		at = next;
	}
	return frame?.isWhole() ? undefined : damaged('a part of its data is missing');
}

/** Where the marker behind a scan lies, whose codes begin at `start` and have a restart marker `every` so many units; or what is wrong. */
function endOfScan(
	bytes: Uint8Array,
	start: number,
	scan: Scan,
	every: number,
	scratch: Uint8Array,
): number | string {
	const most = every || scan.units;
	let at = start;
	for (let first = 0; first < scan.units; first += most) {
		if (first > 0) {
			const restart = 0xd0 + ((first / most - 1) & 7);
			if (bytes[at] !== 0xff || bytes[at + 1] !== restart) return damaged('a part of its data is missing');
			at += 2;
		}
		const { length, next } = codesAt(bytes, at, scratch);
		if (next >= bytes.length) return CUT_OFF;
		if (!readsThrough(scan, scratch, length, first, Math.min(most, scan.units - first))) {
			return damaged('its data makes no sense, or a part is missing');
		}
		at = next;
	}
	return at;
}

function damaged(how: string): string {
	return `the JPEG is damaged: ${how}`;
}

function isFrame(marker: number): boolean {
	return (marker >= 0xc0 && marker <= 0xc2) || UNREAD.has(marker);
}

/** Undefined where no marker begins or its segment does not end within the file. */
function segmentAt(bytes: Uint8Array, start: number): Segment | undefined {
	let at = start;
	if (bytes[at] !== 0xff) return undefined;
	while (bytes[at] === 0xff) at += 1;
	const marker = bytes[at];
	if (marker === undefined || marker === 0) return undefined;
	at += 1;
	if (marker === 0x01 || (marker >= 0xd0 && marker <= EOI))
		return { marker, body: bytes.subarray(at, at), end: at };
	if (at + 2 > bytes.length) return undefined;
	const end = at + ((bytes[at]! << 8) | bytes[at + 1]!);
	if (end > bytes.length || end < at + 2) return undefined;
	return { marker, body: bytes.subarray(at + 2, end), end };
}

/** Copies the codes up to the next marker without the zeros that are stuffed in. */
function codesAt(
	bytes: Uint8Array,
	start: number,
	into: Uint8Array,
): { readonly length: number; readonly next: number } {
	let length = 0;
	let at = start;
	for (;;) {
		const found = bytes.indexOf(0xff, at);
		const stop = found < 0 ? bytes.length : found;
		into.set(bytes.subarray(at, stop), length);
		length += stop - at;
		if (found < 0 || bytes[stop + 1] !== 0) {
			into.fill(0, length, length + BEYOND);
			return { length, next: skipFill(bytes, stop) };
		}
		into[length] = 0xff;
		length += 1;
		at = stop + 2;
	}
}

/** A marker may have any number of 0xff before it. */
function skipFill(bytes: Uint8Array, start: number): number {
	let at = start;
	while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at += 1;
	return at;
}

function readTables(body: Uint8Array, tables: Map<number, HuffmanTable>): boolean {
	for (let at = 0; at < body.length; ) {
		const lengths = body.subarray(at + 1, at + 17);
		const count = lengths.reduce((sum, n) => sum + n, 0);
		const symbols = body.subarray(at + 17, at + 17 + count);
		const table =
			lengths.length === 16 && symbols.length === count ? huffmanTable(lengths, symbols) : undefined;
		if (!table) return false;
		tables.set(body[at]!, table);
		at += 17 + count;
	}
	return true;
}

/** Of each quantization table the step of the mean. @returns false where a table is cut, or has a step of nothing */
function readSteps(body: Uint8Array, steps: Map<number, number>): boolean {
	for (let at = 0; at < body.length; ) {
		const wide = body[at]! >>> 4 === 1;
		const end = at + (wide ? 129 : 65);
		const table = Array.from({ length: 64 }, (_, i) =>
			wide ? ((body[at + 1 + 2 * i] ?? 0) << 8) | (body[at + 2 + 2 * i] ?? 0) : (body[at + 1 + i] ?? 0),
		);
		if (end > body.length || table.includes(0)) return false;
		steps.set(body[at]! & 15, table[0]!);
		at = end;
	}
	return true;
}

type Frame = {
	readonly progressive: boolean;
	readonly components: readonly Component[];
	/** MCUs in a row and in a column. */
	readonly across: number;
	readonly down: number;
	brought(scan: Scan): void;
	/** Every coefficient of every component came, down to its last bit. */
	isWhole(): boolean;
};

/** Undefined where the head makes no sense, or speaks of more blocks than `bits` can say the means of. */
function frameOf(marker: number, body: Uint8Array, bits: number): Frame | undefined {
	const [height, width] = [((body[1] ?? 0) << 8) | (body[2] ?? 0), ((body[3] ?? 0) << 8) | (body[4] ?? 0)];
	const count = body[5] ?? 0;
	if (width === 0 || height === 0 || count === 0 || count > 4 || body.length < 6 + 3 * count)
		return undefined;
	const progressive = marker === 0xc2;
	const raw = Array.from({ length: count }, (_, i) => body.subarray(6 + 3 * i, 9 + 3 * i));
	const factors = raw.map(([, factor = 0]) => ({ horizontal: factor >>> 4, vertical: factor & 15 }));
	if (
		factors.some(
			({ horizontal, vertical }) => horizontal < 1 || horizontal > 4 || vertical < 1 || vertical > 4,
		)
	)
		return undefined;
	const [widest, tallest] = [
		Math.max(...factors.map((f) => f.horizontal)),
		Math.max(...factors.map((f) => f.vertical)),
	];
	const [across, down] = [Math.ceil(width / (8 * widest)), Math.ceil(height / (8 * tallest))];
	const blocks = factors.reduce(
		(sum, { horizontal, vertical }) => sum + across * down * horizontal * vertical,
		0,
	);
	if (blocks > bits) return undefined;
	const components = raw.map(([id = 0, , quantizer = 0], i): Component => {
		const { horizontal, vertical } = factors[i]!;
		const stride = across * horizontal;
		return {
			id,
			horizontal,
			vertical,
			quantizer,
			across: Math.ceil(Math.ceil((width * horizontal) / widest) / 8),
			down: Math.ceil(Math.ceil((height * vertical) / tallest) / 8),
			stride,
			known: new Uint32Array(progressive ? 2 * stride * down * vertical : 0),
		};
	});
	/** The lowest bit that came, a coefficient. */
	const reached = new Map(components.map((component) => [component, new Uint8Array(64).fill(255)]));
	return {
		progressive,
		components,
		across,
		down,
		brought: ({ parts, from, to, low }) => {
			for (const { component } of parts) reached.get(component)!.fill(low, from, to + 1);
		},
		isWhole: () => [...reached.values()].every((bits) => bits.every((low) => low === 0)),
	};
}

function scanOf(
	body: Uint8Array,
	{ progressive, components, across, down }: Frame,
	tables: ReadonlyMap<number, HuffmanTable>,
	steps: ReadonlyMap<number, number>,
): Scan | undefined {
	const count = body[0] ?? 0;
	if (count < 1 || count > 4 || body.length < 4 + 2 * count) return undefined;
	const parts = [];
	for (let i = 0; i < count; i += 1) {
		const [id, choice = 0] = body.subarray(1 + 2 * i, 3 + 2 * i);
		const component = components.find((known) => known.id === id);
		if (!component) return undefined;
		const dc = tables.get(choice >>> 4) ?? standard(tables, choice >>> 4, 0);
		const ac = tables.get(0x10 | (choice & 15)) ?? standard(tables, choice & 15, 1);
		parts.push({ component, dc, ac, step: steps.get(component.quantizer) ?? 1, predicted: 0 });
	}
	const [from = 0, to = 0, approximation = 0] = progressive ? body.subarray(1 + 2 * count) : [0, 63, 0];
	if (to > 63 || from > to || (progressive && from > 0 && count > 1) || (progressive && from === 0 && to > 0))
		return undefined;
	const alone = count === 1 ? parts[0]!.component : undefined;
	const [unitsAcross, rows] = alone ? [alone.across, alone.down] : [across, down];
	return {
		parts,
		progressive,
		from,
		to,
		high: approximation >>> 4,
		low: approximation & 15,
		unitsAcross,
		units: unitsAcross * rows,
	};
}

/** Motion JPEG leaves the tables out. */
function standard(
	tables: ReadonlyMap<number, HuffmanTable>,
	number: number,
	kind: 0 | 1,
): HuffmanTable | undefined {
	return tables.size === 0 && number < 2 ? standardTables()[2 * number + kind] : undefined;
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
	return String.fromCharCode(...bytes.subarray(from, to));
}
