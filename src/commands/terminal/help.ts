import type { Command } from './command.js';

/** `commands` by name, as in the table. */
export function generalHelp(
	version: string,
	commands: Readonly<Record<string, { readonly summary: string }>>,
): string {
	const width = Math.max(...Object.keys(commands).map((name) => name.length));
	return [
		`inspectord ${version}: visual inspection that teaches itself`,
		'',
		'Usage: inspectord COMMAND [options]',
		'',
		...Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
		'',
		'inspectord COMMAND --help tells more.',
	].join('\n');
}

/** `words`: what stood on the command line besides. */
export function commandHelp(
	{ name, summary, positionals, options, helpOf }: Command,
	words: readonly string[] = [],
): string {
	const rows = Object.entries(options).map(([option, { value, summary: text, fallback }]) => [
		`--${option}${value ? ` ${value}` : ''}`,
		fallback === undefined ? text : `${text} (default ${fallback})`,
	]);
	const width = Math.max(0, ...rows.map(([left = '']) => left.length));
	return [
		helpOf?.(words) ??
			`Usage: inspectord ${[name, ...positionals, ...(rows.length ? ['[options]'] : [])].join(' ')}\n\n${summary}`,
		...(rows.length
			? ['', ...rows.map(([left = '', right = '']) => `  ${left.padEnd(width)}  ${right}`)]
			: []),
	].join('\n');
}
