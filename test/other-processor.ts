import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const emulator = 'qemu-x86_64-static';

/** Why a processor with AVX2 and no VNNI (Intel Haswell) cannot be emulated here; undefined when it can. */
export function noOtherProcessor(): string | undefined {
	if (process.arch !== 'x64') return 'ONNX Runtime for x64 is not installed here';
	if (spawnSync(emulator, ['--version']).status !== 0) return `${emulator} is not installed here`;
	return undefined;
}

/** What test/model/opening.ts says of a bundle there: 'opened', or the code of the failure. */
export async function openedThere(bundle: string, products: 'exact' | 'saturating'): Promise<string> {
	const script = fileURLToPath(new URL('model/opening.js', import.meta.url));
	const child = spawn(emulator, ['-cpu', 'Haswell-v4', process.execPath, script, bundle, products], {
		stdio: ['ignore', 'pipe', 'ignore'],
	});
	let said = '';
	child.stdout.on('data', (chunk: Buffer) => {
		said += chunk;
	});
	await new Promise((resolve) => child.once('close', resolve));
	return said.trim();
}
