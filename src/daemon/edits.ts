import { reasonOf } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { masked } from '../base/secrets.js';
import { forbidden, type Origin } from '../config/allowed.js';
import { redacted } from '../config/redact.js';
import { configJsonSchema } from '../config/schema.js';
import { dataOf } from '../config/yaml.js';
import { createEditor, type Editing, type Editor, type EditWorld, type Outcome } from '../control/edit.js';
import { realPathOf } from '../disk/real-path.js';
import { forgetStarts } from '../disk/starts.js';
import { configurationMessage } from '../protocol/configuration.js';
import { encodePayload, topicOf } from '../protocol/topics.js';
import { type ByHand, watchFile } from './by-hand.js';
import { type ConfigFile, noteProven } from './config-file.js';
import type { Edges } from './edges.js';
import { startProving } from './proving.js';
import type { Recorder } from './record.js';
import { readConfig } from './settings.js';

type Document = Readonly<Record<string, unknown>>;

/** How the configuration of the daemon's file is edited, and what of it is told. */
export type Edits = AsyncDisposable & {
	readonly editor: Editor;
	/** Without what is secret. */
	shown(): { readonly document: Document; readonly effective: Document };
	/** From now on edits by hand are taken, and what runs is proven: it runs. */
	begin(isWell: () => boolean): void;
	/** Takes what the file holds now, also what was refused before. Resolves when that is done with. */
	reread(): Promise<void>;
	/** From now on it is told there what stands, and what came of every edit. Undefined: nowhere for a while. */
	tellThrough(voice: Voice | undefined): void;
};

export type Voice = {
	readonly retain: Recorder['retain'];
	/** Notes an edit in the trail. */
	readonly audit: (outcome: Outcome) => void;
};

export type EditsWorld = {
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly edges: Edges;
	readonly daemon: Pick<EditWorld, 'moveTo' | 'tryOut'>;
	/** What nobody may read; the list may grow. */
	readonly secrets: readonly string[];
	readonly log: Log;
};

/** Outcomes that wait for a trail; more are dropped, the oldest first. */
const MOST_WAITING = 100;

export function createEdits(file: ConfigFile, world: EditsWorld): Edits {
	const { path, rev, text, config, revisions } = file;
	const { env, edges, daemon, log, secrets } = world;
	const { pace, wallClock, files } = edges;
	let voice: Voice | undefined;
	let untold: Outcome[] = [...file.outcomes];
	for (const outcome of untold) log('warning', 'config', outcome.text, 'config.outcome');
	const tell = (): void => {
		const { rev, config: stands, confirmByMs } = editor.current();
		const { box } = stands;
		const said = { box, rev, configuration: redacted(stands) as Document };
		const payload = encodePayload('configuration', configurationMessage(said, confirmByMs, wallClock()));
		voice?.retain((root) => topicOf('configuration', { root, box }), payload);
	};
	const editor = createEditor(
		{ rev, config, text },
		{
			revisions,
			read: (wanted) => readConfig(wanted, path, env),
			forbidden: (before, after, changed, by) => {
				const isSigned = 'key' in by && by.key !== undefined;
				const editing = { origin: originOf(by), isSigned };
				return forbidden(before, after, changed, editing, (at) => realPathOf(at, files));
			},
			tryOut: daemon.tryOut,
			moveTo: daemon.moveTo,
			onStanding: tell,
			onOutcome: (outcome) => {
				if (voice) voice.audit(outcome);
				else untold = [...untold, outcome].slice(-MOST_WAITING);
			},
			pace,
			wallClock,
			openly: (line) => masked(line, secrets),
			log,
		},
	);
	const upkeep: AsyncDisposable[] = [];
	const isNoted = (noting: Promise<void>): Promise<boolean> =>
		noting.then(
			() => true,
			(thrown) => {
				log('warning', 'config', `cannot note that it runs well: ${reasonOf(thrown)}`, 'config.unnoted');
				return false;
			},
		);
	let byHand: ByHand | undefined;
	return {
		editor,
		begin: (isWell) => {
			const standing = () => (editor.current().rev === revisions.current.rev ? revisions.current.rev : null);
			byHand = watchFile(file, editor, env, edges, log);
			upkeep.push(
				byHand,
				startProving({
					standing,
					isWell,
					prove: (proven) => isNoted(noteProven(file, proven, files)),
					forget: () => isNoted(forgetStarts(file.folder, files)),
					pace,
				}),
			);
		},
		reread: async () => byHand?.again(),
		shown: () => {
			const { text: stands, config: effective } = editor.current();
			return {
				document: redacted(dataOf(stands)) as Document,
				effective: redacted(effective) as Document,
			};
		},
		tellThrough: (next) => {
			voice = next;
			if (!next) return;
			for (const outcome of untold) next.audit(outcome);
			untold = [];
			const { box } = editor.current().config;
			const schema = encodePayload('configurationSchema', JSON.stringify(configJsonSchema()));
			next.retain((root) => topicOf('configurationSchema', { root, box }), schema);
			tell();
		},
		[Symbol.asyncDispose]: async () => {
			for (const one of upkeep) await one[Symbol.asyncDispose]();
			await editor[Symbol.asyncDispose]();
		},
	};
}

function originOf(by: Editing): Origin {
	if (!('role' in by)) return 'file';
	return by.place === 'local' ? 'local' : 'remote';
}
