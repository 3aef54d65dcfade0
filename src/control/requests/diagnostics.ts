import { countOf } from '../../base/words.js';
import type { Result } from '../../protocol/requests.js';
import { type Handler, Refusal } from '../answer.js';

export type DiagnosticsWorld = {
	readonly diagnostics: () => Omit<Result<'diagnostics'>, 'logs'>;
	/** Writes all that is known to a file. @throws Failure file-unwritable */
	readonly writeLogs: (signal: AbortSignal) => Promise<NonNullable<Result<'diagnostics'>['logs']>>;
};

export function diagnosticsRequest({ diagnostics, writeLogs }: DiagnosticsWorld): Handler<'diagnostics'> {
	let isWriting = false;
	const written = async (signal: AbortSignal) => {
		if (isWriting) throw new Refusal('busy', 'The logs are being written for somebody else');
		isWriting = true;
		try {
			return await writeLogs(signal);
		} finally {
			isWriting = false;
		}
	};
	return async ({ logs: isWanted }, { signal }) => {
		const logs = isWanted ? await written(signal) : null;
		const result = { ...diagnostics(), logs };
		const text = `${countOf(result.troubles.length, 'trouble')} in the log`;
		return { text: logs ? `${text}; all of it is in ${logs.file}` : text, result };
	};
}
