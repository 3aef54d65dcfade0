import type { Writable } from 'node:stream';

/** What waits for a slow reader at most, in bytes: more is dropped. */
const MOST_UNREAD = 1 << 20;

export type Voice = {
	say(text: string): void;
	/** How many texts were dropped since this was last asked. */
	dropped(): number;
};

/**
 * A way to speak that nothing can silence the program by: a reader who is gone is spoken to no more, and one who does not read
 * costs a bounded amount of memory.
 */
export function voiceOf(stream: Writable): Voice {
	let dropped = 0;
	let gone = false;
	// Node writes to terminals blocking, and Ctrl-S would stop the whole process; it has no public way to say so.
	(stream as { _handle?: { setBlocking?(on: boolean): void } })._handle?.setBlocking?.(false);
	stream.on('error', () => {
		gone = true;
	});
	return {
		say: (text) => {
			if (gone) return;
			if (stream.writableLength > MOST_UNREAD) dropped += 1;
			else stream.write(text);
		},
		dropped: () => {
			const count = dropped;
			dropped = 0;
			return count;
		},
	};
}
