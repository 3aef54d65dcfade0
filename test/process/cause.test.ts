import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { causeIn } from '../../src/process/cause.js';

const causes = suite('why a process died');

/** What a real Node writes when it dies of this code. */
const stderrOf = (code: string, ...options: string[]) =>
	spawnSync(process.execPath, [...options, '-e', code], { encoding: 'utf8' }).stderr;

for (const [what, code, cause] of [
	[
		'an error that nobody caught',
		'function f() { throw new TypeError("x is no y") } f()',
		'TypeError: x is no y',
	],
	[
		'one of our own class',
		'throw Object.assign(new Error("so"), { name: "Failure" })',
		/^(Failure|Error): so/,
	],
	['a rejection that nobody caught', 'Promise.reject(new RangeError("too far"))', 'RangeError: too far'],
	[
		'an error after warnings',
		'process.emitWarning("old"); setTimeout(() => { throw new Error("last") })',
		'Error: last',
	],
	['a module that is not there', 'require("./absent.js")', /^Error: Cannot find module '\.\/absent\.js'/],
	['something thrown that is no error', 'throw "plain"', /plain/],
	['no word at all', 'process.exit(3)', ''],
] as const) {
	causes(`is the line that names it: ${what}`, () => {
		const found = causeIn(stderrOf(code));
		if (typeof cause === 'string') assert.is(found, cause);
		else assert.match(found, cause);
	});
}

causes('is found when memory runs out', () => {
	const stderr = stderrOf(
		'const a = []; for (;;) a.push(new Array(1e5).fill({}))',
		'--max-old-space-size=20',
	);
	assert.match(causeIn(stderr), /^FATAL ERROR: .*out of memory/);
});

for (const [what, stderr, cause] of [
	[
		'a failure as we print it',
		'inspectord: Cannot open camera "x": busy\nClose the other program.',
		'Cannot open camera "x": busy. Close the other program.',
	],
	[
		'a fault as we print it',
		'inspectord: a fault of ours, please report it\nTypeError: x\n    at f (file:///a.js:1:2)',
		'TypeError: x',
	],
	[
		"a native library's exception",
		"terminate called after throwing an instance of 'cv::Exception'\n  what():  OpenCV",
		"terminate called after throwing an instance of 'cv::Exception'",
	],
	['lines of a library', '[ WARN:0] first\n[ WARN:0] last\n', '[ WARN:0] last'],
] as const) {
	causes(`is one line: ${what}`, () => {
		assert.is(causeIn(stderr), cause);
	});
}

causes.run();
