import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cases, inWords } from './cases.js';
import { EXAMPLES, type Said } from './plant.js';

const ignition = suite('docs/scada/ignition.py');

/** Reads steps as JSON from standard input, and says what the ledger of the example says of them. */
const DRIVER = `
import json, sys
sys.dont_write_bytecode = True
scope = {}
exec(compile(open(sys.argv[1]).read(), sys.argv[1], 'exec'), scope)
told = []
for steps in json.loads(sys.stdin.read()):
    ledger, now, said = scope['open_ledger'](0), 0, []
    for step in steps:
        if isinstance(step, dict):
            said += scope['heard'](ledger, step['topic'], step['text'], step['retain'], now)
        else:
            now = step / 1000.0
            said += scope['overdue'](ledger, now)
        ledger = json.loads(json.dumps(ledger))
    told.append(said)
print(json.dumps(told))
`;

/** Ignition runs Jython 2.7; where that is not there, its text is still Python. */
for (const python of ['/usr/bin/jython', '/usr/bin/python3']) {
	ignition(`its ledger says under ${python} what the other examples say`, () => {
		if (!existsSync(python)) {
			console.log(`skipped: ${python} is not installed`);
			return;
		}
		const all = Object.entries(cases);
		const steps = all.map(([, [messages]]) =>
			messages.map((step) =>
				typeof step === 'number'
					? step
					: { topic: step.topic, retain: step.retain, text: step.payload.toString('latin1') },
			),
		);
		const { stdout, stderr } = spawnSync(python, ['-c', DRIVER, `${EXAMPLES}ignition.py`], {
			input: JSON.stringify(steps),
			encoding: 'utf8',
			timeout: 60_000,
		});
		assert.ok(stdout.startsWith('['), stderr);
		const told = JSON.parse(stdout) as Said[][];
		for (const [i, [title, [, wanted]]] of all.entries()) assert.equal(told[i]!.map(inWords), wanted, title);
	});
}

ignition.run();
