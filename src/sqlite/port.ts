import { Worker } from 'node:worker_threads';
import type { Answer, Ask } from './exchange.js';

/** The way to the journal's writer, and back. */
export type WriterPort = {
	post(ask: Ask): void;
	/** `onFault` hears a fault of ours, after which nothing more is answered. */
	hear(onAnswer: (answer: Answer) => void, onFault: (fault: Error) => void): void;
	end(): Promise<void>;
};

/** A writer in a thread of its own: an fsync may take long, and nothing else waits for it. */
export function startThread(): WriterPort {
	const worker = new Worker(new URL('./thread.js', import.meta.url), { name: 'journal' });
	return {
		post: (ask) => worker.postMessage(ask),
		hear: (onAnswer, onFault) => {
			worker.on('message', onAnswer);
			worker.on('error', onFault);
		},
		end: async () => {
			await worker.terminate();
		},
	};
}
