import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const tools = fileURLToPath(new URL('../../../tools', import.meta.url));

/** An npm that notes how it was called, and makes what the set-up and the test runner look for. */
const NPM = `#!/bin/sh
echo "$1" >> "$CALLS"
case $1 in
ci)
	rm -rf node_modules
	mkdir -p node_modules/onnxruntime-node node_modules/opencv4nodejs node_modules/typescript/bin
	touch node_modules/onnxruntime-node/index.js node_modules/opencv4nodejs/index.js
	printf '{"version":"%s"}' "\${BINDING_VERSION:-1}" > node_modules/opencv4nodejs/package.json
	echo '"cc/a.cc", "cc/b.cc"' | tr ' ' '\\n' > node_modules/opencv4nodejs/binding.gyp
	echo 'require("fs").cpSync("src", process.argv.at(-1), { recursive: true })' > node_modules/typescript/bin/tsc
	;;
rebuild)
	objects=node_modules/opencv4nodejs/build/Release/obj.target
	mkdir -p $objects && touch $objects/a.o $objects/b.o
	[ -z "$HANGS" ] || sleep 60
	sleep 1
	;;
esac
`;

/** A clone with the real tools, whose packages and compiler (which copies `src`) are small; an `npm` for it lies in `folder`. */
export async function smallClone(folder: string): Promise<string> {
	const clone = join(folder, 'clone');
	await cp(tools, join(clone, 'tools'), { recursive: true });
	await mkdir(join(clone, 'src'));
	for (const name of ['package-lock.json', 'package.json', 'tsconfig.json', 'tsconfig.test.json'])
		await writeFile(join(clone, name), '{}');
	await writeFile(join(folder, 'npm'), NPM, { mode: 0o755 });
	return clone;
}
