import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A file or folder of the development data (images, teachers, oracle values), which is not part of the project: looked for in
 * INSPECTORD_DATA, then in `shared` beside the checkout. Where it is absent the test prints why it was skipped and returns.
 */
export function developmentData(...path: string[]): string | undefined {
	const beside = fileURLToPath(new URL('../../../shared', import.meta.url));
	const found = join(process.env.INSPECTORD_DATA ?? beside, ...path);
	if (existsSync(found)) return found;
	console.log(`skipped: no data (${path.join('/')})`);
	return undefined;
}
