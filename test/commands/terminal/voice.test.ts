import { Writable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { voiceOf } from '../../../src/commands/terminal/voice.js';

const voices = suite('what the program says');

voices(
	'waits for a slow reader up to a megabyte, drops more and counts it, and goes on when it is read',
	async () => {
		const read: string[] = [];
		let release = () => {};
		const stream = new Writable({
			highWaterMark: 1,
			write: (chunk, _encoding, done) => {
				read.push(String(chunk));
				release = done;
			},
		});
		const voice = voiceOf(stream);
		for (let i = 0; i < 30; i += 1) voice.say('x'.repeat(100_000));
		assert.ok(stream.writableLength < 1.2e6, `${stream.writableLength}`);
		const dropped = voice.dropped();
		assert.is(dropped, 30 - stream.writableLength / 100_000);
		assert.is(voice.dropped(), 0);
		while (stream.writableLength > 0) {
			release();
			await new Promise((resolve) => setImmediate(resolve));
		}
		voice.say('again');
		await new Promise((resolve) => setImmediate(resolve));
		assert.ok(read.at(-1) === 'again');
		assert.is(voice.dropped(), 0);
	},
);

voices('is not said to a reader who is gone, and nothing else happens', async () => {
	const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
	const voice = voiceOf(stream);
	voice.say('one');
	await new Promise((resolve) => setImmediate(resolve));
	voice.say('two');
	assert.is(stream.errored?.message, 'EPIPE');
});

voices.run();
