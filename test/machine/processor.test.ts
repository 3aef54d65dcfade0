import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commitAt } from '../../src/machine/commit.js';
import { childrenOf, processorName, watchWork, workedMs } from '../../src/machine/processor.js';
import { isInMemory } from '../../src/machine/space.js';
import { eventually } from '../free-port.js';
import { temporaryFolder } from '../tiny-bundle.js';

const test = suite('the processor');

test('has a name and so many cores', async () => {
	assert.match(await processorName(), new RegExp(`^\\S.*, ${availableParallelism()} cores?$`));
});

test('who works is told apart from others, also under a name with brackets and blanks', async () => {
	const script = "process.title = ') 1 (2'; for (;;);";
	const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
	try {
		const pid = child.pid!;
		assert.ok((await childrenOf(process.pid)).includes(pid));
		await eventually('it works', async () => (await workedMs(pid))! > 100);
		const [ours, nobody] = await Promise.all([watchWork([pid]), watchWork([])]);
		const before = (await workedMs(pid))!;
		await eventually('it works on', async () => (await workedMs(pid))! > before + 200);
		const [itself, all] = [await ours(), await nobody()];
		assert.ok(itself.ours! > 0 && itself.ours! <= 1.05, `${itself.ours}`);
		assert.is(all.ours, 0);
		assert.ok(all.others! >= itself.others!, `${all.others} beside ${itself.others}`);
	} finally {
		child.kill('SIGKILL');
		await once(child, 'close');
	}
});

test('of a process that is gone nothing is told', async () => {
	const child = spawn('true');
	await once(child, 'close');
	assert.is(await workedMs(child.pid!), null);
	assert.equal(await childrenOf(child.pid!), []);
	const work = await watchWork([child.pid!]);
	assert.equal(await work(), { ours: null, others: null });
});

test('a folder in memory is known from one on a disk', async () => {
	assert.is(await isInMemory('/dev/shm'), true);
	assert.is(await isInMemory('/'), false);
	assert.is(await isInMemory('/nowhere/at/all'), null);
});

test('a commit is told of a checkout alone', async () => {
	const home = fileURLToPath(new URL('../../../', import.meta.url));
	const found = await commitAt(home.replace(/\/$/, ''));
	assert.ok(found === null || /^[0-9a-f]{8}\+?$/.test(found), `${found}`);
	await using folder = await temporaryFolder();
	assert.is(await commitAt(folder.path), null);
	assert.is(await commitAt(`${home}src`), null);
});

test.run();
