import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const suites = suite('test files');

const folder = fileURLToPath(new URL('../../../test', import.meta.url));

/** uvu ends with exit code 0 in each of these cases. */
function faultsOf(text: string): string[] {
	const made = [...text.matchAll(/const (\w+) = suite\(/g)].map(([, name]) => name!);
	return [
		...(made.length === 0 ? ['has no suite'] : []),
		...made
			.filter((name) => !new RegExp(`^${name}\\.run\\(\\);`, 'm').test(text))
			.map((name) => `does not run ${name}`),
		...made
			.flatMap((name) => ['only', 'skip', 'before', 'after'].map((word) => `${name}.${word}`))
			.filter((call) => new RegExp(`\\b${call.replace('.', '\\.')}\\b`).test(text))
			.map((call) => `uses ${call}`),
	];
}

suites('are seen through when they would pass without testing', () => {
	assert.equal(faultsOf("const a = suite('a');\na('x', () => {});\na.run();\n"), []);
	assert.equal(faultsOf("const a = suite('a');\n"), ['does not run a']);
	assert.equal(faultsOf("const a = suite('a');\na.only('x', () => {});\na.run();\n"), ['uses a.only']);
	assert.equal(faultsOf("const a = suite('a');\na.before.each(() => {});\na.run();\n"), ['uses a.before']);
	assert.equal(faultsOf(''), ['has no suite']);
});

suites('all run, without hooks, and none is left out', async () => {
	const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.test.ts'));
	const faults: string[] = [];
	for (const name of names) {
		if (name.endsWith('suites.test.ts')) continue;
		faults.push(...faultsOf(await readFile(join(folder, name), 'utf8')).map((fault) => `${name} ${fault}`));
	}
	assert.equal(faults, []);
});

suites.run();
