import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A stand-in for libgpiod's gpiomon, as there is no hardware here: it tells a version, notes its arguments in `said`, and its own
 * number in `pid`; each line of a pipe `edges` is an edge. @returns what finds it
 */
export async function gpiomonStandIn(folder: string, version: string): Promise<NodeJS.ProcessEnv> {
	const bin = join(folder, 'bin');
	await mkdir(bin, { recursive: true });
	const script = `#!/bin/sh
if [ "$1" = --version ]; then echo "gpiomon (libgpiod) ${version}"; exit 0; fi
echo "$@" > "${folder}/said"
echo $$ > "${folder}/pid"
[ -e "${folder}/busy" ] && { echo "gpiomon: error waiting for events: Device or resource busy" >&2; exit 1; }
[ -e "${folder}/edges" ] || mkfifo "${folder}/edges"
exec 3<>"${folder}/edges"
while read -r edge <&3; do echo "event: $edge EDGE offset: 3 timestamp: [1.0]"; done
`;
	await writeFile(join(bin, 'gpiomon'), script);
	await chmod(join(bin, 'gpiomon'), 0o755);
	return { ...process.env, PATH: `${bin}:${process.env.PATH}` };
}
