import { configJsonSchema } from './schema.js';

/** A place in the schema, as JSON Schema has it. */
export type Node = {
	readonly properties?: Readonly<Record<string, Node>>;
	readonly additionalProperties?: Node | false;
	readonly description?: string;
	readonly default?: unknown;
	readonly required?: readonly string[];
	readonly type?: string;
	readonly enum?: readonly unknown[];
	readonly anyOf?: readonly Node[];
	readonly const?: unknown;
} & Partial<Manner>;

/** How a setting is changed; what stands above it counts for it too. */
export type Manner = {
	readonly applies: 'live' | 'restart';
	/** Over MQTT; a name: within that list of `control.allow`. */
	readonly remote: 'may' | 'never' | 'cameras' | 'brokers' | 'bundles';
	readonly edit: 'anywhere' | 'file';
};

export const USUAL: Manner = { applies: 'restart', remote: 'may', edit: 'anywhere' };

/** What the schema says of changing a setting. */
export function mannerOf(path: readonly string[]): Manner {
	let node: Node | undefined = configJsonSchema() as Node;
	let manner = USUAL;
	for (const key of path) {
		node = below(node, key);
		if (!node) break;
		manner = mannerBelow(manner, node);
	}
	return manner;
}

/** Whether there is a setting, or a group of them, whose keys hold these one after the other; names of stations and recipes are any. */
export function isSettingName(name: string): boolean {
	const keys = name.split('.');
	const leads = (node: Node | undefined, [key, ...rest]: readonly string[]): boolean =>
		node !== undefined && (key === undefined || leads(below(node, key), rest));
	const begins = (node: Node): boolean => {
		const { properties = {}, additionalProperties: each } = node;
		if (Object.hasOwn(properties, keys[0]!) && leads(node, keys)) return true;
		return [...Object.values(properties), ...(each ? [each] : [])].some(begins);
	};
	return keys.every((key) => key !== '') && begins(configJsonSchema() as Node);
}

/** Of what stands below something that is changed so. */
export function mannerBelow(above: Manner, { applies, remote, edit }: Node): Manner {
	return { applies: applies ?? above.applies, remote: remote ?? above.remote, edit: edit ?? above.edit };
}

function below({ properties, additionalProperties }: Node, key: string): Node | undefined {
	if (properties && Object.hasOwn(properties, key)) return properties[key];
	return additionalProperties || undefined;
}
