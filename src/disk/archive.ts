import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

export type ArchiveFile = { readonly name: string; readonly content: string };

const BLOCK = 512;

const compress = promisify(gzip);

/** Files as a tar in gzip (POSIX.1-1988, ustar); names are short and of ASCII. `atMs` is wall clock time. */
export async function archiveOf(files: readonly ArchiveFile[], atMs: number): Promise<Uint8Array> {
	const blocks = files.flatMap(({ name, content }) => {
		const bytes = Buffer.from(content);
		const padding = Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK);
		return [headerOf(name, bytes.length, atMs), bytes, padding];
	});
	// Two empty blocks end an archive.
	return compress(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]));
}

function headerOf(name: string, size: number, atMs: number): Buffer {
	const header = Buffer.alloc(BLOCK);
	const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
	header.write(name, 0, 100);
	header.write(octal(0o600, 7), 100);
	header.write(octal(0, 7), 108);
	header.write(octal(0, 7), 116);
	header.write(octal(size, 11), 124);
	header.write(octal(Math.max(0, Math.floor(atMs / 1000)), 11), 136);
	// The sum counts its own place as blanks.
	header.write(' '.repeat(8), 148);
	header.write('0', 156);
	header.write('ustar\x0000', 257);
	const sum = header.reduce((total, byte) => total + byte, 0);
	header.write(`${octal(sum, 6)}\0 `, 148);
	return header;
}
