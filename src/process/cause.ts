/** Releases of Node by the version of their interface to compiled modules. */
const releases: Readonly<Record<string, number>> = { 108: 18, 115: 20, 120: 21, 127: 22, 131: 23, 137: 24 };

/** Lines that begin so name what went wrong; a stack follows them, and sometimes the source line stands before. */
const NAMED =
	/^(?:(?:Uncaught )?[\w.]*(?:Error|Exception|Failure)\b|FATAL ERROR|terminate called|inspectord: (?!a fault of ours))/;

/** Lines around a stack that say nothing. */
const EMPTY =
	/^(?:\s+at |\s*$|\s*\^+\s*$|\s*throw |node:|file:|Node\.js v|Thrown at:|\s*\d+: 0x|-----|\(Use `node|inspectord: a fault)/;

/** Whether a compiled module was made for another release of Node: nothing of ours is wrong then. */
export function isOfAnotherNode(stderr: string): boolean {
	return /NODE_MODULE_VERSION \d+/.test(stderr);
}

/** Why a process died, from what it wrote on standard error: one line, empty where nothing says it. */
export function causeIn(stderr: string): string {
	const [, version] = /NODE_MODULE_VERSION (\d+)/.exec(stderr) ?? [];
	if (version !== undefined) {
		const release = releases[version] ?? `interface ${version}`;
		return `a library was built for Node ${release}, this is Node ${process.versions.node.split('.')[0]}: run npm start`;
	}
	const lines = stderr.split('\n');
	const cause =
		lines.find((line) => NAMED.test(line)) ?? lines.filter((line) => !EMPTY.test(line)).at(-1) ?? '';
	return cause.replace(/^inspectord: /, '').trim();
}
