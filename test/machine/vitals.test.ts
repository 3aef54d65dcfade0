import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bootId } from '../../src/machine/boot.js';
import { memoryOf } from '../../src/machine/memory.js';
import { spaceAt } from '../../src/machine/space.js';
import { systemName } from '../../src/machine/system.js';

const machine = suite('the machine');

machine('tells what a process holds in memory, and nothing of one that is not there', async () => {
	const told = (await memoryOf(process.pid))!;
	const { rss } = process.memoryUsage();
	assert.ok(Math.abs(told / rss - 1) < 0.5, `${told} ${rss}`);
	assert.is(await memoryOf(2 ** 30), null);
});

machine('tells how much room there is, and nothing of a folder that is not there', async () => {
	const { freeBytes, totalBytes } = await spaceAt('/');
	assert.ok(freeBytes! > 0 && totalBytes! >= freeBytes!);
	assert.equal(await spaceAt('/not/there'), { freeBytes: null, totalBytes: null });
});

machine('tells its name, and the same id until it is started anew', async () => {
	assert.match(await systemName(), /Linux \S+ \S+$/);
	assert.match((await bootId())!, /^[0-9a-f-]{36}$/);
	assert.is(await bootId(), await bootId());
});

machine.run();
