import { readdir, readFile, writeFile } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { configDocument } from '../../src/config/document.js';
import { parseConfig } from '../../src/config/parse.js';
import { configJsonSchema } from '../../src/config/schema.js';
import { asyncApiDocument } from '../../src/protocol/asyncapi.js';
import { controlDocument } from '../../src/protocol/control-document.js';
import { mqttDocument } from '../../src/protocol/document.js';
import { jsonSchemaFiles } from '../../src/protocol/json-schemas.js';
import { logDocument } from '../../src/protocol/log-document.js';
import { metricsDocument } from '../../src/protocol/metrics-document.js';

const documents = suite('documents');

const root = new URL('../../../', import.meta.url);

const json = (value: unknown, indent = '\t') => `${JSON.stringify(value, null, indent)}\n`;

const generated: Readonly<Record<string, () => string>> = {
	'docs/mqtt.md': mqttDocument,
	'docs/control.md': controlDocument,
	'docs/configuration.md': configDocument,
	'docs/metrics.md': metricsDocument,
	'docs/log.md': logDocument,
	// AsyncAPI's parser warns of each tab.
	'docs/asyncapi.json': () => json(asyncApiDocument(), '  '),
	...Object.fromEntries(
		Object.entries(jsonSchemaFiles()).map(([name, schema]) => [`docs/schemas/${name}`, () => json(schema)]),
	),
	'config/schema.json': () => json(configJsonSchema()),
};

for (const [path, make] of Object.entries(generated)) {
	documents(`${path} says what the code says (npm run docs writes it)`, async () => {
		const file = new URL(path, root);
		if (process.env.WRITE_DOCUMENTS) await writeFile(file, make());
		assert.is(await readFile(file, 'utf8'), make());
	});
}

for (const path of ['config/bench.yaml', 'config/line.yaml', 'config/template.yaml']) {
	documents(`${path} is a configuration without faults`, async () => {
		const parsed = parseConfig(await readFile(new URL(path, root), 'utf8'));
		assert.ok('config' in parsed, JSON.stringify(parsed));
	});
}

documents('speak of settings that there are', async () => {
	const known = [...configDocument().matchAll(/^\| `([^`]+)` \|/gm)].map(([, path]) => path!);
	const groups = [...new Set(known.flatMap((path) => (path.includes('<') ? [] : [path.split('.')[0]])))];
	const spoken = new RegExp(`\`((?:${groups.join('|')})\\.\\w+(?:\\.\\w+)*)`, 'g');
	const pages = ['README.md', ...(await readdir(new URL('docs', root))).map((name) => `docs/${name}`)];
	let seen = 0;
	// Names of events look like names of settings.
	for (const page of pages.filter((name) => name.endsWith('.md') && name !== 'docs/log.md')) {
		for (const [, path = ''] of (await readFile(new URL(page, root), 'utf8')).matchAll(spoken)) {
			seen += 1;
			assert.ok(
				known.some((one) => one === path || one.startsWith(`${path}.`)),
				`${page} speaks of ${path}`,
			);
		}
	}
	assert.ok(seen > 10);
});

documents.run();
