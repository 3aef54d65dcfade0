import { resolve } from 'node:path';
import { stringify } from 'yaml';
import { parseConfig } from '../../src/config/parse.js';
import { patched } from '../../src/config/patch.js';
import type { Config } from '../../src/config/schema.js';
import { readYaml } from '../../src/config/yaml.js';
import type { Edit, Editor, Standing } from '../../src/control/edit.js';

export type TestEditor = Pick<Editor, 'current' | 'edit' | 'history' | 'textOf'> & {
	readonly edits: Edit[];
	/** From now on an edit ends with this. */
	refuse(reason: Error | undefined): void;
	/** What happens while an edit is carried out. */
	during(act: () => void | Promise<void>): void;
};

/** Edits a text in memory; its file would lie in `/box`. */
export function editorOf(text: string): TestEditor {
	const standing = (said: string, count: number): Standing => {
		const parsed = parseConfig(said);
		if ('faults' in parsed) throw new Error(JSON.stringify(parsed.faults));
		const recipes = Object.entries(parsed.config.recipes).map(([name, recipe]) => [
			name,
			{ ...recipe, model: resolve('/box', recipe.model) },
		]);
		const config: Config = { ...parsed.config, recipes: Object.fromEntries(recipes) };
		return { rev: `${count}-x`, config, text: said, confirmByMs: null };
	};
	const revisions = [standing(text, 1)];
	const edits: Edit[] = [];
	let refusal: Error | undefined;
	let act: () => void | Promise<void> = () => {};
	const current = () => revisions[0]!;
	return {
		edits,
		refuse: (reason) => {
			refusal = reason;
		},
		during: (next) => {
			act = next;
		},
		current,
		edit: async (edit) => {
			edits.push(edit);
			await act();
			if (refusal) throw refusal;
			const read = readYaml(current().text);
			if (!('value' in read) || !('patch' in edit.change)) throw new Error('not here');
			const before = current().rev;
			const next = stringify(patched(read.value, edit.change.patch));
			revisions.unshift(standing(next, revisions.length + 1));
			return { rev: current().rev, before, changed: [], findings: [], confirmByMs: null };
		},
		history: () => revisions.map(({ rev }) => ({ rev, atMs: 0, by: 'test', what: '' })),
		textOf: async (rev) => revisions.find((one) => one.rev === rev)!.text,
	};
}
