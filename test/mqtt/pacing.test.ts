import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { paced } from '../../src/mqtt/pacing.js';
import { Outbox } from './outbox.js';

const pacing = suite('pacing');

pacing('gives a burst, then so many bytes a second, and asks to be woken', () => {
	const outbox = new Outbox({ messages: 1000, bytes: 1e9 });
	for (let i = 0; i < 300; i += 1) outbox.put({ topic: 'p', payload: Buffer.alloc(9_990), kind: 'heatmap' });
	let nowMs = 0;
	let wakeMs: number | undefined;
	const source = paced(
		outbox,
		{ bytesPerSecond: 100_000, burstBytes: 50_000 },
		{
			now: () => nowMs,
			wakeIn: (ms) => {
				wakeMs = nowMs + ms;
			},
		},
	);
	let bytes = 0;
	const take = () => {
		for (;;) {
			const message = source.next(() => false);
			if (!message) return;
			bytes += message.payload.length;
			source.acknowledge(message);
		}
	};
	take();
	assert.ok(bytes >= 50_000 && bytes <= 60_000, `${bytes} bytes at once`);
	while (nowMs < 10_000 && wakeMs !== undefined) {
		assert.ok(wakeMs > nowMs);
		nowMs = wakeMs;
		wakeMs = undefined;
		take();
	}
	assert.ok(Math.abs(bytes - 50_000 - (nowMs / 1000) * 100_000) < 20_000, `${bytes} bytes in ${nowMs} ms`);
	nowMs += 3_600_000;
	const before = bytes;
	take();
	assert.ok(bytes - before <= 60_000, 'a rest is no credit beyond the burst');
});

pacing('lets a message pass that is larger than the burst', () => {
	const outbox = new Outbox({ messages: 10, bytes: 1e9 });
	outbox.put({ topic: 'p', payload: Buffer.alloc(1_000_000), kind: 'heatmap' });
	const source = paced(
		outbox,
		{ bytesPerSecond: 1000, burstBytes: 1000 },
		{ now: () => 0, wakeIn: () => {} },
	);
	assert.is(source.next(() => false)?.payload.length, 1_000_000);
});

pacing.run();
