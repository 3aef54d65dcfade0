// npm run bench:NAME: set-up, then one benchmark. The last line it prints is JSON with its figures.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { root, setUp } from './setup.mjs';

await setUp({ tests: true });
const [name, ...args] = process.argv.slice(2);
const { status } = spawnSync(process.execPath, [path.join(root, 'build', 'bench', `${name}.js`), ...args], {
	stdio: 'inherit',
});
process.exitCode = status ?? 1;
