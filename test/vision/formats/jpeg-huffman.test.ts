import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
	entryOf,
	type HuffmanTable,
	huffmanTable,
	runOf,
	standardTables,
} from '../../../src/vision/formats/jpeg-huffman.js';

const tables = suite('tables of a JPEG');

const [, brightness, , colour] = standardTables();
const lengthsOf = (counts: Readonly<Record<number, number>>) =>
	Uint8Array.from({ length: 16 }, (_, i) => counts[i + 1] ?? 0);

/** Ends of blocks alone; sixteen zeros in one bit; values of fifteen bits; a symbol without meaning; a code of 16 bits; none. */
const odd = [
	huffmanTable(lengthsOf({ 1: 1 }), Uint8Array.of(0))!,
	huffmanTable(lengthsOf({ 1: 1, 2: 1 }), Uint8Array.of(0xf0, 1))!,
	huffmanTable(lengthsOf({ 1: 1, 2: 1 }), Uint8Array.of(0x0f, 0))!,
	huffmanTable(lengthsOf({ 1: 1, 2: 1 }), Uint8Array.of(0x30, 1))!,
	huffmanTable(lengthsOf({ 1: 1, 16: 1 }), Uint8Array.of(1, 2))!,
	huffmanTable(lengthsOf({}), Uint8Array.of())!,
];

/** Reads `bits` bits of `window` a code at a time. @returns the coefficients that they bring, undefined where they make no sense */
function countOf(table: HuffmanTable, window: number, bits: number): number | undefined {
	let count = 0;
	for (let at = 0; at < bits; ) {
		const entry = entryOf(table, (window << at) & 0xffff);
		if (entry === 0) return undefined;
		count += (entry >>> 14) + 1;
		at += (entry & 31) + ((entry >>> 5) & 31);
		if (entry >>> 10 === 0) return at === bits ? count : undefined;
		if (at > bits) return undefined;
	}
	return count;
}

tables('bring as many coefficients at once as one after the other, whatever comes', () => {
	for (const table of [brightness, colour, ...odd]) {
		for (let window = 0; window < 1 << 16; window += 1) {
			const run = runOf(table, window);
			const [bits, count] = [run & 31, (run >>> 5) & 127];
			if (count > 64) continue;
			assert.ok(bits > 0 && count > 0);
			// Of what lies beyond the window only the values of the last code are passed, whatever they are.
			assert.is(countOf(table, window, bits), count, window.toString(2));
		}
	}
	assert.is((runOf(brightness, 0b1010_1010_1010_1010) >>> 12) & 1, 1);
	assert.ok(((runOf(brightness, 0b0000_1000_1000_1000) >>> 5) & 127) >= 3);
	for (const table of odd.slice(3)) assert.ok(((runOf(table, 0xffff) >>> 5) & 127) > 64);
});

tables('are those of the file before when they are the same, and never those of another', () => {
	const table = (...symbols: number[]) => huffmanTable(lengthsOf({ 2: 2 }), Uint8Array.from(symbols))!;
	const first = table(1, 2);
	assert.is(table(1, 2), first);
	assert.is.not(table(2, 1), first);
	for (let i = 0; i < 40; i += 1) table(3, i);
	const again = table(1, 2);
	assert.is.not(again, first);
	assert.equal(again, first);
});

tables('with more codes than their lengths leave room for are none', () => {
	assert.is(huffmanTable(lengthsOf({ 1: 3 }), Uint8Array.of(1, 2, 3)), undefined);
});

tables.run();
