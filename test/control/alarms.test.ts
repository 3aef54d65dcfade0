import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type AlarmConfig, ruleNames } from '../../src/config/alarms.js';
import { configSchema } from '../../src/config/schema.js';
import {
	acknowledged,
	alarmsFor,
	judged,
	mostParts,
	RULES,
	type Sample,
	TRANSITIONS,
} from '../../src/control/alarms.js';
import { alarmChanges, alarmStates, isActive } from '../../src/protocol/alarm.js';
import type { Verdict } from '../../src/protocol/verdict.js';

const alarms = suite('rules of alarms');

/** As a configuration gives it, with what it leaves out. */
const parsed = (alarm: object): AlarmConfig =>
	configSchema.parse({
		box: 't',
		stations: { s: { camera: { source: '0' }, recipe: 'r' } },
		recipes: { r: { model: 'm', alarms: { it: alarm } } },
	}).recipes.r!.alarms.it!;

const VERDICTS: Readonly<Record<string, Verdict>> = { a: 'accept', r: 'reject', e: 'error' };

/** `arre` are verdicts; a number is the level of an accepted part's score; `+5` lets so many minutes pass, `-5` sets the clock back. */
function samplesOf(text: string): Sample[] {
	let recordedMs = 1_000_000_000;
	let id = 0;
	return text.split(/\s+|(?<=[are])(?=[are])/).flatMap((word): Sample[] => {
		if (/^[+-]/.test(word)) {
			recordedMs += Number(word) * 60_000;
			return [];
		}
		id += 1;
		const verdict = VERDICTS[word] ?? 'accept';
		const level = word in VERDICTS ? (verdict === 'error' ? null : 0.5) : Number(word);
		return [{ id, verdict, level, recordedMs }];
	});
}

/** After each verdict: `^` active, `.` not. */
function shown(alarm: object, text: string): string {
	const rules = { it: parsed(alarm) };
	const samples = samplesOf(text);
	let standing = alarmsFor(rules, []);
	return samples
		.map((_, i) => {
			standing = judged(rules, standing, samples.slice(0, i + 1), 0);
			return isActive(standing[0]!.state) ? '^' : '.';
		})
		.join('');
}

const table: readonly (readonly [what: string, alarm: object, verdicts: string, active: string])[] = [
	['three rejects in a row', { consecutive: { n: 3 } }, 'rrarrrra', '.....^^.'],
	['one reject', { consecutive: { n: 1 } }, 'arrae', '.^^..'],
	['rejects in a row, which an error parts', { consecutive: { n: 2 } }, 'rerr', '...^'],
	['errors in a row', { consecutive: { of: 'errors', n: 2 } }, 'ererreea', '......^.'],
	['rejects and errors in a row', { consecutive: { of: 'both', n: 3 } }, 'reraere', '..^...^'],
	['two of the last four', { kOfN: { k: 2, n: 4 } }, 'raaraara', '...^..^.'],
	['all of the last three', { kOfN: { k: 3, n: 3 } }, 'rrrarrr', '..^...^'],
	['one of the last one', { kOfN: { k: 1, n: 1 } }, 'rar', '^.^'],
	['errors among the last', { kOfN: { of: 'errors', k: 2, n: 3 } }, 'erereaa', '..^.^..'],
	['a share of few parts', { rate: { share: 0.5, parts: 4, least: 2 } }, 'raraaaa', '.^^^...'],
	['a share with too few parts', { rate: { share: 0.5, parts: 100 } }, 'r'.repeat(21), `${'.'.repeat(19)}^^`],
	[
		'a share that clears low',
		{ rate: { share: 0.5, clearShare: 0, parts: 2, least: 2 } },
		'rraraa',
		'.^^^^.',
	],
	[
		'a share that clears close below',
		{ rate: { share: 0.75, clearShare: 0.7, parts: 4, least: 4 } },
		'rrraara',
		'...^...',
	],
	[
		'a share of a tenth exactly',
		{ rate: { share: 0.1, parts: 10, least: 10 } },
		'raaaaaaaaaa',
		'.........^.',
	],
	['all parts', { rate: { share: 1, parts: 3, least: 3 } }, 'rrrar', '..^^^'],
	[
		'a share of the last minutes',
		{ rate: { share: 0.5, minutes: 10, least: 2 } },
		'r r +11 a a +1 r r r',
		'.^^..^^',
	],
	[
		'minutes while nothing can be told: as it was',
		{ rate: { share: 0.5, minutes: 10, least: 3 } },
		'r r r +60 a a a',
		'..^^^.',
	],
	[
		'minutes of a clock that is set back',
		{ rate: { share: 0.5, minutes: 10, least: 2 } },
		'r r -120 a a',
		'.^^.',
	],
	[
		'scores that come close',
		{ score: { above: 0.9, clearBelow: 0.8, parts: 1 } },
		'0.5 0.9 0.85 0.8 0.85',
		'.^^..',
	],
	[
		'the median of scores, not one that is far off',
		{ score: { above: 0.9, clearBelow: 0.8, parts: 3 } },
		'0.5 0.5 99 0.5 0.95 0.95 0.1',
		'....^^^',
	],
	[
		'scores where half are missing',
		{ score: { above: 0.4, clearBelow: 0.1, parts: 4 } },
		'a e a e e',
		'..^^^',
	],
];

