import type { TeachWorld } from '../learn/lesson.js';
import { processorHere, watchWork } from '../machine/processor.js';
import { opencvVersion } from '../opencv/library.js';
import { encodeSheet } from '../opencv/sheet.js';
import { onnxruntimeVersion, openSession } from '../ort/session.js';

/** The real one, for a process that teaches or adopts. */
export function teachWorld(
	inspectord: string,
	signal: AbortSignal,
	report: TeachWorld['report'],
): TeachWorld {
	return {
		openSession,
		report,
		signal,
		now: () => performance.now(),
		wallClock: () => new Date(),
		processor: processorHere,
		watchOthers: async () => {
			const worked = await watchWork([process.pid]);
			return async () => (await worked()).others;
		},
		memoryMb: () => Math.round(process.memoryUsage.rss() / 1e6),
		encodeSheet,
		versions: { inspectord, onnxruntime: onnxruntimeVersion(), opencv: opencvVersion() },
	};
}
