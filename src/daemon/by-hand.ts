import { basename, dirname } from 'node:path';
import { reasonOf } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import type { Log } from '../base/log.js';
import { eitherOf, type Pace } from '../base/retry.js';
import { Refusal } from '../control/answer.js';
import type { Editor } from '../control/edit.js';
import { type ConfigFile, readHeld } from './config-file.js';
import type { Edges } from './edges.js';

/** What a file holds at a moment: bytes, and the text that they are; or why there is none. */
export type Held = {
	/** Undefined where nothing is. */
	readonly bytes: Uint8Array | undefined;
	readonly text: string | undefined;
	/** Of a file that holds no text, or no configuration: everything that is wrong, in lines. */
	readonly faults?: string;
};

export type ByHandWorld = {
	readonly path: string;
	/** What it holds; undefined where nothing is. */
	readonly read: () => Promise<Uint8Array | undefined>;
	/** What that says, which costs more. */
	readonly look: () => Promise<Held>;
	/** Whether that is what the current revision says. */
	readonly isCurrent: (text: string) => boolean;
	/** Keeps a text beside the file. @returns where @throws Failure */
	readonly refuse: (bytes: Uint8Array, reasons: string) => Promise<string>;
	readonly editor: Pick<Editor, 'edit' | 'current'>;
	/** Calls when something may have changed, until the signal is aborted. */
	readonly watch: (onChange: () => void, signal: AbortSignal) => void;
	/** What it holds at first was refused already. */
	readonly isRefused: boolean;
	readonly pace: Pick<Pace, 'pause'>;
	readonly log: Log;
};

/** Disposing ends it. */
export type ByHand = AsyncDisposable & {
	/** Takes what the file holds, also what was refused before. Resolves when that is done with. */
	again(): Promise<void>;
};

/** Editors write in several steps: what is read twice in this distance is whole. */
const STABLE_MS = 300;

/** Where the system tells of no change, it is looked this often. */
const LOOK_MS = 2000;

/** What is refused for now and not for good. */
const PASSING: readonly string[] = ['busy', 'conflict', 'late', 'interrupted'];

/**
 * Takes edits of the configuration file by hand: what is written there is parsed, tried and moved to as any other edit. What is refused
 * stays in the file, for whoever has it open; it is kept beside it with all that is wrong, and what ran runs on.
 */
export function watchByHand(world: ByHandWorld): ByHand {
	const { path, read, look, isCurrent, refuse, editor, watch, pace, log } = world;
	const ending = new AbortController();
	const { signal } = ending;
	let wake = new AbortController();
	let settled: Uint8Array | undefined;
	let isGone = false;
	/** What was refused, and could not be kept yet: until then no edit may replace it in the file. */
	let unkept: { readonly bytes: Uint8Array; readonly reasons: string } | undefined;
	/** Who waits until the file is read again. */
	let waiting: (() => void)[] = [];

	/** Whether it is done with. */
	const take = async ({ bytes, text, faults }: Held): Promise<boolean> => {
		if (!bytes) {
			if (!isGone)
				log(
					'warning',
					'config',
					`"${path}" is gone: revision ${editor.current().rev} runs on`,
					'config.gone',
				);
			isGone = true;
			return true;
		}
		isGone = false;
		if (text !== undefined && isCurrent(text)) return true;
		if (unkept && waiting.length === 0 && isSame(bytes, unkept.bytes))
			return tellRefused(bytes, unkept.reasons);
		if (text === undefined || faults !== undefined)
			return tellRefused(bytes, faults ?? `"${path}" holds no text`);
		try {
			const work = { signal, progress: () => {} };
			await editor.edit({ by: { place: 'file' }, change: { text } }, work);
			return true;
		} catch (thrown) {
			if (!(thrown instanceof Refusal)) throw thrown;
			if (PASSING.includes(thrown.code)) return false;
			const now = await look();
			// Who goes on writing is not told of what was there before.
			if (now.text !== text) return false;
			const lines = thrown.faults.map((fault) => `${path}: ${fault.path}: ${fault.message}`);
			return tellRefused(bytes, [thrown.message, ...lines].join('\n'));
		}
	};

	/** @returns whether it is kept: a disk that takes nothing is asked again */
	const tellRefused = async (bytes: Uint8Array, reasons: string): Promise<boolean> => {
		const tell = (kept: string) =>
			log(
				'error',
				'config',
				`${reasons}; ${kept}; revision ${editor.current().rev} runs on`,
				'config.refused',
			);
		try {
			tell(`kept as "${await refuse(bytes, `${reasons}\n`)}"`);
			unkept = undefined;
			return true;
		} catch (thrown) {
			if (!unkept || !isSame(bytes, unkept.bytes)) tell(reasonOf(thrown));
			unkept = { bytes, reasons };
			return false;
		}
	};

	/** Undefined while it changes. */
	const stable = async (): Promise<Held | undefined> => {
		const first = await read();
		const isKnown = isSame(first, settled) && (first || isGone);
		if (isKnown && waiting.length === 0) return undefined;
		await pace.pause(STABLE_MS, signal);
		const second = await look();
		return isSame(first, second.bytes) ? second : undefined;
	};

	const run = async (): Promise<void> => {
		if (world.isRefused) settled = await read();
		while (!signal.aborted) {
			wake = new AbortController();
			const asked = [...waiting];
			const held = await stable();
			if (signal.aborted) return;
			if (held && (await take(held))) {
				settled = held.bytes;
				waiting = waiting.filter((done) => !asked.includes(done));
				for (const done of asked) done();
			}
			if (signal.aborted) return;
			using either = eitherOf(signal, wake.signal);
			await pace.pause(LOOK_MS, either.signal);
		}
	};
	watch(() => wake.abort(), signal);
	const running = run();
	return {
		again: () =>
			new Promise((resolve) => {
				waiting.push(resolve);
				wake.abort();
			}),
		[Symbol.asyncDispose]: async () => {
			ending.abort();
			await running;
			for (const done of waiting) done();
		},
	};
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
	return a === b || (a !== undefined && b !== undefined && Buffer.compare(a, b) === 0);
}

/** Takes what hands write into the file while the daemon runs. */
export function watchFile(
	{ path, revisions, outcomes }: ConfigFile,
	editor: Editor,
	env: Readonly<Record<string, string | undefined>>,
	{ files, pace, watchFolder }: Edges,
	log: Log,
): ByHand {
	const read = () => files.read(path).catch(() => undefined);
	const look = async (): Promise<Held> => {
		const bytes = await read();
		const held = await readHeld(path, env, files);
		return { bytes, text: bytes && held.text, ...('failure' in held && { faults: held.failure.message }) };
	};
	/** What else is written beside it does not matter. */
	const names = [path, revisions.file].map((one) => basename(one));
	return watchByHand({
		path,
		read,
		look,
		isCurrent: (text) => revisions.current.rev.endsWith(`-${sha256Of(text).slice(0, 8)}`),
		refuse: (bytes, reasons) => revisions.refuse(bytes, reasons),
		editor,
		watch: (onChange, signal) =>
			watchFolder(
				dirname(revisions.file),
				(name) => {
					if (name === null || names.includes(name)) onChange();
				},
				signal,
			),
		pace,
		log,
		isRefused: outcomes.some(({ code }) => code === 'invalid'),
	});
}
