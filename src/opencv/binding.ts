import { readFileSync } from 'node:fs';
import { type Failure, reasonOf, unloadable } from '../base/failure.js';

/** Releases of Node by the version of their interface to compiled modules. */
const releases: Readonly<Record<string, number>> = { 108: 18, 115: 20, 120: 21, 127: 22, 131: 23, 137: 24 };

/** Why the binding could not be loaded, from what loading it threw: nothing of ours is wrong then, but the installation. */
export function bindingFailure(thrown: unknown): Failure {
	const reason = reasonOf(thrown);
	const version = interfaceOf(reason);
	const built = version === undefined ? undefined : (releases[version] ?? `with interface ${version}`);
	const [here = ''] = process.versions.node.split('.');
	const state = built === undefined ? undefined : `it was built for Node ${built}, this is Node ${here}`;
	return unloadable('the binding to OpenCV', thrown, state);
}

/** Node names the interface that a module was built for, or says only that it finds none of its own; then the module knows. */
function interfaceOf(reason: string): string | undefined {
	const [, told] = /using\s+NODE_MODULE_VERSION (\d+)/.exec(reason) ?? [];
	const [, path] = /did not self-register: '(.+)'/.exec(reason) ?? [];
	if (told !== undefined || path === undefined) return told;
	try {
		return /node_register_module_v(\d+)/.exec(readFileSync(path, 'latin1'))?.[1];
	} catch {
		return undefined;
	}
}
