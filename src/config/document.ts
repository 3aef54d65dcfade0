import { configJsonSchema } from './schema.js';

type Node = {
	readonly properties?: Readonly<Record<string, Node>>;
	readonly additionalProperties?: Node | false;
	readonly description?: string;
	readonly default?: unknown;
	readonly required?: readonly string[];
	readonly type?: string;
	readonly enum?: readonly unknown[];
	readonly anyOf?: readonly Node[];
	readonly const?: unknown;
	readonly applies?: 'live';
};

/** docs/configuration.md: every setting, from the schema that the code checks with. */
export function configDocument(): string {
	return `# Every setting

Generated from \`src/config/schema.ts\` by \`npm run docs\`; a test keeps it true. Keys that are not listed here are refused.
\`inspectord check --config FILE\` tells every fault with its line. Editors can use \`config/schema.json\`.

*live*: a service can be told while it runs; *restart*: the services that it belongs to start anew, and no others.

| setting | value | default | applies | what it does |
| --- | --- | --- | --- | --- |
${rows('', configJsonSchema() as Node).join('\n')}
`;
}

function rows(path: string, node: Node, applies: Node['applies'] = undefined): string[] {
	return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
		const full = path ? `${path}.${key}` : key;
		const told = child.applies ?? applies;
		if (child.properties) return rows(full, child, told);
		if (child.additionalProperties) return rows(`${full}.<name>`, child.additionalProperties, told);
		const fallback =
			child.default === undefined
				? node.required?.includes(key)
					? 'needed'
					: ''
				: `\`${JSON.stringify(child.default)}\``;
		const cells = [`\`${full}\``, valuesOf(child), fallback, told ?? 'restart', child.description ?? ''];
		return [`| ${cells.join(' | ')} |`];
	});
}

function valuesOf(node: Node): string {
	if (node.enum) return node.enum.map((v) => `\`${v}\``).join(', ');
	if (node.const !== undefined) return `\`${node.const}\``;
	if (node.type === 'array') return 'list';
	if (node.anyOf) return node.anyOf.map(valuesOf).join(' or ');
	return node.type ?? '';
}
