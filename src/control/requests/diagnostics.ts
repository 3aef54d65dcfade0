import { countOf } from '../../base/words.js';
import type { Result } from '../../protocol/requests.js';
import type { Handler } from '../answer.js';

export type DiagnosticsWorld = { readonly diagnostics: () => Result<'diagnostics'> };

export function diagnosticsRequest({ diagnostics }: DiagnosticsWorld): Handler<'diagnostics'> {
	return async () => {
		const result = diagnostics();
		return { text: `${countOf(result.troubles.length, 'trouble')} in the log`, result };
	};
}
