// npm start: set-up, then the daemon; without arguments its demonstration. `npm start -- run --config FILE` runs a line.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { root, setUp } from './setup.mjs';

await setUp({ tests: false });
const given = process.argv.slice(2);
const args = given[0] === undefined || given[0].startsWith('-') ? ['run', ...given] : given;
const child = spawn(process.execPath, [path.join(root, 'dist', 'main.js'), ...args], { stdio: 'inherit' });
// Ctrl-C reaches the child through the terminal; it decides how to end.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.once('exit', (code, signal) => {
	process.exitCode = signal ? 130 : (code ?? 1);
});
