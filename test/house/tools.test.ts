import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const tools = suite('the tools');

const root = fileURLToPath(new URL('../../..', import.meta.url));

type Loaded = { readonly names: readonly string[]; readonly module: string };

/** What a tool takes of compiled modules: `const { a, b } = await of('room/file.js')`, of src unless the path says otherwise. */
function loadedBy(text: string): readonly Loaded[] {
	const found = text.matchAll(/const \{([^}]+)\} = await (?:of|from)\('([^']+)\.js'\)/g);
	return [...found].map(([, names = '', path = '']) => ({
		names: names.split(',').map((name) => name.split(':')[0]!.trim()),
		module: `${/^(src|test)\//.test(path) ? path : join('src', path)}.ts`,
	}));
}

const exportsName = (text: string, name: string): boolean =>
	new RegExp(
		`^export (?:async )?(?:function|const|class) ${name}\\b|^export \\{[^}]*\\b${name}\\b`,
		'm',
	).test(text);

tools('take of the program only what it has: nobody compiles them', async () => {
	const all = (await readdir(join(root, 'tools'), { recursive: true })).filter((name) =>
		name.endsWith('.mjs'),
	);
	const faults: string[] = [];
	let taken = 0;
	for (const tool of all)
		for (const { names, module } of loadedBy(await readFile(join(root, 'tools', tool), 'utf8'))) {
			const text = await readFile(join(root, module), 'utf8').catch(() => '');
			taken += names.length;
			for (const name of names) if (!exportsName(text, name)) faults.push(`${tool}: ${name} of ${module}`);
		}
	assert.equal(faults, []);
	assert.ok(taken > 20, `${taken}`);
});

tools('are seen to take what is not there', () => {
	const [loaded] = loadedBy("const { a, b } = await of('model/x.js');");
	assert.equal(loaded, { names: ['a', 'b'], module: 'src/model/x.ts' });
	assert.ok(exportsName('export async function a() {}', 'a'));
	assert.not.ok(exportsName('export function ab() {}\nfunction a() {}', 'a'));
});

tools.run();
