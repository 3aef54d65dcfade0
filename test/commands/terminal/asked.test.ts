import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../../src/base/failure.js';
import {
	askedIn,
	refuseUnreadable,
	requestHelp,
	requestsHelp,
} from '../../../src/commands/terminal/asked.js';
import { requestExamples } from '../../../src/protocol/request-examples.js';
import { requestNames } from '../../../src/protocol/requests.js';

const asked = suite('what is asked on a command line');

const understood: readonly (readonly [name: string, words: readonly string[], asked: object])[] = [
	['events', ['station=5', 'limit=5', 'verdict=reject'], { station: '5', limit: 5, verdict: 'reject' }],
	['threshold', ['values=0.5', 'values=0.7'], { values: [0.5, 0.7] }],
	['threshold', ['values=[0.5, 0.7]', 'apply=bundle'], { values: [0.5, 0.7], apply: 'bundle' }],
	['threshold', ['apply=0.7'], { apply: 0.7 }],
	['threshold', ['apply=0,7'], { apply: '0,7' }],
	['threshold', ['values=0,7'], { values: ['0,7'] }],
	['redeliver', ['letters=3'], { letters: [3] }],
	['config', ['patch={"a":1}', 'dryRun=true'], { patch: { a: 1 }, dryRun: true }],
	['state', ['{"a":1}'], { a: 1 }],
	['events', ['part=a=b'], { part: 'a=b' }],
	['nothing', ['a=1'], { a: 1 }],
	['state', [], {}],
];

for (const [name, words, wanted] of understood)
	asked(`is understood: ${name} ${words.join(' ')}`, () => assert.equal(askedIn(name, words), wanted));

const refused: readonly (readonly [name: string, words: readonly string[], message: RegExp])[] = [
	['events', ['limit=1', 'limit=2'], /"limit" is given twice/],
	['events', ['limit'], /Cannot understand "limit"/],
	['events', ['=1'], /Cannot understand "=1"/],
	['threshold', ['apply=0,7'], /apply: .*read was "0,7": write 0.7 without quotes/],
	['threshold', ['values=0,7'], /values.0: .*read was "0,7": write 0.7 without quotes/],
	['threshold', ['values=1e400'], /values.0: /],
	['threshold', ['values=NaN'], /values.0: expected number, received string; read was "NaN"/],
	['threshold', ['appply=1'], /appply: unknown key, did you mean "apply"\?/],
	['bundles', ['action=aktivate'], /action: .*read was "aktivate", did you mean "activate"\?/],
	['recipe', ['station=s'], /recipe: is missing/],
	['recipes', ['station=s'], /no request "recipes"/],
	['__proto__', [], /no request "__proto__"/],
];

for (const [name, words, message] of refused)
	asked(`is refused: ${name} ${words.join(' ')}`, () => {
		try {
			refuseUnreadable(name, { ...askedIn(name, words), id: '1' });
		} catch (thrown) {
			assert.instance(thrown, Failure);
			assert.is((thrown as Failure).code, 'usage');
			assert.match((thrown as Failure).message, message);
			return;
		}
		assert.unreachable('it was understood');
	});

asked('is told by a help for each request, with an example that is understood', () => {
	const all = requestsHelp();
	for (const name of requestNames) {
		assert.match(all, new RegExp(`^  ${name} +\\S`, 'm'));
		const help = requestHelp(name);
		const example = /^ {2}inspectord ask \w+ ?(?:'(.*)')? --config line.yaml$/m.exec(help);
		assert.ok(example, help);
		const words = example[1] === undefined ? [] : [example[1]];
		assert.equal(askedIn(name, words), requestExamples[name].at(-1)!.ask);
		refuseUnreadable(name, { ...askedIn(name, words), id: '1' });
	}
	assert.match(requestHelp('recipe'), /station=string\n {6}Needed\./);
	assert.match(requestHelp('threshold'), /to apply one as engineer/);
});

asked.run();
