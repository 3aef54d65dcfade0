import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeBundle } from '../disk/bundle.js';
import { type Listed, listEngines, readSetback, removeEngine } from '../disk/engines.js';
import { writeWhole } from '../disk/file.js';
import { acceleratorHere } from '../machine/accelerator.js';
import { type EngineKey, engineId, engineKeyOf, fingerprintOf } from '../model/engine.js';
import { instantOf } from '../protocol/fields.js';
import type { Result } from '../protocol/requests.js';
import type { Sought } from './engine-items.js';
import type { EnginesWorld } from './engines.js';

/** The engines on this box, and what is noted of them. */
export type EngineShelf = Pick<EnginesWorld, 'seek' | 'setbackOf' | 'remove' | 'kept' | 'noted' | 'note'>;

/** Where each lies: engines, and beside the journal what is noted. */
export function engineShelf(
	folder: string,
	journal: string,
	env: Readonly<Record<string, string | undefined>>,
): EngineShelf {
	const notes = join(journal, 'engines.json');
	const keys = new Map<string, EngineKey>();
	return {
		seek: async ({ model, precision }) => {
			const { id: bundle, place, manifest } = await describeBundle(model);
			const runs = precision === 'bundle' ? manifest.precision.runs : precision;
			const key = engineKeyOf(manifest, runs, await acceleratorHere(env));
			const id = engineId(key);
			keys.set(id, key);
			return { id, bundle, precision: runs, place };
		},
		setbackOf: async ({ id }: Sought) => {
			const key = keys.get(id);
			return (key && (await readSetback(folder, key))) ?? null;
		},
		remove: (id) => removeEngine(folder, id),
		// Reads all of them, which takes a while where they are large.
		kept: async () => (await listEngines(folder)).map(keptOf),
		noted: async () => {
			try {
				return JSON.parse(await readFile(notes, 'utf8'));
			} catch {
				return undefined;
			}
		},
		note: (what) => writeWhole(notes, `${JSON.stringify(what, null, '\t')}\n`),
	};
}

function keptOf({ id, engine, failure, setback }: Listed): Result<'engines'>['kept'][number] {
	const key = engine?.record.key ?? setback?.key;
	const at = engine?.record.builtAt ?? setback?.at;
	return {
		id,
		bundle: engine?.record.bundle ?? null,
		at: at === undefined ? null : instantOf(Date.parse(at)),
		machine: key ? fingerprintOf(key) : null,
		fault: failure?.message ?? (engine ? null : (setback?.message ?? null)),
	};
}
