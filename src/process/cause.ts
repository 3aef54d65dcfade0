/** Lines that begin so name what went wrong; a stack follows them, and sometimes the source line stands before. */
const NAMED =
	/^(?:(?:Uncaught )?[\w.]*(?:Error|Exception|Failure)\b|FATAL ERROR|terminate called|inspectord: (?!a fault of ours))/;

const OURS = 'inspectord: ';

/** Lines around a stack that say nothing. */
const EMPTY =
	/^(?:\s+at |\s*$|\s*\^+\s*$|\s*throw |node:|file:|Node\.js v|Thrown at:|\s*\d+: 0x|-----|\(Use `node|inspectord: a fault)/;

/** Why a process died, from what it wrote on standard error: one line, empty where nothing says it. */
export function causeIn(stderr: string): string {
	const lines = stderr.split('\n').map((line) => line.trimEnd());
	const first = lines.findIndex((line) => NAMED.test(line));
	if (first === -1) return (lines.filter((line) => !EMPTY.test(line)).at(-1) ?? '').trim();
	const [cause = '', advice = ''] = lines.slice(first);
	// As main.ts prints a failure: what is wrong, then what to do.
	return cause.startsWith(OURS) ? `${cause.slice(OURS.length)}. ${advice}`.replace(/\. $/, '') : cause;
}
