import { configJsonSchema } from './schema.js';
import { type Manner, mannerBelow, type Node, USUAL } from './setting.js';

/** docs/configuration.md: every setting, from the schema that the code checks with. */
export function configDocument(): string {
	return `# Every setting

Generated from \`src/config/schema.ts\` by \`npm run docs\`; a test keeps it true. Keys that are not listed here are refused.
\`inspectord check --config FILE\` tells every fault with its line. Editors can use \`config/schema.json\`.

*live*: a service can be told while it runs; *restart*: the services that it belongs to start anew, and no others.

*from afar*: whether an edit over MQTT may change it; *listed*: to what stands in the configuration already, and to what \`control.allow\` lets in; *no*: in the
file on the box or by its socket alone; *file*: in the file alone, because it moves the service that answers.

| setting | value | default | applies | from afar | what it does |
| --- | --- | --- | --- | --- | --- |
${rows('', configJsonSchema() as Node, USUAL).join('\n')}
`;
}

function rows(path: string, node: Node, above: Manner): string[] {
	return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
		const full = path ? `${path}.${key}` : key;
		const manner = mannerBelow(above, child);
		if (child.properties) return rows(full, child, manner);
		const each = child.additionalProperties || undefined;
		if (each?.properties) return rows(`${full}.<name>`, each, manner);
		const fallback =
			child.default === undefined
				? node.required?.includes(key)
					? 'needed'
					: ''
				: `\`${JSON.stringify(child.default)}\``;
		const cells = [
			each ? `\`${full}.<name>\`` : `\`${full}\``,
			valuesOf(each ?? child),
			fallback,
			manner.applies,
			farOf(manner),
			child.description ?? '',
		];
		return [`| ${cells.join(' | ')} |`];
	});
}

function farOf({ remote, edit }: Manner): string {
	if (edit === 'file') return 'file';
	return { may: 'yes', never: 'no' }[remote as string] ?? 'listed';
}

function valuesOf(node: Node): string {
	if (node.enum) return node.enum.map((v) => `\`${v}\``).join(', ');
	if (node.const !== undefined) return `\`${node.const}\``;
	if (node.type === 'array') return 'list';
	if (node.anyOf) return node.anyOf.map(valuesOf).join(' or ');
	if (node.properties)
		return `a map of ${Object.entries(node.properties)
			.map(([key, each]) => `\`${key}\`: ${valuesOf(each)}`)
			.join('; ')}`;
	return node.type ?? '';
}
