import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../src/protocol/events.js';
import { gapEntry, gapMessage, gapSchema } from '../../src/protocol/gap.js';

const gaps = suite('the message of a gap');

gaps('says which numbers of which station are missing, and why', () => {
	const entry = gapEntry('cell-4', 'lid', { from: 3, to: 9, reason: 'retention' }, 1_700_000_000_000);
	const event: Event = {
		...JSON.parse(JSON.stringify(entry)),
		id: 12,
		sequence: null,
		recordedMs: 1_700_000_000_001,
	};
	const message = gapMessage(event, { series: 'ab', publishedMs: 1_700_000_001_000 });
	assert.equal(message, {
		schema: 1,
		id: 'ab-12',
		box: 'cell-4',
		station: 'lid',
		from: 3,
		to: 9,
		reason: 'retention',
		recorded: '2023-11-14T22:13:20.001Z',
		published: '2023-11-14T22:13:21.000Z',
	});
	assert.equal(gapSchema.parse(message), message);
});

gaps.run();