for (const [what, alarm, verdicts, active] of table)
	alarms(`${JSON.stringify(alarm)} of ${verdicts.length > 30 ? 'many' : verdicts} sees ${what}`, () => {
		assert.is(shown(alarm, verdicts), active);
	});

alarms('of every kind stand in the table above', () => {
	const seen = new Set(table.flatMap(([, alarm]) => Object.keys(alarm)));
	assert.equal([...seen].sort(), [...ruleNames].sort());
	assert.equal(Object.keys(RULES).sort(), [...ruleNames].sort());
});

alarms('look at so many parts and no more', () => {
	const rules = {
		a: parsed({ consecutive: { n: 7 } }),
		b: parsed({ kOfN: { k: 2, n: 40 } }),
		c: parsed({ score: { above: 2, clearBelow: 1 } }),
	};
	assert.is(mostParts(rules), 40);
	assert.is(mostParts({ a: parsed({ rate: { share: 0.5, minutes: 5 } }) }), 10_000);
	assert.is(mostParts({}), 0);
});

const steps = ['raise', 'clear', 'acknowledge'] as const;

const latch: Readonly<Record<string, string>> = {
	'normal, raise': 'active-unacknowledged',
	'normal, clear': 'normal',
	'normal, acknowledge': 'normal',
	'active-unacknowledged, raise': 'active-unacknowledged',
	'active-unacknowledged, clear': 'latched-unacknowledged',
	'active-unacknowledged, acknowledge': 'active-acknowledged',
	'active-acknowledged, raise': 'active-acknowledged',
	'active-acknowledged, clear': 'normal',
	'active-acknowledged, acknowledge': 'active-acknowledged',
	'latched-unacknowledged, raise': 'active-unacknowledged',
	'latched-unacknowledged, clear': 'latched-unacknowledged',
	'latched-unacknowledged, acknowledge': 'normal',
};

alarms('are latched until they are acknowledged', () => {
	const all = alarmStates.flatMap((state) =>
		steps.map((step) => [`${state}, ${step}`, TRANSITIONS[state][step]] as const),
	);
	assert.equal(Object.fromEntries(all), latch);
});

alarms('tell since when, by which verdict, with what value and how often they were raised', () => {
	const rules = { it: parsed({ consecutive: { n: 2 } }) };
	const samples = samplesOf('rrarr');
	let [alarm] = alarmsFor(rules, []);
	const pass = (upTo: number) => {
		[alarm] = judged(rules, [alarm!], samples.slice(0, upTo), upTo);
		const { state, sinceMs, verdict, value, setpoint, times } = alarm!;
		return [state, sinceMs, verdict, value, setpoint, times];
	};
	assert.equal(pass(1), ['normal', null, null, null, 2, 0]);
	assert.equal(pass(2), ['active-unacknowledged', 2, 2, 2, 2, 1]);
	assert.equal(pass(3), ['latched-unacknowledged', 3, 2, 2, 2, 1]);
	assert.equal(pass(5), ['active-unacknowledged', 5, 5, 2, 2, 2]);
	alarm = acknowledged(alarm!, 6);
	assert.equal([alarm.state, alarm.sinceMs, alarm.times], ['active-acknowledged', 6, 2]);
	assert.is(acknowledged(alarm, 7), alarm);
	assert.equal(pass(3), ['normal', 3, null, null, 2, 0]);
});

alarms('that stand keep their state where their rule is another, and go where it is none', () => {
	const before = judged(
		{ it: parsed({ consecutive: { n: 2 } }) },
		alarmsFor({ it: parsed({ consecutive: { n: 2 } }) }, []),
		samplesOf('rr'),
		5,
	);
	const another = { it: parsed({ kOfN: { k: 3, n: 4 } }), more: parsed({ consecutive: { n: 1 } }) };
	const kept = alarmsFor(another, before);
	assert.equal(
		kept.map(({ alarm, rule, state, setpoint }) => [alarm, rule, state, setpoint]),
		[
			['it', 'kOfN', 'active-unacknowledged', 3],
			['more', 'consecutive', 'normal', 1],
		],
	);
	const after = judged(another, kept, samplesOf('rr'), 6);
	assert.equal(alarmChanges(before, after), [{ alarm: 'it', change: 'cleared' }]);
	assert.equal(alarmChanges(after, alarmsFor({}, after)), [
		{ alarm: 'it', change: 'removed' },
		{ alarm: 'more', change: 'removed' },
	]);
	assert.equal(alarmChanges(alarmsFor(another, []), []), [], 'nothing stood');
});

alarms.run();
