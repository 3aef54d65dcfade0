import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createManner } from '../../src/mqtt/manner.js';
import { NO_LIMITS } from '../../src/mqtt/outlet.js';

const manner = suite('how a broker is spoken to');

const whole = { qos: 1, retain: true };
const silent = { text: 'closed' };
const refusedBy = (code: number) => ({ code, text: '' });

manner('changes what the broker names, and nothing else', () => {
	const found = createManner(5);
	for (const [code, expected] of [
		[0x86, { version: 5, will: whole }],
		[0x9a, { version: 5, will: { qos: 1, retain: false } }],
		[0x9b, { version: 5, will: { qos: 0, retain: false } }],
		[0x84, { version: 4, will: { qos: 0, retain: false } }],
		[0x87, { version: 4, will: undefined }],
		[0x87, { version: 4, will: whole }],
	] as const) {
		found.refused(refusedBy(code));
		assert.equal(found.current, expected);
	}
});

manner(
	'tries lesser ways where a broker closes without a word, the whole one twice, and begins anew after a connection',
	() => {
		const found = createManner(5);
		const ways = [];
		for (let i = 0; i < 6; i += 1) {
			ways.push(found.current);
			found.refused(silent);
		}
		assert.equal(ways, [
			{ version: 5, will: whole },
			{ version: 5, will: whole },
			{ version: 4, will: whole },
			{ version: 4, will: { qos: 1, retain: false } },
			{ version: 4, will: { qos: 0, retain: true } },
			{ version: 4, will: undefined },
		]);
		assert.equal(found.current, { version: 5, will: whole });
		for (let i = 0; i < 4; i += 1) found.refused(silent);
		assert.equal(found.within(NO_LIMITS), { ...NO_LIMITS, maximumQos: 0 });
		found.ended();
		assert.equal(found.current, { version: 5, will: whole });
		assert.equal(found.within(NO_LIMITS), NO_LIMITS);
	},
);

manner('is not changed by a broker that is away', () => {
	const found = createManner(5);
	for (const cause of ['ECONNREFUSED', 'ENOTFOUND', 'NOT_MQTT']) found.refused({ text: '', cause });
	assert.equal(found.current, { version: 5, will: whole });
});

manner('asks again with a will before it goes without one', () => {
	const found = createManner(5);
	found.refused(refusedBy(0x87));
	assert.is(found.again(), true);
	assert.equal(found.current.will, whole);
	found.refused(refusedBy(0x87));
	assert.is(found.again(), false);
	assert.is(found.current.will, undefined);
	found.ended();
	assert.equal(found.current.will, whole);
});

manner.run();
