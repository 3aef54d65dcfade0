import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { below } from '../../src/machine/below.js';
import { placeAt } from '../../src/machine/writable.js';
import { temporaryFolder } from '../tiny-bundle.js';
import { planted } from './trees.js';

const copy = suite("a copied machine's files");

copy('are found through links that would lead out of it', async () => {
	await using folder = await planted({
		'/usr/lib/real.txt': 'inside',
		'/etc/absolute': { link: '/usr/lib/real.txt' },
		'/etc/upwards': { link: '../../../../../../usr/lib/real.txt' },
		'/etc/through': { link: '/alternatives/lib/real.txt' },
		'/alternatives/lib': { link: '/usr/lib' },
		'/etc/passwd': { link: '../../../../../../../etc/passwd' },
		'/etc/nowhere': { link: '/usr/lib/gone' },
	});
	const { text, real, names } = below(folder.path);
	for (const name of ['absolute', 'upwards', 'through']) {
		assert.is(await text(`/etc/${name}`), 'inside', name);
		assert.is(await real(`/etc/${name}`), '/usr/lib/real.txt', name);
	}
	// It links to itself within the copy, and to the machine's own only outside.
	assert.is(await text('/etc/passwd'), null);
	assert.is(await real('/etc/nowhere'), null);
	assert.equal(await names('/alternatives/lib'), ['real.txt']);
	assert.equal([await text('/none'), await text('/usr'), await names('/none')], [null, null, []]);
});

copy('of the machine itself are read as the kernel links them', async () => {
	const { text, real } = below('/');
	assert.match((await text('/proc/self/status'))!, /^Name:/);
	assert.is(await real('/proc/self/none'), null);
});

copy('lie in folders of which it is known whether they may be written to, or could be made', async () => {
	await using folder = await temporaryFolder();
	const file = join(folder.path, 'file');
	await writeFile(file, '');
	await mkdir(join(folder.path, 'there'));
	const states: readonly (readonly [path: string, state: string])[] = [
		[join(folder.path, 'there'), 'writable'],
		[join(folder.path, 'there', 'not', 'yet'), 'absent'],
		[file, 'refused'],
		[join(file, 'below'), 'refused'],
		['/proc', 'refused'],
	];
	for (const [path, state] of states) {
		const place = await placeAt(path);
		assert.is(place.folder, path);
		if (path !== '/proc' || process.getuid?.() !== 0) assert.is(place.state, state, path);
	}
	assert.ok((await placeAt(folder.path)).freeBytes! > 0);
});

copy.run();
