import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { asyncApiDocument } from '../../src/protocol/asyncapi.js';
import { topics } from '../../src/protocol/topics.js';

const asyncApi = suite('the AsyncAPI document');

type Channel = {
	readonly address: string;
	readonly parameters: Readonly<Record<string, { readonly description?: string }>>;
};
type Message = { readonly payload: object; readonly examples?: readonly { readonly payload: unknown }[] };
type Document = {
	readonly channels: Readonly<Record<string, Channel>>;
	readonly operations: Readonly<Record<string, { readonly action: string }>>;
	readonly components: { readonly messages: Readonly<Record<string, Message>> };
};

const PARSER = fileURLToPath(new URL('../../../.setup/scada/node_modules/@asyncapi/parser', import.meta.url));

const document = asyncApiDocument() as Document;

/** AsyncAPI's own schema, which its parser uses too; it holds the schema of schemas. */
const specification = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0.json') as object;

const settings = { strict: false, validateFormats: false, meta: false, validateSchema: false } as const;
const fits = new Ajv(settings).compile(specification);

asyncApi("is one by AsyncAPI's own schema, which sees when it is none", () => {
	assert.ok(fits(document), JSON.stringify(fits.errors, null, 1));
	const { channels, ...others } = document;
	assert.not.ok(fits({ ...document, asyncapi: '2.0.0' }));
	assert.not.ok(fits({ ...others, channels: { verdict: { ...channels.verdict, adress: 'x' } } }));
	assert.not.ok(fits({ ...others, operations: { verdict: { action: 'shout' } } }));
});

asyncApi('is parsed by its own parser without an error', async () => {
	if (!existsSync(PARSER)) {
		console.log("skipped: AsyncAPI's parser is fetched by npm run scada");
		return;
	}
	const { Parser } = createRequire(import.meta.url)(PARSER) as {
		Parser: new () => {
			parse(text: string): Promise<{
				readonly document?: object;
				readonly diagnostics: readonly { readonly severity: number; readonly message: string }[];
			}>;
		};
	};
	const { document: parsed, diagnostics } = await new Parser().parse(JSON.stringify(document));
	assert.equal(
		diagnostics.filter(({ severity }) => severity === 0).map(({ message }) => message),
		[],
	);
	assert.ok(parsed);
	const broken = await new Parser().parse(JSON.stringify({ ...document, channels: 'none' }));
	assert.ok(broken.diagnostics.some(({ severity }) => severity === 0));
});

asyncApi('refers to nothing that is not there', () => {
	const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!);
	assert.ok(references.length >= 3 * Object.keys(topics).length);
	for (const reference of references) {
		let at: unknown = document;
		for (const step of reference.split('/')) at = (at as Record<string, unknown> | undefined)?.[step];
		assert.ok(at, reference);
	}
});

asyncApi('describes every level of every address, and each topic in its direction', () => {
	assert.equal(Object.keys(document.channels), Object.keys(topics));
	for (const [name, { address, parameters }] of Object.entries(document.channels)) {
		const levels = [...address.matchAll(/\{(\w+)\}/g)].map(([, level]) => level!);
		assert.equal(Object.keys(parameters), levels, name);
		for (const level of levels) assert.ok(parameters[level]?.description, `${name} ${level}`);
		const { direction } = topics[name as keyof typeof topics];
		assert.is(document.operations[name]!.action, direction === 'out' ? 'send' : 'receive');
	}
});

for (const [name, { payload, examples = [] }] of Object.entries(document.components.messages)) {
	asyncApi(`shows ${name} by examples that are as it says`, () => {
		const valid = new Ajv({ strict: true, strictTypes: false, validateFormats: false }).compile(payload);
		for (const example of examples) assert.ok(valid(example.payload), JSON.stringify(valid.errors));
		if (typeof topics[name as keyof typeof topics].payload !== 'string') {
			assert.is(examples.length, 1);
			assert.not.ok(valid({ ...(examples[0]!.payload as object), station: 7, box: 7, id: 7 }));
		}
	});
}

asyncApi.run();
