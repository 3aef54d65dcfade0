// Commits one revision after the other until it is killed: file, folder of the journal.
import { readFile } from 'node:fs/promises';
import { openRevisions } from '../../src/disk/revisions.js';

const [, , file = '', folder = ''] = process.argv;
const revisions = await openRevisions(file, folder, await readFile(file, 'utf8'));
console.log('begun');
for (let i = 0; ; i += 1) {
	const { rev } = await revisions.commit(
		`${'# padding\n'.repeat(i % 500)}n: ${i}-${process.pid}\n# whole\n`,
		'desk',
		`n: ${i}`,
	);
	console.log(rev);
}
