import { countOf } from '../../base/words.js';
import { instantOf } from '../../protocol/fields.js';
import type { Ask, Result } from '../../protocol/requests.js';
import { type Handler, Refusal } from '../answer.js';
import type { Change, Edited, Editor } from '../edit.js';

export type ConfigWorld = {
	/** @throws Refusal where the daemon runs without a file */
	readonly editor: () => Editor;
	/** The configuration that stands, without secrets. */
	readonly shown: () => Pick<Shown, 'document' | 'effective'>;
};

type Shown = Result<'config'>;

export function configRequest({ editor, shown }: ConfigWorld): Handler<'config'> {
	return async (ask, { by, signal, progress }) => {
		const work = { signal, progress };
		const { action, changes } = meantBy(ask);
		const { rev, baseRev, dryRun, confirmTimeoutS } = ask;
		const edits = editor();
		switch (action) {
			case 'show': {
				const { rev: stands, confirmByMs } = edits.current();
				return { text: `revision ${stands} stands`, result: { ...nothing(stands, confirmByMs), ...shown() } };
			}
			case 'history': {
				const revisions = edits
					.history()
					.map(({ rev: each, atMs, by: whom, what }) => ({ rev: each, at: instantOf(atMs), by: whom, what }));
				const { rev: stands, confirmByMs } = edits.current();
				return {
					text: `revision ${stands} stands`,
					result: { ...nothing(stands, confirmByMs), revisions },
				};
			}
			case 'confirm':
				return told(await edits.confirm(rev, by), 'is confirmed');
			case 'rollback':
				return told(await edits.rollback(rev, by, work), 'stands');
			case 'edit': {
				const edited = await edits.edit({ by, change: changes!, baseRev, dryRun, confirmTimeoutS }, work);
				return told(edited, dryRun ? 'would be changed' : 'stands');
			}
		}
	};
}

/** What is asked for, where it is not said. @throws Refusal invalid for what does not go together */
function meantBy(ask: Ask<'config'>) {
	const { patch, document, text, baseRev, rev, dryRun, confirmTimeoutS } = ask;
	const given = Object.entries({ patch, document, text }).filter(([, value]) => value !== undefined);
	const action = ask.action ?? (given.length > 0 ? 'edit' : 'show');
	const allowed: Readonly<Record<typeof action, readonly string[]>> = {
		show: [],
		history: [],
		confirm: ['rev'],
		rollback: ['rev'],
		edit: ['patch', 'document', 'text', 'baseRev', 'dryRun', 'confirmTimeoutS'],
	};
	const needless = Object.entries({ patch, document, text, baseRev, rev, dryRun, confirmTimeoutS })
		.filter(([key, value]) => value !== undefined && !allowed[action].includes(key))
		.map(([path]) => ({ path, message: `means nothing with action "${action}"` }));
	const faults = [...needless];
	if (action === 'edit' && given.length !== 1)
		faults.push({
			path: given[1]?.[0] ?? 'patch',
			message: 'one of patch, document and text says what is to be another',
		});
	if (action === 'edit' && patch === undefined && baseRev === undefined)
		faults.push({
			path: 'baseRev',
			message: 'is missing: what replaces everything must say from which revision it was made',
		});
	if (faults.length > 0) {
		const [first] = faults;
		throw new Refusal('invalid', `${first!.path}: ${first!.message}`, faults);
	}
	return { action, changes: Object.fromEntries(given) as Change };
}

function told(
	{ rev, confirmByMs, changed, findings }: Edited,
	how: string,
): { readonly text: string; readonly result: Shown } {
	const result = { ...nothing(rev, confirmByMs), changed, findings: findings.map(plain) };
	const until = confirmByMs === null ? '' : `, until it is confirmed by ${instantOf(confirmByMs)}`;
	return { text: `revision ${rev} ${how}: ${countOf(changed.length, 'setting')} changed${until}`, result };
}

const plain = ({ path, message }: Shown['findings'][number]) => ({ path, message });

function nothing(rev: string, confirmByMs: number | null): Shown {
	const confirmBy = confirmByMs === null ? null : instantOf(confirmByMs);
	return { rev, confirmBy, changed: [], findings: [], document: null, effective: null, revisions: [] };
}
