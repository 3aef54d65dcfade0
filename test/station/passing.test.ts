import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../src/base/random.js';
import { hasMosquitto } from '../mosquitto.js';
import { isJudged, passParts, wrongIn } from '../passing.js';
import { temporaryFolder } from '../tiny-bundle.js';

const passing = suite('parts that pass a camera');

passing(
	'are never judged on a frame that shows another part or none, whatever the station is held up by',
	async () => {
		if (!hasMosquitto()) return;
		await using folder = await temporaryFolder();
		const passed = await passParts(folder.path, 40, randomFrom(3), 0);
		assert.equal(wrongIn(passed), []);
		assert.ok(passed.some(isJudged));
		const numbers = passed.map(({ verdict }) => verdict!.sequence);
		assert.is(new Set(numbers).size, passed.length);
		assert.is(Math.max(...numbers), passed.length);
	},
);

passing.run();
