import { readdir, readFile, writeFile } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { flowDocument } from './flow.js';
import { EXAMPLES } from './plant.js';

const documents = suite('docs/scada.md');

const PAGE = `${EXAMPLES}../scada.md`;

/** A file of an example as the page shows it: its name as a link on a line, then its text. */
const SHOWN = /^\[scada\/([^\]]+)\]\(scada\/\1\):\n\n(`{3,})(\w+)\n([\s\S]*?)\n?\2$/gm;

documents('the flow for Node-RED holds the ledger as it is shipped (npm run docs writes it)', async () => {
	const flow = await flowDocument();
	if (process.env.WRITE_DOCUMENTS) await writeFile(`${EXAMPLES}flow.json`, flow);
	assert.is(await readFile(`${EXAMPLES}flow.json`, 'utf8'), flow);
});

documents('shows every example as it is shipped (npm run docs writes it)', async () => {
	const files = (await readdir(EXAMPLES)).sort();
	const texts = new Map(
		await Promise.all(
			files.map(async (name) => [name, await readFile(`${EXAMPLES}${name}`, 'utf8')] as const),
		),
	);
	const page = await readFile(PAGE, 'utf8');
	const filled = page.replace(SHOWN, (_, name: string, fence: string, language: string) => {
		const text = texts.get(name) ?? '';
		return `[scada/${name}](scada/${name}):\n\n${fence}${language}\n${text.trimEnd()}\n${fence}`;
	});
	if (process.env.WRITE_DOCUMENTS) await writeFile(PAGE, filled);
	assert.is(await readFile(PAGE, 'utf8'), filled);
	assert.equal([...page.matchAll(SHOWN)].map(([, name]) => name!).sort(), files);
});

documents('its links lead somewhere', async () => {
	const page = (await readFile(PAGE, 'utf8')).replace(/^(`{3,})[\s\S]*?^\1$/gm, '');
	const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
		title!
			.toLowerCase()
			.replace(/[^\w\- ]/g, '')
			.replaceAll(' ', '-'),
	);
	for (const [, target] of page.matchAll(/\]\(([^)]+)\)/g)) {
		if (target!.startsWith('https://')) continue;
		const [file, anchor] = target!.split('#');
		if (file)
			await readFile(new URL(`../../../docs/${file}`, import.meta.url)).catch((error) =>
				assert.is(error.code, 'EISDIR', target),
			);
		else assert.ok(anchors.includes(anchor!), target);
	}
});

documents.run();
