import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ruleOf } from '../../src/config/alarms.js';
import { faultLine, parseConfig } from '../../src/config/parse.js';

const alarms = suite('alarms in a configuration');

const withAlarms = (text: string) => `box: b
stations: { s: { camera: { source: "0" }, recipe: r } }
recipes:
  r:
    model: m
    alarms: ${text}
`;

const AT = 'x.yaml:6';

const faulty: readonly (readonly [what: string, alarms: string, fault: string])[] = [
	['more than all parts', '{ a: { kOfN: { k: 6, n: 5 } } }', 'a.kOfN.k: must not be above n, which is 5'],
	[
		'a share that clears where it is raised',
		'{ a: { rate: { share: 0.1, clearShare: 0.1, parts: 50 } } }',
		'a.rate.clearShare: must be below share, which is 0.1',
	],
	['a share of nothing', '{ a: { rate: { share: 0.1 } } }', 'a.rate: needs parts or minutes'],
	[
		'two windows',
		'{ a: { rate: { share: 0.1, parts: 50, minutes: 5 } } }',
		'a.rate.minutes: stands beside parts: leave one out',
	],
	[
		'more needed than looked at',
		'{ a: { rate: { share: 0.1, parts: 5, least: 6 } } }',
		'a.rate.least: must not be above parts, which is 5',
	],
	['no share', '{ a: { rate: { share: 0, parts: 5 } } }', 'a.rate.share: Too small'],
	['more than everything', '{ a: { rate: { share: 1.5, parts: 5 } } }', 'a.rate.share: Too big'],
	[
		'scores that clear above',
		'{ a: { score: { above: 0.8, clearBelow: 0.9 } } }',
		'a.score.clearBelow: must be below above, which is 0.8',
	],
	['no rule', '{ a: {} }', 'a: needs a rule: consecutive, kOfN, rate, score'],
	[
		'two rules',
		'{ a: { consecutive: { n: 3 }, kOfN: { k: 1, n: 5 } } }',
		'a: has 2 rules: leave one of consecutive, kOfN',
	],
	[
		'a rule that is none',
		'{ a: { consecutiv: { n: 3 } } }',
		'a.consecutiv: unknown key, did you mean "consecutive"?',
	],
	[
		'a setting that is none',
		'{ a: { kOfN: { k: 1, n: 3, off: errors } } }',
		'a.kOfN.off: unknown key, did you mean "of"?',
	],
	['a window that nobody keeps', '{ a: { consecutive: { n: 10001 } } }', 'a.consecutive.n: Too big'],
	['half a part', '{ a: { consecutive: { n: 2.5 } } }', 'a.consecutive.n: '],
	['a name that is none', '{ "a b": { consecutive: { n: 3 } } }', 'a b: must be letters, digits'],
	[
		'too many',
		`{ ${Array.from({ length: 33 }, (_, i) => `a${i}: { consecutive: { n: 3 } }`).join(', ')} }`,
		': at most 32 alarms',
	],
];

for (const [what, text, expected] of faulty)
	alarms(`tell ${what} with path and line`, () => {
		const parsed = parseConfig(withAlarms(text));
		assert.ok('faults' in parsed);
		const lines = parsed.faults.map((fault) => faultLine('x.yaml', fault));
		const start = `recipes.r.alarms${expected.startsWith(':') ? '' : '.'}${expected}`;
		assert.ok(
			lines.some((line) => line.startsWith(AT) && line.includes(` ${start}`)),
			lines.join('\n'),
		);
	});

alarms('take every rule, with what it need not say', () => {
	const parsed = parseConfig(
		withAlarms(
			'{ a: { consecutive: { n: 3 } }, b: { kOfN: { k: 5, n: 5, of: both } }, c: { rate: { share: 0.02, minutes: 30 } }, d: { score: { above: 0.9, clearBelow: 0.8 } } }',
		),
	);
	assert.ok('config' in parsed, JSON.stringify(parsed));
	const given = parsed.config.recipes.r!.alarms;
	assert.equal(Object.values(given).map(ruleOf), ['consecutive', 'kOfN', 'rate', 'score']);
	assert.equal(given.a, { consecutive: { of: 'rejects', n: 3 } });
	assert.is(given.d!.score!.parts, 20);
});

alarms('are none by default', () => {
	const parsed = parseConfig(withAlarms('{}'));
	assert.ok('config' in parsed);
	assert.equal(parsed.config.recipes.r!.alarms, {});
});

alarms.run();
