import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readText } from '../../src/disk/text.js';
import { failureOf } from '../failure-of.js';
import { temporaryFolder } from '../tiny-bundle.js';

const texts = suite('a text file');

/** What a file holds, and what is read of it or why not. */
const cases: readonly (readonly [title: string, content: Uint8Array | string, read: string | RegExp])[] = [
	['as it is', 'größe\n', 'größe\n'],
	['without the mark of its byte order', Buffer.from([0xef, 0xbb, 0xbf, 0x61]), 'a'],
	['in Latin-1', Buffer.from('a\nb\xfc\n', 'latin1'), /it is not UTF-8 \(line 2\)/],
	['in UTF-16', Buffer.from('\ufeffbox', 'utf16le'), /it is UTF-16, or no text/],
	['that is no text', Buffer.from([0x61, 0, 0x62]), /or no text/],
	['that is too large', 'x'.repeat(2_000_000), /it has 2000000 bytes/],
];

for (const [title, content, read] of cases) {
	texts(`${title} is ${typeof read === 'string' ? 'read' : 'refused'}`, async () => {
		await using folder = await temporaryFolder();
		const path = join(folder.path, 'file');
		await writeFile(path, content);
		if (typeof read === 'string') assert.is(await readText(path, 'file'), read);
		else assert.match((await failureOf(readText(path, 'file'))).message, read);
	});
}

texts('that is none says so', async () => {
	await using folder = await temporaryFolder();
	await mkdir(join(folder.path, 'folder'));
	const messageOf = async (name: string) =>
		(await failureOf(readText(join(folder.path, name), 'file'))).message;
	assert.match(await messageOf('absent'), /Cannot read file ".*absent": there is no such file/);
	assert.match(await messageOf('folder'), /it is a folder/);
});

texts.run();
