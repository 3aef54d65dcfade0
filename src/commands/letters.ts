import { wishSendAgain } from '../disk/wishes.js';
import { messageId } from '../protocol/fields.js';
import { openSearch } from '../sqlite/search.js';
import type { Command } from './terminal/command.js';
import { journalFolder, journalOptions } from './terminal/journal.js';

export const letters: Command = {
	name: 'letters',
	summary:
		'Says which verdicts the broker has refused for good, and has them sent again when the reason is gone.',
	positionals: [],
	options: {
		...journalOptions,
		again: {
			summary:
				'send all of them again: a daemon that runs does so within seconds, another one when it starts',
		},
		json: { summary: 'print each as one line of JSON' },
	},
	run: async (args, context) => {
		const folder = await journalFolder(args, context.env);
		using search = openSearch(folder);
		const dead = search.deadLetters();
		for (const { event, of, reason, atMs, outlet } of dead) {
			const id = messageId(search.series, event);
			const at = new Date(atMs).toISOString();
			if (args.options.json)
				context.print({
					id,
					station: of?.station ?? null,
					sequence: of?.sequence ?? null,
					outlet,
					reason,
					at,
				});
			else context.print(`${at}  ${of?.station ?? '–'}  #${of?.sequence ?? '–'}  ${id}  ${reason}`);
		}
		if (args.options.again && dead.length > 0) {
			const standing = dead.filter(({ of }) => of !== undefined).map(({ event }) => event);
			await wishSendAgain(folder, standing);
			context.note(`${standing.length} will be sent again.`);
		}
		if (dead.length === 0 && !args.options.json) context.note('The broker has refused nothing.');
	},
};
