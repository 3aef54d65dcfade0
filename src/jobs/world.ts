import type { TeachWorld } from '../learn/lesson.js';
import { opencvVersion } from '../opencv/library.js';
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
		memoryMb: () => Math.round(process.memoryUsage.rss() / 1e6),
		versions: { inspectord, onnxruntime: onnxruntimeVersion(), opencv: opencvVersion() },
	};
}
