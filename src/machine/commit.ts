import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';

const ANSWER_MS = 5000;

/** The commit that a checkout of ours stands at, in eight digits, with "+" where files differ from it; null for what is no checkout. */
export async function commitAt(home: string): Promise<string | null> {
	const git = (...args: string[]): Promise<string | undefined> =>
		new Promise((resolve) => {
			execFile('git', ['-C', home, ...args], { timeout: ANSWER_MS }, (error, said) =>
				resolve(error ? undefined : said.trim()),
			);
		});
	const top = await git('rev-parse', '--show-toplevel');
	// A package that was installed below somebody's checkout is no part of it.
	if (top === undefined || top !== (await realpath(home).catch(() => home))) return null;
	const commit = await git('rev-parse', '--short=8', 'HEAD');
	if (commit === undefined) return null;
	const changes = await git('status', '--porcelain', '--untracked-files=no');
	return changes === '' ? commit : `${commit}+`;
}
